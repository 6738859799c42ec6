"""The layers without windows, each against its formula in NumPy."""

import numpy as np
import pytest

from converter.errors import DataError, ModelFileError
from converter.runtime.layers import LAYERS
from tests.runtime.helpers import close, random


def test_inner_product_of_a_vector(network):
    net = network((7,))
    w, b = random(4, 7), random(4, seed=2)
    net.builder.add_inner_product("dense", w, b, 7, 4, True, "x", "y")
    close(net.run(), net.x @ w.T + b)


def test_inner_product_flattens_images_channel_first(network):
    net = network((2, 3, 4))
    w = random(5, 24)
    net.builder.add_inner_product("dense", w, None, 24, 5, False, "x", "y")
    close(net.run(), net.x.reshape(3, 24) @ w.T)


SHAPES = [(1,), (3,), (1, 4, 5), (3, 4, 5)]


def full(values):
    return values[:, None, None] if values.ndim == 1 else values


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bias(network, shape):
    net = network((3, 4, 5))
    net.builder.add_bias("bias", random(*shape), "x", "y", shape)
    close(net.run(), net.x + full(random(*shape)))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_scale(network, shape):
    net = network((3, 4, 5))
    s, b = random(*shape), random(3, seed=2)
    net.builder.add_scale("scale", s, b, True, "x", "y", shape, (3,))
    close(net.run(), net.x * full(s) + full(b))


def test_scale_without_bias(network):
    net = network((3, 4, 5))
    net.builder.add_scale("scale", random(3), None, False, "x", "y", (3,))
    close(net.run(), net.x * full(random(3)))


@pytest.mark.parametrize("epsilon", [1e-5, 0.1])
def test_batchnorm_with_stored_statistics(network, epsilon):
    net = network((3, 4, 5))
    gamma, beta, mean, variance = random(3), random(3, seed=2), random(3, seed=3), np.ones(3) * 0.3
    net.builder.add_batchnorm("bn", 3, gamma, beta, mean, variance, "x", "y", epsilon=epsilon)
    normal = (net.x - full(mean)) / np.sqrt(full(variance) + epsilon)
    close(net.run(), full(gamma) * normal + full(beta))


def test_batchnorm_epsilon_defaults_to_that_of_the_format(network):
    net = network((3, 4, 5))
    ones = np.ones(3)
    net.builder.add_batchnorm("bn", 3, ones, 0 * ones, 0 * ones, 1e-5 * ones, "x", "y")
    net.layers[0].batchnorm.epsilon = 0
    close(net.run(), net.x / np.sqrt(2e-5))


def test_instance_normalization(network):
    net = network((3, 4, 5))
    net.builder.add_batchnorm(
        "bn", 3, random(3), random(3, seed=2), None, None, "x", "y", True, True, 1e-3
    )
    mean, variance = net.x.mean((2, 3), keepdims=True), net.x.var((2, 3), keepdims=True)
    normal = (net.x - mean) / np.sqrt(variance + 1e-3)
    close(net.run(), full(random(3)) * normal + full(random(3, seed=2)))


def test_normalization_by_the_batch(network):
    from converter.runtime import predict

    net = network((3, 4, 5))
    net.builder.add_batchnorm(
        "bn", 3, random(3), random(3, seed=2), None, None, "x", "y", True, True, 1e-3
    )
    net.layers[0].batchnorm.instanceNormalization = False
    mean, variance = net.x.mean((0, 2, 3), keepdims=True), net.x.var((0, 2, 3), keepdims=True)
    normal = (net.x - mean) / np.sqrt(variance + 1e-3)
    together = predict(net.model, net.inputs, batch_size=len(net.x))["y"]
    close(together, full(random(3)) * normal + full(random(3, seed=2)))


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("divide", [True, False])
def test_mvn(network, across, divide):
    net = network((3, 4, 5))
    net.builder.add_mvn("mvn", "x", "y", across, divide, 1e-3)
    axes = (1, 2, 3) if across else (2, 3)
    expected = net.x - net.x.mean(axes, keepdims=True)
    if divide:
        expected /= np.sqrt(net.x.var(axes, keepdims=True) + 1e-3)
    close(net.run(), expected)


def test_l2_normalize(network):
    net = network((3, 4, 5))
    net.builder.add_l2_normalize("l2", "x", "y", epsilon=0.5)
    close(net.run(), net.x / np.sqrt((net.x**2).sum((1, 2, 3), keepdims=True) + 0.5))


