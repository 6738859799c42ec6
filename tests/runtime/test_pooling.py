import math

import numpy as np
import pytest

from tests.runtime.helpers import close
from tests.runtime.slow_formulas import pool, same_padding

KINDS = ["MAX", "AVERAGE", "L2"]
WINDOWS = {
    # kernel, stride, size of the image
    "halving": ((2, 2), (2, 2), (8, 6)),
    "halving odd sizes": ((2, 2), (2, 2), (7, 9)),
    "overlapping": ((3, 3), (2, 2), (9, 8)),
    "uneven": ((2, 3), (3, 1), (7, 8)),
    "stride beyond kernel": ((1, 2), (2, 3), (5, 8)),
}
NONE = ((0, 0), (0, 0))


def build(network, kind, window, padding, **how):
    kernel, stride, size = WINDOWS[window]
    net = network((3, *size))
    net.builder.add_pooling("pool", *kernel, *stride, kind, padding, "x", "y", **how)
    return net, kernel, stride, size


def sizes(size, kernel, stride, borders, rounding):
    return [
        rounding((n + sum(b) - k) / s) + 1
        for n, k, s, b in zip(size, kernel, stride, borders, strict=True)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", WINDOWS)
def test_valid(network, kind, window):
    net, kernel, stride, size = build(network, kind, window, "VALID")
    shape = sizes(size, kernel, stride, NONE, math.floor)
    close(net.run(), pool(net.x, kind, kernel, stride, NONE, shape, False))


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_valid_with_explicit_amounts(network, kind, exclude):
    how = {"padding_top": 1, "padding_bottom": 0, "padding_left": 2, "padding_right": 1}
    net, kernel, stride, size = build(
        network, kind, "overlapping", "VALID", exclude_pad_area=exclude, **how
    )
    borders = ((1, 0), (2, 1))
    shape = sizes(size, kernel, stride, borders, math.floor)
    close(net.run(), pool(net.x, kind, kernel, stride, borders, shape, exclude))


@pytest.mark.parametrize("mode", ["BOTTOM_RIGHT_HEAVY", "TOP_LEFT_HEAVY"])
@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", WINDOWS)
def test_same(network, kind, window, exclude, mode):
    net, kernel, stride, size = build(
        network, kind, window, "SAME", exclude_pad_area=exclude, same_padding_asymmetry_mode=mode
    )
    borders = [
        same_padding(n, k, s, mode == "BOTTOM_RIGHT_HEAVY")
        for n, k, s in zip(size, kernel, stride, strict=True)
    ]
    shape = [math.ceil(n / s) for n, s in zip(size, stride, strict=True)]
    close(net.run(), pool(net.x, kind, kernel, stride, borders, shape, exclude))


def complete_size(size, amount, kernel, stride, padded):
    """The format's formula for ``includeLastPixel``, as it stands there."""
    out = math.ceil((size + 2 * amount - kernel) / stride) + 1
    if padded and (out - 1) * stride >= size + amount:
        out -= 1
    return out


@pytest.mark.parametrize("amounts", [(0, 0), (1, 1), (0, 1)])
@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", ["halving odd sizes", "overlapping", "uneven"])
def test_include_last_pixel(network, kind, window, exclude, amounts):
    high, wide = amounts
    net, kernel, stride, size = build(
        network,
        kind,
        window,
        "INCLUDE_LAST_PIXEL",
        exclude_pad_area=exclude,
        padding_top=high,
        padding_bottom=high,
        padding_left=wide,
        padding_right=wide,
    )
    borders = ((high, high), (wide, wide))
    shape = [
        complete_size(n, a, k, s, any(amounts))
        for n, a, k, s in zip(size, amounts, kernel, stride, strict=True)
    ]
    close(net.run(), pool(net.x, kind, kernel, stride, borders, shape, exclude))


@pytest.mark.parametrize("kind", KINDS)
def test_global(network, kind):
    net = network((3, 4, 5))
    net.builder.add_pooling("pool", 1, 1, 1, 1, kind, "VALID", "x", "y", is_global=True)
    flat = net.x.reshape(3, 3, -1)
    expected = {
        "MAX": flat.max(2),
        "AVERAGE": flat.mean(2),
        "L2": np.sqrt((flat**2).sum(2)),
    }[kind]
    close(net.run(), expected)


@pytest.mark.parametrize(
    ("name", "kind"), [("MaxPooling2D", "MAX"), ("AveragePooling2D", "AVERAGE")]
)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_keras_pooling(network, name, kind, padding):
    import keras

    net, *_ = build(network, kind, "overlapping", padding.upper(), exclude_pad_area=True)
    layer = getattr(keras.layers, name)(3, 2, padding)
    expected = layer(net.x.transpose(0, 2, 3, 1)).numpy().transpose(0, 3, 1, 2)
    close(net.run(), expected)
