"""An architecture and weights in files of their own, through the API and the command line."""

import json
import re

import numpy as np
import pytest

import converter
from converter import cli
from converter.errors import KerasFileError, UsageError
from converter.loading import load
from tests.contents import contents
from tests.keras_file.forms import FORMS, fixture, folder
from tests.loading.test_zoo import assert_equal_predictions
from tests.paths import ZOO

pytestmark = pytest.mark.slow

MODEL, WEIGHTS = FORMS / "keras315_apart.json", FORMS / "keras315_apart.weights.h5"


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The model of the fixture, through the command line."""
    target = tmp_path_factory.mktemp("apart") / "apart.mlmodel"
    options = ["--weights", str(WEIGHTS), "--verify-update", "-q", "-o", str(target)]
    assert cli.run(["convert", str(MODEL), *options]) == 0
    return target


def test_it_predicts_as_keras_did_and_learns_like_it(converted):
    (x,), expected = fixture("keras315_apart")
    model = converter.load(converted)
    actual = next(iter(model.predict(x).values()))
    assert np.abs(actual - expected).max() <= 1e-5 * np.ptp(expected)
    assert model.recipe.weights.name == "keras315_apart.weights.h5"
    assert model.verify(against=MODEL, weights=WEIGHTS, steps=1).passed(1e-5)


def test_python_takes_weights_by_name_and_verifies_with_them():
    model = converter.convert(MODEL, weights=FORMS / "keras315_apart_checkpoint")
    assert model.report.parity < 1e-5
    assert model.verify(steps=1).passed(1e-5)


def test_a_live_model_has_its_own_weights():
    model = load(MODEL, weights=WEIGHTS).model
    with pytest.raises(UsageError, match=r"here call model\.load_weights"):
        converter.convert(model, weights=WEIGHTS)


def test_weights_of_another_file_replace_those_of_a_model():
    whole, other = FORMS / "tf215_branching.zip", FORMS / "tf215_apart_saved"
    (x,), expected = fixture("tf215_apart")
    assert_equal_predictions(load(whole, weights=other).model, [x], [expected])


def test_verify_takes_the_weights_of_the_keras_model(converted, tmp_path, capsys):
    against = ["--against", str(MODEL), "--steps", "1", "--json"]
    assert cli.run(["verify", str(converted), *against, "--weights", str(WEIGHTS)]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "passed"
    assert cli.run(["verify", str(converted), *against]) == 1
    assert "without its weights; name the file" in capsys.readouterr().err


def test_inspect_and_recipe_init_take_them(tmp_path, capsys):
    assert cli.run(["inspect", str(MODEL), "--weights", str(WEIGHTS), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["optimizer"] == "SGD"
    target = tmp_path / "apart.yaml"
    init = ["recipe", "init", str(MODEL), "--weights", str(WEIGHTS), "-q", "-o", str(target)]
    assert cli.run(init) == 0
    assert "\nweights: " in target.read_text()
    assert cli.run(["recipe", "check", str(target)]) == 0
    target.write_text(target.read_text().replace(".weights.h5", ".lost.h5"))
    capsys.readouterr()
    assert cli.run(["recipe", "check", str(target)]) == 1
    assert "weights" in (error := capsys.readouterr().err)
    assert "there is no such file of weights" in error


def test_what_was_learned_goes_back_with_the_weights_into_one_file(converted, tmp_path, capsys):
    target = tmp_path / "personal.keras"
    into = ["extract", str(converted), "--into", str(MODEL), "-o", str(target)]
    assert cli.run(into) == 1
    assert "name the file that has them with --weights" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"another file, keras315_apart.* give it with weights"):
        converter.load(converted).extract(FORMS / "tf215_branching.zip", target)
    assert cli.run([*into, "--weights", str(WEIGHTS)]) == 0
    (x,), expected = fixture("keras315_apart")
    assert_equal_predictions(load(target).model, [x], [expected])


def test_what_was_learned_goes_from_a_saved_model_into_a_keras_file(tmp_path):
    source = folder("tf215_plain", tmp_path)
    before = contents(source)
    model = converter.convert(source)
    model.extract(source, tmp_path / "personal.keras")
    (x,), expected = fixture("tf215_plain")
    assert_equal_predictions(load(tmp_path / "personal.keras").model, [x], [expected])
    assert contents(source) == before


def test_what_was_learned_goes_from_a_zip_into_a_keras_file(tmp_path):
    source, target = FORMS / "tf212_plain.zip", tmp_path / "personal.keras"
    converter.convert(source).extract(source, target)
    (x,), expected = fixture("tf212_plain")
    assert_equal_predictions(load(target).model, [x], [expected])


def test_layers_with_other_names_get_theirs_in_order(tmp_path):
    """As in Keras: names count what a session has made before."""
    path = tmp_path / "renamed.json"
    path.write_text((FORMS / "tf215_apart.json").read_text().replace("narrow", "narrow_7"))
    (x,), expected = fixture("tf215_apart")
    loaded = load(path, weights=FORMS / "tf215_apart_by_layer.h5")
    assert_equal_predictions(loaded.model, [x], [expected])
    assert loaded.notes == (
        "the weights are of layers with other names ('narrow'; the first layer here is 'conv'), "
        "and went to the layers in their order, as in Keras",
    )
    assert load(path, weights=FORMS / "tf215_apart.weights.h5").notes == ()


SAME = '"strides": [1, 1], "padding": "same"'
OTHERS = ("tf215_apart_by_layer.h5", "tf215_apart.weights.h5", "tf215_apart_saved")


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"units": 3', '"units": 4'), r"'head'.*\(6, 4\).*\(6, 3\)"),
        ((f"[3, 3], {SAME}", f"[5, 5], {SAME}"),
         r"layer 'separable' \(SeparableConv2D\) has a \S+ of shape \(5, 5, 4, 1\), .* "
         r"holds \(3, 3, 4, 1\)"),
        (('"units": 3, "activation": "softmax", "use_bias": true',
          '"units": 3, "activation": "softmax", "use_bias": false'),
         r"layer 'head' \(Dense\) has 1 weights, but the file holds 2 arrays"),
    ],
)  # fmt: skip
def test_the_first_layer_that_does_not_fit_is_named(name, change, message, tmp_path):
    text = (FORMS / "tf215_apart.json").read_text()
    assert change[0] in text
    path = tmp_path / "other.json"
    path.write_text(text.replace(*change))
    with pytest.raises(KerasFileError, match=message) as caught:
        load(path, weights=FORMS / name)
    assert str(caught.value).startswith(f"{FORMS / name}: ")


@pytest.mark.parametrize(
    ("model", "weights", "message"),
    [
        (MODEL, None, "architecture of a model, without its weights; name the file that has them"),
        (MODEL, MODEL, "is the architecture of a model, without weights; give it as the model"),
        (WEIGHTS, MODEL, "is the architecture of a model, without weights; give it as the model"),
        (WEIGHTS, None, "holds weights only, no architecture; .* give as the model, and this one"),
        (FORMS / "tf215_apart_saved.index", None, "checkpoint, weights without an architecture"),
        (MODEL, FORMS / "lost.h5", "there is no such file of weights"),
        (ZOO / "tf215_hdf5.h5", ZOO / "tf215_hdf5.h5", "is the model itself"),
        (MODEL, ZOO / "tf215_hdf5.npz", "holds no weights"),
        (MODEL, ZOO, "is a folder, not a Keras file"),
        (MODEL, ZOO / "tf215_hdf5.h5", "'inside' .* 7 weights, but .* 2 arr"),
        (FORMS / "keras315_apart.npz", WEIGHTS, "is a NumPy archive"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_nothing_is_written(
    model, weights, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    options = ["--weights", str(weights)] if weights else []
    assert cli.run(["convert", str(model), *options, "--loss", "categorical_crossentropy"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"class_name": "Sequential", "config": ', "is not valid JSON"),
        ("{" * 100_000, "is not valid JSON"),
        ('{"weight_map": {}, "metadata": {}}', "is a JSON file"),
        ('{"class_name": "Own", "config": {}}', "Own"),
        ('{"class_name": "Sequential", "config": {"layers": 3}}', "contradicts itself"),
    ],
)
def test_what_is_no_architecture_is_refused_in_one_line(text, message, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(KerasFileError, match=message) as caught:
        converter.convert(path, weights=WEIGHTS)
    assert "\n" not in str(caught.value)


def test_nothing_is_written_into_the_folder_of_a_model(tmp_path, monkeypatch, capsys):
    source = folder("tf215_plain", tmp_path)
    before = contents(source)
    inside = source / "variables" / "model.mlmodel"
    assert cli.run(["convert", str(source), "-o", str(inside)]) == 1
    assert "lies inside the input model" in capsys.readouterr().err
    monkeypatch.chdir(source)
    assert cli.run(["convert", "."]) == 1
    assert "modelUpdatable.mlmodel: lies inside" in capsys.readouterr().err
    assert contents(source) == before


def test_code_in_an_architecture_is_not_run(tmp_path):
    told = json.loads((FORMS / "tf215_apart.json").read_text())
    code = {"class_name": "Lambda", "config": {"name": "code", "function": ["4wEA", None, None]},
            "name": "code", "inbound_nodes": [[["head", 0, 0, {}]]]}  # fmt: skip
    told["config"]["layers"].append(code)
    told["config"]["output_layers"] = [["code", 0, 0]]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(told))
    with pytest.raises(KerasFileError, match=r"layer 'code' .*not run"):
        load(path, weights=FORMS / "tf215_apart_saved")
