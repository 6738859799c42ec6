"""What waits for a layer that learns: it takes it only where something below it learns, too."""

import numpy as np
import pytest

from converter.backend.tensorflow import keras
from tests.lower.oracle import check, lowered_spec, sequential

L = keras.layers


@pytest.fixture(scope="module")
def model():
    return sequential(
        (5,), L.Dense(4, activation="relu", name="first"), L.BatchNormalization(name="norm"),
        L.Dense(3, name="last"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def layers(model):
    return {name: each.keras for name, each in lowered_spec(model)[1].net.weighted.items()}


def kinds(model, learning):
    spec, _ = lowered_spec(model, learning)
    return [layer.WhichOneof("layer") for layer in spec.neuralNetwork.layers]


@pytest.mark.parametrize("learning", [(), ("first",), ("first", "last")])
def test_a_normalization_goes_into_the_next_layer(learning, model, layers):
    found = kinds(model, [layers[name] for name in learning])
    assert found == ["innerProduct", "activation", "innerProduct"]


def test_below_the_lowest_that_learns_it_stays_a_layer(model, layers):
    """What that layer reads in training is then what it reads in Keras."""
    found = kinds(model, [layers["last"]])
    assert found == ["innerProduct", "activation", "scale", "innerProduct"]


def test_what_a_normalization_adds_changes_the_zeros_around_an_image():
    assert "padding" in check(
        sequential((4, 5, 3), L.ZeroPadding2D(1), L.BatchNormalization(), L.Conv2D(2, 3))
    )


def test_zeros_around_an_image_stay_zeros_where_it_only_multiplies():
    model = sequential(
        (4, 5, 3), L.ZeroPadding2D(1), L.BatchNormalization(center=False), L.Conv2D(2, 3)
    )
    model.layers[1].moving_mean.assign(np.zeros(3))
    assert check(model) == ["convolution"]
