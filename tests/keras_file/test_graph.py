"""Reading the graph of layers."""

import pytest

from converter.errors import KerasFileError
from converter.keras_file.graph import Parser
from tests.keras_file.stored import KERAS_3, sequential


def test_quantized_layers_are_refused():
    policy = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "name": None}}
    with pytest.raises(KerasFileError, match=r"layer 'dense' \(Dense\) is quantized"):
        Parser(KERAS_3).model(sequential(("Dense", {"units": 1, "dtype": policy})))
