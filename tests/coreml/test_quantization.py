"""Weights in fewer bits, as written by us and as read back, and as coremltools reads them."""

import numpy as np
import pytest

from converter.coreml import mlmodel, wire
from converter.coreml.mlmodel import NeuralNetwork_pb2
from converter.coreml.quantization import half, int8, stored_values
from converter.errors import ModelFileError, UnsupportedError

SHAPES = [((6, 4, 3, 3), 0), ((4, 6, 3, 3), 1), ((6, 10), 0), ((4, 2, 3, 3), None)]
"""Shapes of weights, and the axis of their output channels."""


def weights(shape):
    """Return weights whose memory is in another order, as Keras's are."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=shape[::-1]).astype(np.float32).T
    values[1] *= 100
    return values


def read_back(params, encoded):
    """Return the ``WeightParams`` that is read from the file for `params` with `encoded`."""
    layer = NeuralNetwork_pb2.ConvolutionLayerParams(weights=params)
    weights = layer.weights
    chunks = list(wire.chunks(layer, {id(weights): encoded}))
    written = b"".join(bytes(part) for chunk in chunks for part in wire.octets(chunk))
    assert wire.size(chunks) == len(written)
    return NeuralNetwork_pb2.ConvolutionLayerParams.FromString(written).weights


def quantized(array, axis):
    params = NeuralNetwork_pb2.WeightParams()
    return read_back(params, int8(array, params, axis, "x"))


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_half_precision_rounds_to_nearest(shape, axis, monkeypatch):
    monkeypatch.setattr(wire, "_AT_ONCE", 64)
    array = weights(shape)
    found = read_back(NeuralNetwork_pb2.WeightParams(), half(array, "x"))
    assert len(found.float16Value) == 2 * array.size
    np.testing.assert_array_equal(
        stored_values(found, shape, 0, "x"), array.astype(np.float16).astype(np.float32)
    )


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_integers_are_within_half_a_scale(shape, axis, monkeypatch):
    monkeypatch.setattr(wire, "_AT_ONCE", 64)
    array = weights(shape)
    found = quantized(array, axis)
    scale = np.asarray(found.quantization.linearQuantization.scale, np.float32)
    assert len(scale) == (1 if axis is None else shape[axis])
    assert len(found.rawValue) == array.size
    own = scale.reshape([-1 if i == axis else 1 for i in range(array.ndim)])
    back = stored_values(found, shape, axis or 0, "x")
    assert np.all(np.abs(back - array) <= 0.5001 * own)
    # The largest weight of each channel is one of the outermost integers.
    others = tuple(i for i in range(array.ndim) if i != axis)
    outermost = np.abs(back).max(others, keepdims=True) / own
    np.testing.assert_allclose(outermost, 127, rtol=1e-6)


def test_zero_stays_zero_and_a_channel_of_zeros_has_the_scale_1():
    array = np.array([[0, 0, 0], [0, -3, 1], [1e-44, 0, 0]], np.float32)
    found = quantized(array, 0)
    assert found.quantization.linearQuantization.scale[0] == 1
    back = stored_values(found, (3, 3), 0, "x")
    np.testing.assert_array_equal(back[0], 0)
    np.testing.assert_allclose(back[1], [0, -3, 1], atol=0.012)
    assert back[1][0] == 0


def test_what_cannot_be_stored_is_refused():
    with pytest.raises(UnsupportedError, match=r"^layer 'a': all its weights are zero"):
        int8(np.zeros((2, 3), np.float32), NeuralNetwork_pb2.WeightParams(), 0, "layer 'a'")
    for value in (65520.0, -65520.0, np.inf, np.nan):
        with pytest.raises(UnsupportedError, match=r"^layer 'a': holds values beyond"):
            half(np.array([1, value], np.float32), "layer 'a'")


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("mode", ["_linear_quantization", "_lookup_table_quantization_linear"])
def test_reads_what_coremltools_quantizes(bits, mode):
    """Its packing is Apple's own; five weights fill no whole bytes."""
    from coremltools.models.neural_network import quantization_utils as apple

    array = np.random.default_rng(bits).normal(size=(1, 5)).astype(np.float32)
    params = NeuralNetwork_pb2.WeightParams()
    mlmodel.set_floats(params, array)
    apple._quantize_wp_field(params, bits, mode, (1, 5))
    theirs = NeuralNetwork_pb2.WeightParams()
    theirs.CopyFrom(params)
    apple._dequantize_wp(theirs, (1, 5))
    found = stored_values(params, (1, 5), 0, "x")
    np.testing.assert_allclose(found.ravel(), theirs.floatValue, atol=1e-6)


def linear(scale=(1.0,), bias=(0.0,), bits=8, raw=b"\1\2\3\4\5\6"):
    params = NeuralNetwork_pb2.WeightParams(rawValue=raw)
    params.quantization.numberOfBits = bits
    params.quantization.linearQuantization.scale.extend(scale)
    params.quantization.linearQuantization.bias.extend(bias)
    return params


def table(size):
    params = NeuralNetwork_pb2.WeightParams(rawValue=b"\1\2\3\4\5\6")
    params.quantization.numberOfBits = 8
    params.quantization.lookupTableQuantization.floatValue.extend([0.5] * size)
    return params


WRONG = {
    "no values": NeuralNetwork_pb2.WeightParams(),
    "too few": linear(raw=b"\1\2\3"),
    "too many": NeuralNetwork_pb2.WeightParams(float16Value=b"\0" * 14),
    "no scale": linear(scale=()),
    "scales of another number": linear(scale=(1.0, 2.0, 3.0)),
    "biases of another number": linear(bias=(1.0, 2.0, 3.0)),
    "no bits": linear(bits=0),
    "too many bits": linear(bits=2**40),
    "short table": table(4),
    "no way to read": NeuralNetwork_pb2.WeightParams(
        rawValue=b"\1\2\3\4\5\6", quantization={"numberOfBits": 8}
    ),
    "computed with at run time": NeuralNetwork_pb2.WeightParams(int8RawValue=b"\1\2\3\4\5\6"),
}


@pytest.mark.parametrize("params", WRONG.values(), ids=WRONG.keys())
def test_a_damaged_file_is_told_in_one_line(params):
    with pytest.raises(ModelFileError, match=r"^layer 'a': weights: [^\n]+$"):
        stored_values(params, (2, 3), 0, "layer 'a': weights")


def test_one_size_may_be_open():
    np.testing.assert_array_equal(
        stored_values(linear(scale=(1.0, 2.0), bias=()), (2, -1), 0, "x"),
        [[1, 2, 3], [8, 10, 12]],
    )