def test_softmax_over_channels(network):
    net = network((3, 4, 5))
    net.builder.add_softmax("softmax", "x", "y")
    exponentials = np.exp(50 * net.x.astype(float))
    close(net.run(x=50 * net.x), exponentials / exponentials.sum(1, keepdims=True))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_lrn(network, size):
    net = network((6, 2, 3))
    net.builder.add_lrn("lrn", "x", "y", alpha=0.7, beta=0.75, local_size=size, k=1.5)
    total = np.zeros_like(net.x)
    for c in range(6):
        window = net.x[:, max(0, c - size // 2) : c + size // 2 + 1]
        total[:, c] = (window**2).sum(1)
    close(net.run(), net.x / (1.5 + 0.7 / size * total) ** 0.75)


def test_lrn_with_a_bias_of_zero_has_one(network):
    """The format's comment: ``k`` "defaults to 1", and it cannot say zero."""
    net = network((4, 2, 3))
    net.builder.add_lrn("lrn", "x", "y", alpha=0.5, beta=0.75, local_size=1, k=0)
    close(net.run(), net.x / (1 + 0.5 * net.x**2) ** 0.75)


def test_a_sequence_is_repeated_once_only(network):
    net = network((4, 2, 3))
    net.builder.add_sequence_repeat("again", 1, "x", "y")
    close(net.run(), net.x)
    net.layers[0].sequenceRepeat.nRepetitions = 2
    with pytest.raises(ModelFileError, match="'again': makes a sequence of length 2"):
        net.run()


BROADCASTS = [(3, 4, 5), (3, 1, 1), (1, 4, 5), (1, 1, 1)]


@pytest.mark.parametrize("shape", BROADCASTS, ids=str)
@pytest.mark.parametrize(
    ("mode", "formula"),
    [
        ("ADD", lambda a, b, c: a + b + c),
        ("MULTIPLY", lambda a, b, c: a * b * c),
        ("MAX", lambda a, b, c: np.maximum(np.maximum(a, b), c)),
        ("MIN", lambda a, b, c: np.minimum(np.minimum(a, b), c)),
        ("AVE", lambda a, b, c: (a + b + c) / 3),
    ],
)
def test_elementwise(network, mode, formula, shape):
    net = network((3, 4, 5), shape, (3, 4, 5))
    net.builder.add_elementwise("op", ["x", "x2", "x3"], "y", mode)
    close(net.run(), formula(net.x, net.inputs["x2"], net.inputs["x3"]))


@pytest.mark.parametrize(("mode", "formula"), [("ADD", np.add), ("MULTIPLY", np.multiply)])
def test_elementwise_with_a_number(network, mode, formula):
    net = network((3, 4, 5))
    net.builder.add_elementwise("op", ["x"], "y", mode, alpha=2.5)
    close(net.run(), formula(net.x, 2.5))


@pytest.mark.parametrize("mode", ["DOT", "COS"])
def test_dot(network, mode):
    net = network((6,), (6,))
    net.builder.add_elementwise("op", ["x", "x2"], "y", mode)
    a, b = net.x, net.inputs["x2"]
    expected = (a * b).sum(1, keepdims=True)
    if mode == "COS":
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        expected /= lengths[:, None]
    close(net.run(), expected)


UNARY = {
    "sqrt": np.sqrt,
    "rsqrt": lambda v: 1 / np.sqrt(v + 0.01),
    "inverse": lambda v: 1 / (v + 0.01),
    "power": lambda v: v**1.7,
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "threshold": lambda v: np.maximum(v, 1.7),
}


@pytest.mark.parametrize("mode", UNARY)
def test_unary(network, mode):
    net = network((3, 4, 5))
    net.builder.add_unary("op", "x", "y", mode, 1.7, shift=0.5, scale=2.0, epsilon=0.01)
    x = np.abs(net.x)
    close(net.run(x=x), UNARY[mode](2 * x + 0.5))


def test_at_the_threshold_itself(network):
    net = network((3,))
    net.builder.add_unary("op", "x", "y", "threshold", 0.5)
    close(net.run(x=np.array([[0.25, 0.5, 0.75]], np.float32)), [[0.5, 0.5, 0.75]])


def test_unary_scale_of_zero_means_one(network):
    net = network((3, 4, 5))
    net.builder.add_unary("op", "x", "y", "abs", scale=0.0)
    close(net.run(), np.abs(net.x))


@pytest.mark.parametrize("mode", [0, 1])
def test_flatten(network, mode):
    net = network((2, 3, 4))
    net.builder.add_flatten("flat", mode, "x", "y")
    ordered = net.x if mode == 0 else net.x.transpose(0, 2, 3, 1)
    close(net.run(), ordered.reshape(3, -1))


@pytest.mark.parametrize("target", [(4, 3, 2), (24, 1, 1), (1, 6, 4, 1)], ids=str)
def test_reshape_channel_first(network, target):
    net = network((2, 3, 4))
    net.builder.add_reshape("shape", "x", "y", target, 0)
    expected = net.x.reshape(3, *target[-3:])
    close(net.run(), expected[:, :, 0, 0] if target[-2:] == (1, 1) else expected)


def test_reshape_channel_last(network):
    net = network((2, 3, 4))
    net.builder.add_reshape("shape", "x", "y", (4, 3, 2), 1)
    rows = net.x.transpose(0, 2, 3, 1).reshape(3, 3, 2, 4)
    close(net.run(), rows.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("order", [(0, 3, 1, 2), (0, 1, 3, 2), (0, 2, 3, 1), (0, 1, 2, 3)], ids=str)
def test_permute(network, order):
    net = network((2, 3, 4))
    net.builder.add_permute("perm", order, "x", "y")
    close(net.run(), net.x.transpose(order))


def test_permute_may_swap_the_sequence_with_an_axis_of_one(network):
    net = network((2, 1, 4))
    net.builder.add_permute("perm", (2, 3, 0, 1), "x", "y")
    close(net.run(), net.x.transpose(0, 3, 2, 1))


def test_embedding_looks_a_column_up(network):
    net = network((1,))
    table, bias = random(3, 5), random(3, seed=2)
    net.builder.add_embedding("table", table, bias, 5, 3, True, "x", "y")
    found = net.run(x=np.array([[4.0], [0.0], [2.0]], np.float32))
    close(found, table.T[[4, 0, 2]] + bias)


@pytest.mark.parametrize("index", [-1, 5, 0.5])
def test_an_index_outside_of_the_table_is_refused(network, index):
    net = network((1,))
    net.builder.add_embedding("table", random(3, 5), None, 5, 3, False, "x", "y")
    with pytest.raises(DataError, match=f"input 'x' holds {index}, but takes .* from 0 to 4"):
        net.run(x=np.array([[index]], np.float32))


def test_concat_along_channels(network):
    net = network((2, 3, 4), (5, 3, 4))
    net.builder.add_elementwise("cat", ["x", "x2"], "y", "CONCAT")
    close(net.run(), np.concatenate([net.x, net.inputs["x2"]], axis=1))


def test_a_constant_is_the_same_for_every_sample(network):
    net = network((2, 3, 4))
    data = random(2, 3, 4, seed=5)
    net.builder.add_load_constant("const", "c", data, [2, 3, 4])
    net.builder.add_elementwise("cat", ["c", "x"], "y", "CONCAT")
    close(net.run(), np.concatenate([np.broadcast_to(data, net.x.shape), net.x], axis=1))


def test_a_constant_can_be_an_output(network):
    net = network((2, 3, 4))
    data = random(2, 3, 4, seed=5)
    net.builder.add_load_constant("const", "y", data, [2, 3, 4])
    close(net.run(), np.broadcast_to(data, net.x.shape))


def test_split_along_channels(network):
    net = network((6, 2, 3))
    net.builder.add_split("split", "x", ["a", "b", "c"])
    net.builder.add_elementwise("cat", ["c", "a", "b"], "y", "CONCAT")
    a, b, c = np.split(net.x, 3, axis=1)
    close(net.run(), np.concatenate([c, a, b], axis=1))


@pytest.mark.parametrize("axis", ["channel", "height", "width"])
@pytest.mark.parametrize("part", [(1, 5, 1), (0, -1, 2), (-4, -1, 1)], ids=str)
def test_slice(network, axis, part):
    net = network((5, 6, 7))
    start, end, stride = part
    net.builder.add_slice("slice", "x", "y", axis, 0, end, stride)
    net.layers[0].slice.startIndex = start  # the builder takes no negative start, the format does
    expected = np.moveaxis(net.x, {"channel": 1, "height": 2, "width": 3}[axis], 0)
    expected = np.moveaxis(
        expected[start:end:stride], 0, {"channel": 1, "height": 2, "width": 3}[axis]
    )
    close(net.run(), expected)


def test_crop_by_amounts(network):
    net = network((2, 6, 7))
    net.builder.add_crop("crop", 1, 2, 3, 0, [0, 0], ["x"], "y")
    close(net.run(), net.x[:, :, 3:, 1:-2])


def test_crop_to_the_size_of_another_blob(network):
    net = network((2, 6, 7), (1, 3, 2))
    net.builder.add_crop("crop", 0, 0, 0, 0, [2, 4], ["x", "x2"], "y")
    close(net.run(), net.x[:, :, 2:5, 4:6])


@pytest.mark.parametrize(
    ("kind", "mode"), [("constant", "constant"), ("reflection", "reflect"), ("replication", "edge")]
)
def test_padding(network, kind, mode):
    net = network((2, 5, 6))
    net.builder.add_padding("pad", 1, 2, 3, 0, 7.0, "x", "y", kind)
    value = {"constant_values": 7.0} if mode == "constant" else {}
    close(net.run(), np.pad(net.x, [(0, 0), (0, 0), (3, 0), (1, 2)], mode, **value))


def blocks(x, block):
    """Space to depth, pixel by pixel: channels of one block offset stay together."""
    samples, channels, height, width = x.shape
    y = np.zeros((samples, channels * block**2, height // block, width // block), x.dtype)
    for i in range(block):
        for j in range(block):
            first = (i * block + j) * channels
            y[:, first : first + channels] = x[:, :, i::block, j::block]
    return y


def test_space_to_depth(network):
    net = network((3, 4, 6))
    net.builder.add_reorganize_data("re", "x", "y", "SPACE_TO_DEPTH", 2)
    close(net.run(), blocks(net.x, 2))


def test_depth_to_space_is_the_inverse(network):
    net = network((12, 2, 3))
    net.builder.add_reorganize_data("re", "x", "y", "DEPTH_TO_SPACE", 2)
    close(blocks(net.run(), 2), net.x)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("DEPTH_TO_SPACE", [[[1, 5, 2, 6], [9, 13, 10, 14]], [[3, 7, 4, 8], [11, 15, 12, 16]]]),
        ("PIXEL_SHUFFLE", [[[1, 3, 2, 4], [5, 7, 6, 8]], [[9, 11, 10, 12], [13, 15, 14, 16]]]),
    ],
)
def test_the_example_of_the_format(network, mode, expected):
    net = network((8, 1, 2))
    net.builder.add_reorganize_data("re", "x", "y", "DEPTH_TO_SPACE", 2)
    params = net.layers[0].reorganizeData
    params.mode = params.ReorganizationType.Value(mode)
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 8, 1, 2)
    close(net.run(x=x), np.array([expected]))


REDUCTIONS = {
    "sum": lambda v, axes: v.sum(axes, keepdims=True),
    "avg": lambda v, axes: v.mean(axes, keepdims=True),
    "prod": lambda v, axes: v.prod(axes, keepdims=True),
    "logsum": lambda v, axes: np.log(v + 0.1).sum(axes, keepdims=True),
    "sumsquare": lambda v, axes: (v**2).sum(axes, keepdims=True),
    "L1": lambda v, axes: np.abs(v).sum(axes, keepdims=True),
    "L2": lambda v, axes: np.sqrt((v**2).sum(axes, keepdims=True)),
    "max": lambda v, axes: v.max(axes, keepdims=True),
    "min": lambda v, axes: v.min(axes, keepdims=True),
    "argmax": lambda v, axes: v.argmax(axes[0], keepdims=True),
}
AXES = {"CHW": (1, 2, 3), "HW": (2, 3), "C": (1,), "H": (2,), "W": (3,)}


@pytest.mark.parametrize(
    ("mode", "axis"),
    [(m, a) for m in REDUCTIONS for a in AXES if m != "argmax" or len(AXES[a]) == 1],
)
def test_reduce(network, mode, axis):
    net = network((2, 3, 4))
    net.builder.add_reduce("reduce", "x", "y", axis, mode, epsilon=0.1)
    x = np.abs(net.x) if mode == "logsum" else net.x
    expected = REDUCTIONS[mode](x, AXES[axis])
    close(net.run(x=x), expected[:, :, 0, 0] if expected.shape[2:] == (1, 1) else expected)


def test_sequence_repeat_of_one_changes_nothing(network):
    net = network((2, 3, 4))
    net.builder.add_sequence_repeat("repeat", 1, "x", "y")
    close(net.run(), net.x)


def test_every_layer_kind_is_one_of_the_format():
    from converter.coreml.mlmodel import NeuralNetwork_pb2

    (group,) = NeuralNetwork_pb2.NeuralNetworkLayer.DESCRIPTOR.oneofs
    assert set(LAYERS) <= {field.name for field in group.fields}
