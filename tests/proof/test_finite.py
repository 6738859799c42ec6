"""A weight or an answer that is no number is named, and nothing is written."""

import numpy as np
import pytest

from converter.backend.tensorflow import keras
from converter.conversion.inspection import inspect
from converter.errors import ParityError, UnsupportedError
from converter.proof.finite import check_answers, check_layers
from converter.recipe import Recipe
from tests.converting import convert, small_cnn
from tests.lower.oracle import sequential

L = keras.layers


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize(("layer", "index", "variable"), [
    ("conv", 0, "kernel"), ("dense_5", 1, "bias"), ("dense_6", 0, "kernel"),
])  # fmt: skip
def test_a_weight_that_is_no_number(tmp_path, layer, index, variable, value, word):
    model = small_cnn()
    weights = model.get_layer(layer).get_weights()
    weights[index].flat[1] = value
    model.get_layer(layer).set_weights(weights)
    with pytest.raises(UnsupportedError, match=f"'{layer}' .*: its {variable} holds {word}"):
        convert(model, tmp_path, verify=False)
    assert not (tmp_path / "converted.mlmodel").exists()
    model.save(tmp_path / "model.keras")
    assert word in inspect(Recipe(model=tmp_path / "model.keras")).problem


def test_statistics_that_are_no_numbers(tmp_path):
    model = sequential((5,), L.Dense(4), L.BatchNormalization(name="norm"), L.Dense(3), L.Softmax())
    model.get_layer("norm").moving_mean.assign([0, np.nan, 0, 0])
    with pytest.raises(UnsupportedError, match=r"'norm' .* moving_mean holds NaN"):
        convert(model, tmp_path)


def test_answers_that_overflow(tmp_path):
    model = sequential(
        (5,), L.Dense(4, name="below"), L.Dense(4, name="large"), L.Dense(3, name="top"),
        L.Softmax(),
    )  # fmt: skip
    model.get_layer("large").kernel.assign(np.full((4, 4), 3e38))
    with pytest.raises(ParityError, match=r"itself does not answer .* layer 'large' .* gives"):
        convert(model, tmp_path)
    assert not (tmp_path / "converted.mlmodel").exists()


@pytest.mark.parametrize("where", [0, 1])
def test_the_weight_that_is_no_number_is_named(where):
    inner = keras.Sequential([keras.Input((3,)), L.Dense(2, name="a")], name="inner")
    model = keras.Sequential([keras.Input((3,)), inner, L.Dense(2, name="b")])
    check_layers(model)
    layer, name = (inner.get_layer("a"), "a") if where == 0 else (model.get_layer("b"), "b")
    layer.bias.assign([0.0, np.nan])
    with pytest.raises(ParityError, match=rf"the bias of layer '{name}' \(Dense\) holds"):
        check_layers(model)


def test_an_answer_that_is_no_number_is_that_of_the_weight_behind_it():
    model = sequential((3,), L.Dense(2, name="a"), L.Dense(2, name="b"))
    x, fine = [np.ones((1, 3), np.float32)], np.zeros((1, 2))
    check_answers(model, x, fine)
    model.get_layer("a").bias.assign([0.0, np.nan])
    with pytest.raises(ParityError, match=r"numbers: the bias of layer 'a' \(Dense\) holds NaN"):
        check_answers(model, x, model(x[0]).numpy())
