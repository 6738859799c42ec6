"""Reading, writing, and weights at wire speed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from converter.coreml import mlmodel
from converter.errors import ModelFileError, OutputError


@given(arrays.arrays(np.float32, arrays.array_shapes(max_dims=4), elements=st.floats(width=32)))
def test_floats_come_back_bit_for_bit(array):
    params = mlmodel.NeuralNetwork_pb2.WeightParams()
    params.isUpdatable = True
    mlmodel.set_floats(params, array)
    np.testing.assert_array_equal(mlmodel.floats(params), array.ravel())
    np.testing.assert_array_equal(np.array(params.floatValue, np.float32), array.ravel())
    assert params.isUpdatable


@pytest.mark.parametrize("size", [0, 1, 31, 32, 4095, 4096, 524287, 524288])
def test_every_length_of_the_varint(size):
    params = mlmodel.NeuralNetwork_pb2.WeightParams()
    mlmodel.set_floats(params, np.arange(3))
    mlmodel.set_floats(params, np.arange(size))
    assert len(params.floatValue) == size
    np.testing.assert_array_equal(mlmodel.floats(params), np.arange(size, dtype=np.float32))


def test_half_precision_weights_are_widened():
    params = mlmodel.NeuralNetwork_pb2.WeightParams()
    params.float16Value = np.array([0.5, -2], "<f2").tobytes()
    np.testing.assert_array_equal(mlmodel.floats(params), [0.5, -2])


@pytest.mark.parametrize("data", [b"", b"\x00\x01garbage", b"\x89HDF\r\n\x1a\n" * 9])
def test_other_bytes_are_refused_in_one_line(data, tmp_path):
    path = tmp_path / "x.mlmodel"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"x\.mlmodel: .*") as error:
        mlmodel.read(path)
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelFileError, match="cannot be read"):
        mlmodel.read(tmp_path / "no.mlmodel")


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.mlmodel"
    path.write_bytes(b"old")
    model = mlmodel.Model_pb2.Model()

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", no_space)
    with pytest.raises(OutputError, match="No space left"):
        mlmodel.write(model, path)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_writing_into_a_missing_folder(tmp_path):
    with pytest.raises(OutputError, match="no_such_folder"):
        mlmodel.write(mlmodel.Model_pb2.Model(), tmp_path / "no_such_folder" / "x.mlmodel")
