import numpy as np
import pytest

from converter.runtime.backend import tf
from converter.runtime.layers.convolution import convolution
from tests.runtime.helpers import close, random
from tests.runtime.slow_formulas import convolve, deconvolve, same_padding

CASES = {
    # kernel, stride, dilation, groups, channels, outputs
    "plain": ((3, 3), (1, 1), (1, 1), 1, 3, 4),
    "uneven kernel and stride": ((2, 5), (3, 2), (1, 1), 1, 3, 4),
    "even kernel": ((4, 2), (2, 2), (1, 1), 1, 2, 3),
    "stride beyond kernel": ((1, 2), (2, 3), (1, 1), 1, 2, 3),
    "dilated": ((3, 2), (1, 1), (2, 3), 1, 2, 3),
    "dilated with stride": ((3, 3), (2, 1), (2, 2), 1, 2, 3),
    "one channel": ((3, 2), (1, 1), (1, 1), 1, 1, 8),
    "one channel, dilated with stride": ((2, 3), (2, 1), (1, 2), 1, 1, 8),
    "one channel, few kernels": ((3, 3), (1, 1), (1, 1), 1, 1, 4),
    "groups": ((3, 3), (1, 2), (1, 1), 2, 4, 6),
    "groups dilated": ((3, 3), (1, 1), (2, 2), 2, 4, 6),
    "groups dilated with stride": ((2, 3), (2, 1), (1, 2), 3, 6, 6),
    "depthwise": ((3, 3), (1, 1), (1, 1), 4, 4, 4),
    "depthwise with multiplier": ((3, 2), (2, 2), (1, 1), 3, 3, 6),
    "depthwise, uneven stride": ((3, 3), (2, 1), (1, 1), 4, 4, 8),
    "depthwise, dilated with stride": ((3, 3), (2, 2), (2, 1), 4, 4, 4),
}
SIZE = (9, 10)
BORDERS = ((2, 0), (1, 3))
AMOUNTS = {"padding_top": 2, "padding_bottom": 0, "padding_left": 1, "padding_right": 3}


