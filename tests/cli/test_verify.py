"""``verify --against`` and ``convert --verify-update``, on real files."""

import tempfile
from pathlib import Path

import pytest

from converter.backend.tensorflow import keras
from converter.cli import run
from converter.conversion.metadata import RECIPE
from converter.coreml import mlmodel
from converter.proof import gradients
from tests.paths import ZOO

pytestmark = pytest.mark.slow

L = keras.layers


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(3)
    model = keras.Sequential([
        keras.Input((8, 8, 2)), L.Conv2D(3, 3, activation="relu", name="conv"), L.Flatten(),
        L.Dense(2, activation="softmax", name="head"),
    ])  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    model.save("model.keras")
    return "model.keras"


def called(capsys, *arguments):
    code = run([str(argument) for argument in arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


def test_pass(source, capsys):
    assert called(capsys, source, "--layers", "*", "-o", "m.mlmodel")[0] == 0
    before = Path("m.mlmodel").read_bytes(), Path(source).read_bytes()
    code, out, err = called(capsys, "verify", "m.mlmodel", "--against", source, "--steps", 3)
    assert (code, err) == (0, "")
    assert "updates: 3 step(s) of 16 samples" in out
    for name in ("conv.weights", "conv.bias", "head.weights", "head.bias"):
        assert name in out
    assert out.splitlines()[-1].startswith("PASS: the updates differ by ")
    assert (Path("m.mlmodel").read_bytes(), Path(source).read_bytes()) == before


def test_fail(source, capsys):
    assert called(capsys, source, "-o", "m.mlmodel")[0] == 0
    code, out, _ = called(capsys, "verify", "m.mlmodel", "--against", source, "--tolerance", 1e-12)
    assert code == 1
    assert out.splitlines()[-1].startswith("FAIL: the updates differ by ")


def test_another_model(source, capsys):
    assert called(capsys, source, "-o", "m.mlmodel")[0] == 0
    spec = mlmodel.read(Path("m.mlmodel"))
    spec.neuralNetwork.layers[0].convolution.weights.floatValue[0] += 1
    mlmodel.write(spec, Path("other.mlmodel"))
    code, _, err = called(capsys, "verify", "other.mlmodel", "--against", source)
    assert code == 1
    assert err.startswith("error: the predictions differ by ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "options", [(), ("--against", "model.keras", "--on-device")], ids=["neither", "both"]
)
def test_one_way_of_verifying(source, capsys, options):
    code, _, err = called(capsys, "verify", "m.mlmodel", *options)
    assert code == 2
    assert "say --against KERAS, or --on-device (one of them)" in err


def test_converting_with_an_update_step(source, capsys):
    code, out, err = called(capsys, source, "--layers", "*", "--verify-update", "-o", "m.mlmodel")
    assert (code, err) == (0, "")
    assert "note: 2 update steps equal Keras's to " in out
    with_step = Path("m.mlmodel").read_bytes()
    spec, plain = mlmodel.parse(with_step, "m"), None
    assert called(capsys, source, "--layers", "*", "-o", "plain.mlmodel")[0] == 0
    plain = mlmodel.read(Path("plain.mlmodel"))
    for each in (spec, plain):
        each.description.metadata.Clear()  # it holds the recipe
    assert spec == plain, "the comparison has left the weights as they were"


def test_no_temporary_file_is_left(source, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))  # for child processes
    monkeypatch.setattr(tempfile, "tempdir", None)  # read anew
    assert run([source, "--verify-update"]) == 0
    assert tempfile.gettempdir() == str(folder)
    assert Path("modelUpdatable.mlmodel").exists()
    assert not list(folder.iterdir())


def test_a_folded_batch_normalization_is_verified_and_a_wrong_step_not_written(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([
        keras.Input((8, 8, 2)), L.Conv2D(3, 3, name="conv"), L.BatchNormalization(name="bn"),
        L.ReLU(), L.Flatten(), L.Dense(2, activation="softmax", name="head"),
    ])  # fmt: skip
    model.get_layer("bn").gamma.assign([2.0, 1.0, 0.5])
    model.compile("adam", "categorical_crossentropy")
    model.save("bn.keras")
    chosen = ("--layers", "conv,head", "--verify-update", "-o")
    code, out, _ = called(capsys, "bn.keras", *chosen, "bn.mlmodel")
    assert code == 0
    assert "with the batch normalization folded into conv in Keras, too" in out
    whole = gradients.keras_optimizer
    monkeypatch.setattr(
        gradients, "keras_optimizer", lambda *given: whole_with(whole(*given), 0.002)
    )
    code, _, err = called(capsys, "bn.keras", *chosen, "wrong.mlmodel")
    assert code == 1
    assert "an update step of" in err
    assert not Path("wrong.mlmodel").exists()


def whole_with(optimizer, rate):
    optimizer.learning_rate = rate
    return optimizer


LAMBDA, SCALED = ZOO / "keras315_lambda.keras", ("--scale", "0.00392156863", "--bias", "-0.5")


def test_a_lambda_that_flags_stand_for_is_known_from_the_file(tmp_path, capsys):
    target = tmp_path / "m.mlmodel"
    assert called(capsys, LAMBDA, *SCALED, "-o", target)[0] == 0
    code, out, err = called(capsys, "verify", target, "--against", LAMBDA)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith("PASS")
    code, _, err = called(capsys, "verify", target, "--against", LAMBDA, "--bias", "0.25")
    assert code == 1
    assert "the predictions differ by" in err


@pytest.mark.parametrize("carried", ["", "- no recipe", "scale: [", "unknown: 3"])
def test_without_a_recipe_in_the_file_the_flags_are_asked_for_and_work(carried, tmp_path, capsys):
    target = tmp_path / "m.mlmodel"
    assert called(capsys, LAMBDA, *SCALED, "-o", target)[0] == 0
    spec = mlmodel.read(target)
    spec.description.metadata.userDefined[RECIPE] = carried
    mlmodel.write(spec, target)
    code, _, err = called(capsys, "verify", target, "--against", LAMBDA)
    assert code == 1
    assert "say how with --scale and --bias" in err
    assert called(capsys, "verify", target, "--against", LAMBDA, *SCALED)[0] == 0


def test_an_open_size_is_known_from_the_file(tmp_path, capsys):
    target, source = tmp_path / "m.mlmodel", ZOO / "tf24_any_size.h5"
    options = ("--input-shape", "16,16,3")
    assert called(capsys, source, *options, "-o", target)[0] == 0
    assert called(capsys, "verify", target, "--against", source)[0] == 0


def test_a_weight_that_is_no_number_is_named(source, capsys):
    assert called(capsys, source, "-o", "m.mlmodel")[0] == 0
    model = keras.models.load_model(source, compile=False)
    model.get_layer("conv").bias.assign([0.0, float("nan"), 0.0])
    model.save(source)
    code, _, err = called(capsys, "verify", "m.mlmodel", "--against", source)
    assert code == 1
    assert err == (
        "error: the Keras model cannot be compared: the bias of layer 'conv' (Conv2D) holds NaN\n"
    )


def test_what_was_folded_besides_a_batch_normalization_is_no_other_file(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([
        keras.Input((5,)), L.Dense(4, name="dense"), L.Rescaling(0.5), L.ReLU(),
        L.Dense(3, activation="softmax", name="head"),
    ])  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    model.save("folded.keras")
    assert called(capsys, "folded.keras", "--layers", "*", "-o", "m.mlmodel")[0] == 0
    code, _, err = called(capsys, "verify", "m.mlmodel", "--against", "folded.keras")
    assert code == 1
    assert "layer 'dense': its weights are not those of any layer" in err
    assert "though the predictions agree; something else than one batch normalization" in err
    assert "?" not in err
