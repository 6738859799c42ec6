"""The update step through a pipeline against Keras, as through the network it was cut from."""

import pytest

import converter
from converter.backend.tensorflow import keras
from converter.errors import ParityError, TrainingError
from converter.proof.update import verify
from tests.runtime.pipelines import split
from tests.runtime.test_neighbors import classifier

L = keras.layers


@pytest.fixture(scope="module")
def twin():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.Conv2D(4, 3, activation="relu", name="frozen"),
            L.Conv2D(5, 3, activation="relu", name="conv"),
            L.Flatten(name="flat"),
            L.Dense(6, activation="tanh", name="dense"),
            L.Dense(3, activation="softmax", name="head"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def network(twin):
    layers = ["conv", "dense", "head"]
    return converter.convert(twin, layers=layers, image="bgr", scale=1 / 255, verify=False).spec


@pytest.mark.slow
@pytest.mark.parametrize("cuts", [["conv"], ["frozen__activation", "conv"]], ids=["two", "three"])
def test_update_steps_through_a_pipeline_are_those_of_keras(twin, network, cuts):
    result = verify(split(network, *cuts), twin)
    assert result.passed()
    assert result.predictions < 1e-6
    assert result.update < 1e-5
    assert [tensor.name for tensor in result.tensors][:2] == ["conv.weights", "conv.bias"]
    assert len(result.tensors) == 6


def test_a_feature_may_be_what_several_layers_make():
    """Of fewer bits than in Keras, which is given it; a dropout gives what the layer before did."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((8, 8, 3)), L.Conv2D(4, 3, activation="relu"), L.Dropout(0.5), L.Flatten(),
        L.Dense(3, activation="softmax", name="head"),
    ])  # fmt: skip
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    converted = converter.convert(model, layers=("head",), frozen_weights="int8", verify=False)
    result = verify(converted.spec, model)
    assert result.passed()
    assert result.update < 1e-5


def test_a_pipeline_with_another_frozen_part_is_not_that_of_keras(twin, network):
    other = split(network, "conv")
    first = other.pipeline.models[0].neuralNetwork.layers[0].convolution.weights
    first.floatValue[0] += 0.5
    with pytest.raises(ParityError, match="the predictions differ"):
        verify(other, twin)


def test_nearest_neighbours_take_no_steps(twin):
    with pytest.raises(TrainingError, match="is a kNearestNeighborsClassifier, not a network"):
        verify(classifier(), twin)
