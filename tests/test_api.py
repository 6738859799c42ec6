"""The Python API, on files and on live models."""

import doctest
import json
import platform
import re
from dataclasses import replace

import numpy as np
import pytest

import converter
from converter import api
from converter.arithmetic import COREML
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from converter.errors import (
    ArithmeticFileError,
    DataError,
    MakeUpdatableError,
    NotUpdatableError,
    OutputError,
    UsageError,
)
from converter.recipe import Recipe
from converter.recipe.reading import read
from tests.lower.oracle import sequential
from tests.paths import ROOT

LENET = ROOT / "models" / "lenet.h5"
L = keras.layers


@pytest.fixture(scope="module")
def lenet():
    return converter.convert(LENET, layers=["dense_5", "dense_6"], learning_rate=0.01)


@pytest.fixture
def live():
    model = sequential(
        (6, 6, 2), L.Conv2D(3, 3, activation="relu", name="conv"), L.Flatten(name="flat"),
        L.Dropout(0.5), L.Dense(3, activation="softmax", name="dense"),
    )  # fmt: skip
    model.compile("sgd", "categorical_crossentropy")
    return model


def updatable(model):
    return [layer.name for layer in mlmodel.updatable_layers(model.spec)]


def test_a_file_becomes_the_model_that_the_command_line_writes(lenet, tmp_path):
    from converter import cli

    path = lenet.save(tmp_path / "api.mlmodel")
    target = tmp_path / "cli.mlmodel"
    flags = ["--layers", "dense_5,dense_6", "--learning-rate", "0.01", "-o", str(target), "-q"]
    assert cli.run([str(LENET), *flags]) == 0
    assert path.read_bytes() == target.read_bytes()


@pytest.mark.skipif(platform.system() == "Darwin", reason="there, Core ML can be run")
def test_on_device_says_that_it_did_not_run(lenet):
    verdict = lenet.on_device()
    assert verdict.outcome.name == "NOT_RUN"
    assert "macOS" in verdict.reason
    with pytest.raises(UsageError, match="on_device is for the command line"):
        converter.convert(LENET, on_device=True)


def test_what_it_learns_and_how_is_told(lenet):
    assert updatable(lenet) == ["dense_5", "dense_6"]
    assert lenet.report.update.parameters["learning_rate"].default == 0.01
    assert lenet.validate() == []
    assert "dense_5, dense_6 learn by adam" in repr(lenet)
    table = lenet._repr_html_()
    assert table.count("<tr>") == 1 + len(lenet.spec.neuralNetwork.layers)
    assert "<td><b>dense_5</b></td>" in table
    assert "&lt;UpdatableModel" in table


def test_the_proof_is_predictions_and_update_steps(lenet):
    before = lenet.spec.SerializeToString(deterministic=True)
    result = lenet.verify(steps=2, samples=8)
    assert result.passed()
    assert result.steps == 2
    assert lenet.spec.SerializeToString(deterministic=True) == before


