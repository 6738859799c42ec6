"""Where a model writes the shape of its input, and how open dimensions are filled."""

import pytest

from converter.errors import KerasFileError
from converter.keras_file import input_shape, with_fixed_input
from converter.keras_file.graph import Parser
from tests.keras_file.stored import KERAS_2, sequential


def test_where_a_sequential_writes_its_input():
    def shape(stored):
        return input_shape(Parser(KERAS_2).model(stored))

    assert shape(sequential(("Dense", {"units": 1}))) is None
    assert shape(sequential(("Dense", {"batch_input_shape": [None, 4]}))) == (None, 4)
    assert shape(sequential(("InputLayer", {"batch_shape": [None, 5]}), ("Flatten", {}))) == (
        None,
        5,
    )
    assert shape(sequential(("Flatten", {}), build_input_shape=[None, 6])) == (None, 6)
    inner = sequential(("Flatten", {"batch_input_shape": [None, 7]}))
    outer = {"class_name": "Sequential", "config": [inner]}
    assert shape(outer) == (None, 7)


def test_a_fixed_batch_is_left_to_the_builder_and_open_dimensions_are_filled():
    model = Parser(KERAS_2).model(sequential(("Flatten", {"batch_input_shape": [8, None, 3]})))
    assert with_fixed_input(model, (20, 3)).input_shape == (None, 20, 3)
    with pytest.raises(KerasFileError, match="--input-shape 224,3"):
        with_fixed_input(model, None)
