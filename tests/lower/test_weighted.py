"""What is folded into a layer, against what the layer and its neighbours compute by hand."""

import numpy as np
import pytest
from coremltools.proto.NeuralNetwork_pb2 import ConvolutionLayerParams, InnerProductLayerParams

from converter.lower.weighted import Weighted
from converter.trace.program import KerasLayer

OWN, OTHER = KerasLayer("dense", "Dense"), KerasLayer("norm", "BatchNormalization")
X = np.float32([[1, -2], [0.5, 3]])
W = np.float32([[1, 2], [3, -4], [0, 5]])
B = np.float32([1, 0, -1])


def dense(bias=B):
    return Weighted("dense", InnerProductLayerParams(outputChannels=3), W, OWN, bias)


def computed(made, x=X):
    return x @ made.weights.T + (0 if made.bias is None else made.bias)


def around(made, x=X):
    """Return what `made.around` says that the folded layer computes, W and B being Keras's."""
    inner = (x * made.around.before_scale + made.around.before_shift) @ W.T
    return (inner + (0 if made.bias is None else B)) * made.around.scale + made.around.shift


def test_a_scale_and_a_shift_behind_it():
    made = dense()
    made.scale_outputs(np.float32([2, 3, -1]), OTHER)
    made.shift_outputs(np.float32([0, 1, 4]), OTHER)
    wanted = (X @ W.T + B) * [2, 3, -1] + [0, 1, 4]
    np.testing.assert_allclose(computed(made), wanted)
    np.testing.assert_allclose(around(made), wanted)
    assert (made.folded, made.absorbs, made.is_changed) == ([OTHER], False, True)


def test_a_scale_and_a_shift_before_it():
    made = dense()
    made.scale_inputs(np.float32([2, -1]), np.float32([1, 5]), OTHER)
    wanted = (X * [2, -1] + [1, 5]) @ W.T + B
    np.testing.assert_allclose(computed(made), wanted)
    np.testing.assert_allclose(around(made), wanted)
    assert (made.folded, made.absorbs, made.is_changed) == ([OTHER], True, True)


def test_another_order_before_it_in_which_a_channel_comes_twice():
    made = Weighted("dense", InnerProductLayerParams(), np.float32([[1, 2, 4]]), OWN)
    made.reorder_inputs((2, 0, 2), 4, OTHER)
    assert made.weights.tolist() == [[2, 0, 5, 0]]
    assert (made.folded, made.absorbs, made.is_changed) == ([OTHER], True, True)


def test_its_own_bias_is_kept_though_zero_and_is_no_change():
    made = dense(bias=None)
    made.shift_outputs(np.zeros(3, np.float32), OTHER)
    assert made.bias is None
    made = dense(bias=None)
    made.shift_outputs(np.zeros(3, np.float32), OWN)
    assert made.bias.tolist() == [0, 0, 0]
    assert (made.folded, made.absorbs, made.is_changed) == ([], False, False)
    assert np.all(made.around.shift == 0)


def test_who_is_folded_is_named_once():
    made = dense()
    for by in (OTHER, None, OTHER):
        made.scale_outputs(np.ones(3, np.float32), by)
    assert made.folded == [OTHER]


@pytest.mark.parametrize("groups", [1, 2])
def test_a_scale_behind_a_deconvolution(groups):
    """Its kernel is [in, out / groups, kh, kw]; the inputs of a group reach the outputs of that."""
    params = ConvolutionLayerParams(isDeconvolution=True, nGroups=groups, outputChannels=4)
    kernel = np.random.default_rng(0).normal(size=(6, 4 // groups, 2, 3)).astype(np.float32)
    made, scale = Weighted("up", params, kernel, OWN), np.float32([2, 3, 5, 7])
    made.scale_outputs(scale, OTHER)
    for i, o in np.ndindex(6, 4 // groups):
        output = o + (i * groups // 6) * (4 // groups)
        np.testing.assert_allclose(made.weights[i, o], kernel[i, o] * scale[output])


@pytest.mark.parametrize("bias", [None, B])
def test_what_is_bound(bias):
    made = dense(bias)
    made.params.bias.floatValue.append(9)
    params, weights = made.bind()
    assert params == made.params.weights
    assert not params.floatValue
    assert weights is W
    assert made.params.hasBias == (bias is not None)
    assert list(made.params.bias.floatValue) == ([] if bias is None else B.tolist())