def test_a_live_model_is_converted_and_left_as_it_is(live):
    weights = [w.copy() for w in live.get_weights()]
    model = converter.convert(live, layers=["*"], epochs=converter.Choice(max=3))
    assert updatable(model) == ["conv", "dense"]
    assert list(model.spec.neuralNetwork.updateParams.epochs.set.values) == [1, 2, 3]
    assert model.verify().passed()
    x = np.random.default_rng(0).normal(size=(5, 6, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(model.predict(x)["output"], live.predict(x, verbose=0), atol=1e-6)
    assert all(layer.trainable for layer in live.layers)
    for old, new in zip(weights, live.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_verify_reads_a_file_as_it_was_converted():
    """Its Lambda was replaced by a scale and a bias; to run it would need allow_unsafe."""
    source = ROOT / "fixtures" / "keras_files" / "keras315_lambda.keras"
    model = converter.convert(source, layers=["*"], scale=1 / 255, bias=[-0.5])
    assert model.verify().passed()


def test_an_update_step_is_compared_without_touching_the_live_model(live):
    weights = [w.copy() for w in live.get_weights()]
    checked = converter.convert(live, layers=["*"], verify_update=True)
    assert any(note.startswith("2 update steps equal Keras's") for note in checked.report.notes)
    plain = converter.convert(live, layers=["*"])
    assert checked.spec.neuralNetwork == plain.spec.neuralNetwork
    for old, new in zip(weights, live.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_returns_another_model_that_knows_more(live):
    model = converter.convert(live, layers=["dense"])
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 6, 6, 2)).astype(np.float32) + y[:, None, None, None]
    before = model.spec.SerializeToString(deterministic=True)
    trained = model.train(x, y, test=(x, y), epochs=20, batch_size=10, learning_rate=0.1)
    assert len(trained.history.epochs) == 20
    assert trained.history.epochs[-1].held_out_loss < trained.history.before.loss / 2
    assert model.spec.SerializeToString(deterministic=True) == before
    assert not np.allclose(model.predict(x)["output"], trained.predict(x)["output"])
    assert trained.validate() == model.validate()
    with pytest.raises(UsageError, match="has been trained"):
        trained.verify()


@pytest.mark.slow
def test_training_counts_as_it_is_told(lenet, tmp_path):
    x, y = np.random.default_rng(0).normal(size=(5, 28, 28, 1)), [0, 1, 2, 3, 4]
    path = tmp_path / "own.json"
    path.write_text('{"adam": "no_correction", "loss": "last_batch"}')
    own = replace(COREML, adam="no_correction")
    heads, told = [], []
    for arithmetic in ("keras", "coreml", path, own):
        trained = lenet.train(x, y, epochs=1, batch_size=4, arithmetic=arithmetic)
        heads.append(trained.spec.neuralNetwork.layers[-2].innerProduct.bias.floatValue[:])
        told.append(trained.history.epochs[0])
    assert heads[0] == heads[1] != heads[2] == heads[3]
    assert [epoch.loss == epoch.last_batch_loss for epoch in told] == [False, True, True, True]
    with pytest.raises(ArithmeticFileError, match="cannot be read"):
        lenet.train(x, y, arithmetic="kears")


def test_a_recipe_and_options_that_win(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("model: other.h5\nlayers: [dense_5]\nseed: 4\nepochs: {max: 3}\n")
    model = converter.convert(LENET, recipe=recipe, layers=["dense_6"], verify=False)
    assert updatable(model) == ["dense_6"]
    assert model.spec.neuralNetwork.updateParams.seed.defaultValue == 4
    assert model.report.parity is None


WRONG = {
    "no file": (lambda: converter.convert("nowhere.h5"), MakeUpdatableError, "nowhere.h5"),
    "no layer": (lambda: converter.convert(LENET, layers=["x"]), NotUpdatableError, "'x'"),
    "no setting": (lambda: converter.convert(LENET, layrs=["x"]), UsageError, "mean layers"),
    "flag": (lambda: converter.convert(LENET, scale=2.0), UsageError, "add image='gray'"),
    "out of range": (
        lambda: converter.convert(LENET, learning_rate={"default": 2}), UsageError, "not in 0 … 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_raise_one_line(name):
    call, kind, words = WRONG[name]
    with pytest.raises(kind, match=re.escape(words)) as error:
        call()
    assert "\n" not in str(error.value)


def test_data_that_do_not_fit_are_refused(lenet, tmp_path):
    with pytest.raises(DataError, match="do not fit"):
        lenet.predict(np.zeros((2, 5, 5, 1)))
    with pytest.raises(UsageError, match="takes image; given: picture"):
        lenet.predict({"picture": np.zeros((2, 28, 28, 1))})
    with pytest.raises(UsageError, match="epoch is no setting"):
        lenet.train(np.zeros((2, 28, 28, 1)), [0, 1], epoch=3)
    with pytest.raises(UsageError, match="the model allows"):
        lenet.train(np.zeros((2, 28, 28, 1)), [0, 1], learning_rate=5.0)
    with pytest.raises(OutputError, match=r"the name must end in \.mlmodel"):
        lenet.save(tmp_path / "x.h5")


def test_a_model_is_not_saved_over_what_it_was_made_of(lenet, tmp_path):
    recipe, labels = tmp_path / "r.yaml", tmp_path / "labels.mlmodel"
    recipe.write_text(f"model: {LENET}\nclasses: labels.mlmodel\n")
    labels.write_text("zero\none\n")
    (tmp_path / "recipe.mlmodel").symlink_to(recipe)
    made = replace(lenet, recipe=read(recipe))
    for name in ("labels.mlmodel", "recipe.mlmodel"):
        with pytest.raises(OutputError, match="is the same file as the input"):
            made.save(tmp_path / name)
    assert labels.read_text() == "zero\none\n"
    assert made.save(tmp_path / "new.mlmodel").stat().st_size > 1000


def test_the_options_are_those_of_recipes():
    assert set(api.Options.__annotations__) == set(Recipe.model_fields) - {
        "model", "output_path", "on_device",
    }  # fmt: skip


def test_an_attribute_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'convrt'"):
        converter.convrt  # noqa: B018


def test_doctests_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = doctest.testmod(api)
    assert result.attempted >= 4
    assert result.failed == 0


@pytest.mark.slow
def test_the_notebook_runs(monkeypatch, tmp_path):
    notebook = json.loads((ROOT / "models" / "lenet.ipynb").read_text())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenet.h5").symlink_to(LENET)
    names = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 4
    for cell in cells:
        assert cell["outputs"] or "import" in "".join(cell["source"])
        exec("".join(cell["source"]), names)
    assert (tmp_path / "LeNet.mlmodel").exists()
