"""Whatever is wrong with a written model, the run that wrote it fails and leaves no file."""

import numpy as np
import pytest

from converter.backend.tensorflow import keras
from converter.conversion import story
from converter.conversion.story import prepare, write
from converter.coreml import mlmodel
from converter.errors import MakeUpdatableError, ParityError
from converter.loading import compile_settings_of
from converter.recipe import Recipe
from tests.lower.oracle import sequential

L = keras.layers

HEADS = {
    "softmax": (3, "softmax", "categorical_crossentropy"),
    "logits": (3, None, keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
    "sigmoid unit": (1, "sigmoid", "binary_crossentropy"),
    "logit": (1, None, keras.losses.BinaryCrossentropy(from_logits=True)),
    "values": (2, None, "mean_squared_error"),
    "bounded values": (2, "sigmoid", "mean_squared_error"),
}


@pytest.fixture(scope="module")
def models():
    made = {}
    for name, (units, activation, loss) in HEADS.items():
        made[name] = sequential(
            (7,), L.Dense(5, activation="relu", name="below"),
            L.Dense(units, activation=activation, name="head"),
        )  # fmt: skip
        made[name].compile("adam", loss)
    return made


def written(model, folder, monkeypatch, change, **options):
    """Convert `model`, with `change` made to what is in the file before it is compared."""
    layers = ("below", "head")
    recipe = Recipe(model=folder / "model.h5", layers=layers, verify_update=True, **options)
    prepared = prepare(model, compile_settings_of(model), recipe)
    read = mlmodel.read

    def read_changed(path):
        spec = read(path)
        change(spec)
        return spec

    monkeypatch.setattr(story.mlmodel, "read", read_changed)
    return write(prepared, folder / "model.mlmodel", recipe)


def nudge(layer, field, by):
    def change(spec):
        (found,) = (each for each in spec.neuralNetwork.layers if each.name == layer)
        values = getattr(found.innerProduct, field).floatValue
        values[-1] += by * max(1.0, abs(values[-1]))

    return change


@pytest.mark.parametrize("place", [("below", "weights"), ("head", "weights"), ("head", "bias")])
@pytest.mark.parametrize("head", HEADS)
def test_a_wrong_weight_of_a_layer_that_learns(models, head, place, tmp_path, monkeypatch):
    """By a hundredth it shows in the predictions."""
    model = models[head]
    with pytest.raises(ParityError, match="differs from Keras"):
        written(model, tmp_path, monkeypatch, nudge(*place, 0.01))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("head", HEADS)
def test_a_weight_that_is_wrong_in_its_last_digits(models, head, tmp_path, monkeypatch):
    """Predictions do not show it; that no layer of Keras has such weights does."""
    before = models[head].get_weights()
    with pytest.raises(ParityError, match="'below': its weights are not those of any layer"):
        written(models[head], tmp_path, monkeypatch, nudge("below", "weights", 3e-7))
    assert list(tmp_path.iterdir()) == []
    for old, new in zip(before, models[head].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
def test_untouched_they_pass(models, tmp_path, monkeypatch):
    for head, model in models.items():
        report = written(model, tmp_path, monkeypatch, lambda spec: None)
        assert any(note.startswith("2 update steps equal") for note in report.notes), head
        (tmp_path / "model.mlmodel").unlink()


def test_a_loss_on_another_output(models, tmp_path, monkeypatch):
    """It would train the layer below only: the gradients of the head are not Keras's."""

    def change(spec):
        loss = spec.neuralNetwork.updateParams.lossLayers[0].meanSquaredErrorLossLayer
        first = spec.neuralNetwork.layers[0]
        loss.input = first.output[0]
        spec.description.output[0].type.multiArrayType.shape[0] = 5

    with pytest.raises(MakeUpdatableError):
        written(models["values"], tmp_path, monkeypatch, change)
    assert list(tmp_path.iterdir()) == []
