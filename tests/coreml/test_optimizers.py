"""One table of the numbers of optimizers: what it says is what Core ML's format and Keras say."""

import inspect

import pytest

from converter.coreml.mlmodel import NeuralNetwork_pb2
from converter.coreml.optimizers import BATCH_SIZE, FIELDS, NUMBERS, OPTIMIZERS, TRAINING
from converter.recipe import Recipe


@pytest.mark.parametrize("field", OPTIMIZERS)
def test_the_fields_are_those_of_the_format(field):
    message = NeuralNetwork_pb2.Optimizer.DESCRIPTOR.fields_by_name[field].message_type
    told = [number.field for number in OPTIMIZERS[field].numbers]
    assert {*told, BATCH_SIZE} == {entry.name for entry in message.fields}


@pytest.mark.parametrize("field", OPTIMIZERS)
def test_names_and_defaults_are_those_of_keras(field):
    from converter.backend.tensorflow import keras

    known = OPTIMIZERS[field]
    parameters = inspect.signature(getattr(keras.optimizers, known.keras)).parameters
    assert {name: parameters[name].default for name in known.defaults} == known.defaults


def test_the_settings_of_an_update():
    assert tuple(NUMBERS) == ("learning_rate", "momentum", "beta_1", "beta_2", "epsilon")
    assert FIELDS["eps"] == "epsilon"
    assert FIELDS["miniBatchSize"] == "batch_size"
    assert set(TRAINING) <= set(Recipe.model_fields)