def build(network, case, **how):
    kernel, stride, dilation, groups, channels, outputs = CASES[case]
    net = network((channels, *SIZE))
    w, b = random(outputs, channels // groups, *kernel), random(outputs, seed=2)
    net.builder.add_convolution(
        "conv",
        channels // groups,
        outputs,
        *kernel,
        *stride,
        groups=groups,
        W=w.transpose(2, 3, 1, 0),
        b=b,
        has_bias=True,
        input_name="x",
        output_name="y",
        dilation_factors=list(dilation),
        **how,
    )
    return net, w, b


@pytest.mark.parametrize("case", CASES)
def test_valid_with_explicit_amounts(network, case):
    _, stride, dilation, groups, *_ = CASES[case]
    net, w, b = build(network, case, border_mode="valid", **AMOUNTS)
    close(net.run(), convolve(net.x, w, b, stride, dilation, groups, BORDERS))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_in_a_graph(network, case):
    """As in training: a compiled graph, in which TensorFlow joins convolution, bias and ReLU."""
    _, stride, dilation, groups, *_ = CASES[case]
    net, w, b = build(network, case, border_mode="valid", **AMOUNTS)
    x, weights = tf.constant(net.x.transpose(0, 2, 3, 1)), {"weights": w, "bias": b}

    @tf.function
    def learning(weights, x, weighing):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            y = convolution(net.layers[0], [x], lambda field, shape: weights[field])
            loss = tf.reduce_sum(y * weighing)
        return tf.nn.relu(y), tape.gradient(loss, weights)

    def slowly(w, b):
        return convolve(net.x, w, b, stride, dilation, groups, BORDERS)

    expected = slowly(w, b)
    weighing = random(*expected.shape, seed=5)
    given = {field: tf.constant(values) for field, values in weights.items()}
    y, gradient = learning(given, x, weighing.transpose(0, 2, 3, 1))
    close(y.numpy().transpose(0, 3, 1, 2), np.maximum(expected, 0))
    close(gradient["bias"].numpy(), weighing.sum((0, 2, 3)), 1e-4)
    # The convolution is linear in its kernels, so that it tells their gradient in any direction.
    for seed in range(3):
        direction = random(*w.shape, seed=seed)
        slope = (slowly(direction, np.zeros_like(b)) * weighing).sum()
        close(np.sum(gradient["weights"].numpy() * direction), slope, 1e-4)


@pytest.mark.parametrize("mode", ["BOTTOM_RIGHT_HEAVY", "TOP_LEFT_HEAVY"])
@pytest.mark.parametrize("case", CASES)
def test_same(network, case, mode):
    kernel, stride, dilation, groups, *_ = CASES[case]
    net, w, b = build(network, case, border_mode="same", same_padding_asymmetry_mode=mode)
    borders = [
        same_padding(n, (k - 1) * d + 1, s, mode == "BOTTOM_RIGHT_HEAVY")
        for n, k, s, d in zip(SIZE, kernel, stride, dilation, strict=True)
    ]
    close(net.run(), convolve(net.x, w, b, stride, dilation, groups, borders))


def test_fields_left_out_have_the_defaults_of_the_format(network):
    net, w, _ = build(network, "plain", border_mode="valid")
    params = net.layers[0].convolution
    for field in ("kernelSize", "stride", "dilationFactor", "nGroups"):
        params.ClearField(field)
    params.hasBias = False
    close(net.run(), convolve(net.x, w, np.zeros(4), (1, 1), (1, 1), 1, [(0, 0), (0, 0)]))


DECONVOLUTIONS = {
    # kernel, stride, groups, channels, outputs
    "plain": ((3, 3), (1, 1), 1, 2, 3),
    "stride two": ((3, 3), (2, 2), 1, 2, 3),
    "uneven": ((2, 4), (3, 2), 1, 3, 2),
    "kernel within stride": ((1, 2), (2, 3), 1, 2, 2),
    "groups": ((3, 3), (2, 2), 2, 4, 6),
    "depthwise": ((3, 3), (2, 2), 4, 4, 4),
}


def build_deconvolution(network, case, **how):
    kernel, stride, groups, channels, outputs = DECONVOLUTIONS[case]
    net = network((channels, 4, 5))
    w, b = random(channels, outputs // groups, *kernel), random(outputs, seed=2)
    net.builder.add_convolution(
        "deconv",
        channels,
        outputs,
        *kernel,
        *stride,
        groups=groups,
        W=w.transpose(2, 3, 0, 1),
        b=b,
        has_bias=True,
        is_deconv=True,
        input_name="x",
        output_name="y",
        **how,
    )
    return net, deconvolve(net.x, w, b, stride, groups), b


@pytest.mark.parametrize("case", DECONVOLUTIONS)
def test_deconvolution_valid(network, case):
    net, whole, _ = build_deconvolution(network, case, border_mode="valid")
    close(net.run(), whole)


def test_deconvolution_valid_crops_its_amounts(network):
    net, whole, _ = build_deconvolution(
        network, "stride two", border_mode="valid", padding_top=2, padding_right=1
    )
    close(net.run(), whole[:, :, 2:, :-1])


def cut(whole, bias, wanted, heavy_end=True):
    """Crop to `wanted` pixels, the odd one at the end; where too few, add pixels of bias only."""
    for axis, size in enumerate(wanted, 2):
        excess = whole.shape[axis] - size
        if excess < 0:
            missing = np.broadcast_to(
                np.reshape(bias, (1, -1, 1, 1)), (*whole.shape[:2], *whole.shape[2:])
            )
            missing = np.take(missing, np.zeros(-excess, int), axis=axis)
            whole = np.concatenate([whole, missing], axis=axis)
            continue
        first = excess // 2 if heavy_end else excess - excess // 2
        whole = np.take(whole, np.arange(first, first + size), axis=axis)
    return whole


@pytest.mark.parametrize("mode", ["BOTTOM_RIGHT_HEAVY", "TOP_LEFT_HEAVY"])
@pytest.mark.parametrize("case", DECONVOLUTIONS)
def test_deconvolution_same(network, case, mode):
    stride = DECONVOLUTIONS[case][1]
    net, whole, bias = build_deconvolution(
        network, case, border_mode="same", same_padding_asymmetry_mode=mode
    )
    wanted = 4 * stride[0], 5 * stride[1]
    close(net.run(), cut(whole, bias, wanted, mode == "BOTTOM_RIGHT_HEAVY"))


def test_output_shape_overrides_the_padding_of_a_deconvolution(network):
    net, whole, bias = build_deconvolution(
        network, "stride two", border_mode="valid", padding_top=3, output_shape=[8, 10]
    )
    close(net.run(), cut(whole, bias, (8, 10)))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_deconvolution_is_keras_conv2d_transpose(network, padding):
    import keras

    net, _, b = build_deconvolution(network, "stride two", border_mode=padding)
    layer = keras.layers.Conv2DTranspose(3, 3, 2, padding)
    layer.build((None, 4, 5, 2))
    stored = np.array(net.layers[0].convolution.weights.floatValue, np.float32)
    layer.set_weights([stored.reshape(2, 3, 3, 3).transpose(2, 3, 1, 0), b])
    expected = layer(net.x.transpose(0, 2, 3, 1)).numpy().transpose(0, 3, 1, 2)
    close(net.run(), expected)
