"""Code is found wherever it hides, and a scaling may stand in its place."""

import pytest

from converter.errors import KerasFileError
from converter.keras_file import stored_code
from converter.keras_file.graph import Parser
from tests.keras_file.stored import KERAS_2, KERAS_3, sequential


def test_code_is_found_wherever_it_hides():
    code = {"class_name": "__lambda__", "config": {"code": "4w=="}}
    hiding = (
        ("Dense", {"units": 1, "activation": code}),
        ("TimeDistributed", {"layer": {"class_name": "Lambda", "config": {"name": "inner"}}}),
        ("Lambda", {"function": ["4w==", None, None]}),
    )
    for kind, config in hiding:
        model = Parser(KERAS_3).model(sequential(("Flatten", {}), (kind, config)))
        with pytest.raises(KerasFileError, match="holds Python code, which is not run"):
            stored_code.refuse(model)
        nested = {"class_name": "Sequential", "config": {"name": "o", "layers": [
            {"class_name": "Flatten", "config": {"name": "f"}},
            sequential(("Flatten", {}), (kind, config)),
        ]}}  # fmt: skip
        with pytest.raises(KerasFileError, match="not run"):
            stored_code.refuse(Parser(KERAS_3).model(nested))


def test_a_scaling_replaces_the_lambda_on_the_input_only():
    lambdas = (("Lambda", {"function": "f"}), ("Flatten", {}))
    model = Parser(KERAS_3).model(sequential(*lambdas))
    first, *_ = stored_code.with_scaling(model, 2.0, [1.0, 2.0, 3.0]).layers
    assert (first.kind, first.name) == ("Rescaling", "lambda")
    assert first.arguments == {"name": "lambda", "scale": 2.0, "offset": [1.0, 2.0, 3.0]}
    cropping = ("Cropping2D", {"cropping": 1})
    cropped = Parser(KERAS_3).model(sequential(cropping, *lambdas))
    assert stored_code.with_scaling(cropped, 2.0, 0.0).layers[1].kind == "Rescaling"
    later = Parser(KERAS_3).model(sequential(*reversed(lambdas)))
    assert stored_code.with_scaling(later, 2.0, 0.0) == later


def test_a_lambda_on_the_input_of_a_functional_model():
    def layer(kind, name, *before):
        nodes = [[[other, 0, 0, {}] for other in before]] if before else []
        shape = {"batch_shape": [None, 4, 4, 3]} if not before else {}
        return {
            "class_name": kind,
            "name": name,
            "config": {"name": name, **shape},
            "inbound_nodes": nodes,
        }

    def scaled(*layers):
        ends = {"input_layers": [["i", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
        stored = {"class_name": "Functional", "config": {"layers": list(layers), **ends}}
        model = Parser(KERAS_2).model(stored)
        new = stored_code.with_scaling(model, 2.0, 0.0)
        return [layer.name for layer in new.layers if layer.kind == "Rescaling"]

    image = layer("InputLayer", "i")
    assert scaled(image, layer("Lambda", "l", "i"), layer("Flatten", "f", "l")) == ["l"]
    crop = layer("Cropping2D", "c", "i")
    assert scaled(image, crop, layer("Lambda", "l", "c")) == ["l"]
    conv = layer("Conv2D", "c", "i")
    assert scaled(image, conv, layer("Lambda", "l", "c")) == []
    two = layer("Lambda", "l", "i"), layer("Lambda", "m", "i")
    assert scaled(image, *two, layer("Add", "a", "l", "m")) == []
