"""The wire form is that of protobuf, wherever in a message the arrays belong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.coreml import mlmodel, wire
from converter.errors import OutputError


def small_model(shapes):
    """Return a model with labels, metadata and one inner product per shape, and its arrays."""
    model = mlmodel.Model_pb2.Model(specificationVersion=4, isUpdatable=True)
    model.description.metadata.userDefined.update({"b": "2", "a": "1", "c": "3"})
    model.description.input.add(name="image")
    classifier = model.neuralNetworkClassifier
    classifier.stringClassLabels.vector.extend(["cat", "dog"])
    classifier.updateParams.epochs.defaultValue = 3
    pairs = []
    for index, shape in enumerate(shapes):
        layer = classifier.layers.add(name=f"dense_{index}", isUpdatable=bool(index % 2))
        layer.input.append("x" * index)
        layer.innerProduct.hasBias = True
        layer.innerProduct.weights.isUpdatable = bool(index % 2)
        mlmodel.set_floats(layer.innerProduct.bias, np.arange(3))
        pairs.append((layer.innerProduct.weights, filled(shape)))
        classifier.layers.add(name=f"relu_{index}").activation.ReLU.SetInParent()
    return model, pairs


def filled(shape):
    """Return an array that is not contiguous if it has two axes."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape[::-1]).T


def shapes(smallest):
    return st.lists(st.lists(st.integers(smallest, 40), min_size=1, max_size=3), max_size=4)


def written_and_filled(shapes):
    """Return the bytes that are written of a model, and the model as protobuf holds it."""
    model, pairs = small_model(shapes)
    arrays = {id(params): wire.Encoded(array) for params, array in pairs}
    chunks = list(wire.chunks(model, arrays))
    written = b"".join(bytes(part) for chunk in chunks for part in wire.octets(chunk))
    for pair in pairs:
        mlmodel.set_floats(*pair)
    assert wire.size(chunks) == len(written)
    return written, model


@given(shapes(smallest=1))
def test_bytes_are_those_of_protobuf(shapes):
    written, model = written_and_filled(shapes)
    assert written == mlmodel.serialize(model)


@given(shapes(smallest=0))
def test_empty_arrays_are_read_as_empty(shapes):
    """Protobuf writes nothing of them, not even that they are there."""
    written, model = written_and_filled(shapes)
    assert mlmodel.parse(written, "test") == model


def test_an_array_in_another_order_is_written_a_few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(wire, "_AT_ONCE", 64)
    array = filled((33, 7))
    parts = list(wire.octets(wire.Encoded(array)))
    assert len(parts) > 10
    assert b"".join(parts) == array.tobytes()


def test_a_model_larger_than_a_file_can_be_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mlmodel, "LARGEST_MESSAGE", 1000)
    model, pairs = small_model([(30, 30)])
    with pytest.raises(OutputError, match=r"larger than .* can be, 2\.1 GB"):
        mlmodel.write_with(
            model, [(params, wire.Encoded(array)) for params, array in pairs],
            tmp_path / "large.mlmodel",
        )  # fmt: skip
    assert not list(tmp_path.iterdir())
