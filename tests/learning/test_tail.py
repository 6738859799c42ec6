"""How a traced program ends, by hand: what bends its numbers, and of which layer they are."""

import numpy as np
import pytest

from converter.learning.tail import Tail, tail
from converter.trace.program import KerasLayer, Op, Program, Ref

DENSE, BEND = KerasLayer("head", "Dense"), KerasLayer("bend", "Activation")


def ref(name):
    return Ref(name, (1, 3))


def op(kind, *sources, layer=None, to="y"):
    """Return an operation that makes `to` of values, or of a constant for each None."""
    inputs = {
        f"x{place}": np.ones(3) if source is None else ref(source)
        for place, source in enumerate(sources)
    }
    return Op(kind, inputs, (ref(to),), layer)


def ending(*ops):
    return tail(Program((ref("x"),), (ref("y"),), ops))


def test_an_operation_without_a_layer_belongs_to_the_layer_before_it():
    found = ending(op("matmul", "x", layer=DENSE, to="a"), op("mul", "a", None))
    assert found == Tail(None, DENSE)
    assert str(found) == "layer 'head' (Dense), which is linear"
    twice = ending(
        op("matmul", "x", layer=DENSE, to="a"), op("mul", "a", None, to="b"), op("add", None, "b")
    )
    assert twice.layer == DENSE


def test_the_first_value_that_an_operation_reads_tells_the_layer():
    made = (op("matmul", "x", layer=DENSE, to="a"), op("relu", "x", layer=BEND, to="b"))
    assert ending(*made, op("concat", "a", "b")).layer == DENSE
    assert ending(*made, op("concat", "b", "a")).layer == BEND


@pytest.mark.parametrize("sources", [("x",), (None,), ()])
def test_without_any_layer_there_is_none(sources):
    found = ending(op("identity", *sources))
    assert found.layer is None
    assert str(found) == "an operation without a layer, which is linear"


def test_an_input_that_is_the_output_has_no_layer():
    assert ending() == Tail(None, None)
