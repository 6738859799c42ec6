"""Nodes of a TensorFlow graph that a file holds as layers: what they compute, by hand."""

import base64

import numpy as np
import pytest

from converter.errors import KerasFileError
from converter.keras_file import StoredLayer
from converter.loading.functions import operation

IMAGE = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)


def text(value):
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values):
    return {"list": {"i": [str(value) for value in values]}}


def node(op, count=1, constants=(), **attributes):
    """Return what tf.keras 2.1 stores for a node: its attributes, and which inputs are constant."""
    described = {"op": op, "input": ["x"] * count, "attr": attributes}
    return operation(StoredLayer("n", "TensorFlowOpLayer", {
        "node_def": described, "constants": dict(constants)
    }))  # fmt: skip


@pytest.mark.parametrize(
    ("padding", "expected"),
    [("VALID", [[4, 5], [7, 8]]), ("SAME", [[4, 5, 5], [7, 8, 8], [7, 8, 8]])],
)
def test_a_text_is_decoded(padding, expected):
    pool = node(
        "MaxPool", ksize=numbers(1, 2, 2, 1), strides=numbers(1, 1, 1, 1), padding=text(padding),
        data_format=text("NHWC"), T={"type": "DT_FLOAT"},
    )  # fmt: skip
    np.testing.assert_array_equal(np.asarray(pool(IMAGE))[0, :, :, 0], expected)


def test_numbers_types_and_yes_or_no_are_read():
    x = np.array([[-2.0, 1.5]], np.float32)
    np.testing.assert_array_equal(node("LeakyRelu", alpha={"f": 0.25})(x), [[-0.5, 1.5]])
    cast = np.asarray(node("Cast", SrcT={"type": "DT_FLOAT"}, DstT={"type": "DT_INT32"})(x))
    assert cast.dtype == np.int32
    assert cast.tolist() == [[-2, 1]]
    kept, gone = [node("Mean", 2, {"1": [1]}, keep_dims={"b": keeps})(x) for keeps in (True, False)]
    assert (kept.shape, gone.shape) == ((1, 1), (1,))
    assert float(gone[0]) == -0.25
    parts = node("Split", 2, {"0": 1}, num_split={"i": "2"})(x)
    assert [np.asarray(part).tolist() for part in parts] == [[[-2.0]], [[1.5]]]


def test_a_list_without_values_and_an_attribute_under_its_former_name():
    x = np.ones((1, 1, 2), np.float32)
    assert node("Squeeze", squeeze_dims={"list": {}})(x).shape == (2,)
    assert node("Squeeze", squeeze_dims=numbers(1))(x).shape == (1, 2)


def test_inputs_that_are_one_list_or_constants_stand_in_their_places():
    x, y = np.array([[1.0]], np.float32), np.array([[2.0]], np.float32)
    joined = node("ConcatV2", 3, {"2": 1})([x, y])
    assert np.asarray(joined).tolist() == [[1.0, 2.0]]
    assert node("Pack", 2, axis={"i": "1"})([x, y]).shape == (1, 2, 1)
    assert np.asarray(node("Sub", 2, {"0": np.float32(5)})(x)) == [[4.0]]
    assert np.asarray(node("Sub", 2, {"1": np.float32(5)})(x)) == [[-4.0]]


@pytest.mark.parametrize("op", ["ReadFile", "PyFunc", "Conv2D", "nothing"])
def test_other_nodes_are_refused_by_name(op):
    words = f"^calls the TensorFlow op {op}, which is not known here$"
    with pytest.raises(KerasFileError, match=words):
        node(op)


def test_a_function_of_keras_is_made_by_its_class_and_another_is_none():
    def stored(kind, is_function=True):
        return StoredLayer("f", kind, {"name": "f", "axis": 1}, is_function=is_function)

    made = operation(stored("Concatenate"))
    assert (type(made).__module__, made.name, made.axis) == ("keras.src.ops.numpy", "f", 1)
    assert operation(stored("Twist")) is None
    assert operation(stored("Concatenate", is_function=False)) is None
