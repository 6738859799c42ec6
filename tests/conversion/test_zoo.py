"""Every file of the zoo, written by real old and new Keras versions, through the command line.

Each converts with parity, or is refused in one true line.
"""

import pytest

from converter import cli
from converter.coreml import mlmodel
from converter.validation import validate
from tests.paths import ZOO

FILES = sorted(path.name for path in ZOO.iterdir() if path.suffix in (".h5", ".keras"))

OPTIONS = {
    "keras122_steering_lambda.h5": ["--scale", "0.00784313725", "--bias", "-1", "--loss", "mse"],
    "keras208_no_compile.h5": ["--loss", "mse"],
    "keras224_dense_vector.h5": ["--loss", "cce"],
    "keras224_three_outputs.h5": ["--output", "kind"],
    "keras305_hdf5_functional.h5": ["--output", "a"],
    "keras315_lambda.keras": ["--scale", "0.00392156863", "--bias", "-0.5"],
    "tf212_attention.h5": ["--output", "color"],
    "tf24_any_size.h5": ["--input-shape", "16,16,3"],
}
"""What a user adds after the first message."""

REFUSED = {
    "keras122_lstm.h5": "'lstm_1' (LSTM)",
    "keras224_lambda_in_the_middle.h5": "'squared' (Lambda) holds Python code",
    "keras224_signal_gru.h5": "'bidirectional_1' (Bidirectional): is recurrent",
    "keras224_weights_only.h5": "holds weights only",
    "keras315_image_to_image.keras": "output is an image [8, 8, 1]",
    "keras315_subclassed.keras": "is a subclassed model (Own)",
    "keras315_weights_only.weights.h5": "holds weights only",
    "keras37_int8.keras": "'dense' (Dense) is quantized to int8",
    "tf215_zip_recurrent.keras": "'bidirectional' (Bidirectional): is recurrent",
}

LOSSES = {"mse": "mean_squared_error", "cce": "categorical_crossentropy"}


def convert(name, target, options=()):
    options = [LOSSES.get(option, option) for option in options]
    return cli.run(["convert", str(ZOO / name), "-o", str(target), *options])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_a_file_converts_with_parity(name, tmp_path, capsys):
    target = tmp_path / "model.mlmodel"
    assert convert(name, target, OPTIONS.get(name, ())) == 0, capsys.readouterr().err
    assert "parity" in capsys.readouterr().out
    spec = mlmodel.read(target)
    assert list(mlmodel.updatable_layers(spec))
    assert not validate.has_errors(validate.findings(spec, must_be_updatable=True))


@pytest.mark.parametrize("name", OPTIONS)
def test_without_the_option_one_line_says_what_to_add(name, tmp_path, capsys):
    assert convert(name, tmp_path / "model.mlmodel") in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert OPTIONS[name][0] in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_in_one_true_line(name, tmp_path, capsys):
    assert convert(name, tmp_path / "model.mlmodel") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert REFUSED[name] in line
    assert not list(tmp_path.iterdir())


def test_the_zoo_is_as_large_as_it_should_be():
    assert len(FILES) >= 60
    assert set(OPTIONS) | set(REFUSED) <= set(FILES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("tf28_slashes.h5", ["block1_dense", "head/dense"]),
        ("keras37_lora.keras", ["dense", "head"]),
        ("tf24_preprocessed.h5", ["conv", "head"]),
    ],
)
def test_layers_of_recorded_files_are_chosen_by_their_own_names(name, layers, tmp_path):
    target = tmp_path / "model.mlmodel"
    assert convert(name, target, ["--layers", ",".join(layers), "--verify-update"]) == 0
    assert [layer.name for layer in mlmodel.updatable_layers(mlmodel.read(target))] == layers


def test_a_rate_that_a_file_holds_is_kept_from_an_optimizer_that_core_ml_has_not(tmp_path, capsys):
    assert convert("tf215_groups.keras", tmp_path / "model.mlmodel") == 0
    assert "Core ML has no Lion; the device learns with Adam, at the same rate, 0.0001" in (
        capsys.readouterr().out
    )
