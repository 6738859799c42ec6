import numpy as np
import pytest

from tests.runtime.helpers import close


def interpolated(x, rows, columns):
    """Bilinear interpolation at given points, one pixel after the other."""
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            top, left = int(row), int(column)
            bottom, right = min(top + 1, x.shape[2] - 1), min(left + 1, x.shape[3] - 1)
            down, across = row - top, column - left
            upper = x[:, :, top, left] * (1 - across) + x[:, :, top, right] * across
            lower = x[:, :, bottom, left] * (1 - across) + x[:, :, bottom, right] * across
            y[:, :, i, j] = upper * (1 - down) + lower * down
    return y


def clipped(points, size):
    return np.minimum(size - 1, np.maximum(0, points))


UPSAMPLING = {
    "DEFAULT": lambda n, m: clipped(np.arange(m) * (n - n / m) / (m - 1), n),
    "ALIGN_CORNERS_TRUE": lambda n, m: clipped(np.arange(m) * (n - 1) / (m - 1), n),
    "ALIGN_CORNERS_FALSE": lambda n, m: clipped(np.arange(m) * n / m + 0.5 * n / m - 0.5, n),
}


def test_nearest_repeats_pixels(network):
    net = network((2, 3, 4))
    net.builder.add_upsample("up", 2, 3, "x", "y")
    close(net.run(), net.x.repeat(2, axis=2).repeat(3, axis=3))


@pytest.mark.parametrize("mode", UPSAMPLING)
def test_bilinear_upsampling(network, mode):
    net = network((2, 3, 4))
    net.builder.add_upsample("up", 2, 3, "x", "y", "BILINEAR", mode)
    close(net.run(), interpolated(net.x, UPSAMPLING[mode](3, 6), UPSAMPLING[mode](4, 12)))


@pytest.mark.parametrize("mode", ["ALIGN_CORNERS_TRUE", "ALIGN_CORNERS_FALSE"])
def test_fractional_upsampling(network, mode):
    net = network((2, 4, 6))
    net.builder.add_upsample("up", 1.5, 2.5, "x", "y", "BILINEAR", mode)
    close(net.run(), interpolated(net.x, UPSAMPLING[mode](4, 6), UPSAMPLING[mode](6, 15)))


@pytest.mark.parametrize(("interpolation", "mode"), [("nearest", "NN"), ("bilinear", "BILINEAR")])
def test_keras_upsampling(network, interpolation, mode):
    import keras

    net = network((2, 3, 4))
    net.builder.add_upsample("up", 2, 2, "x", "y", mode, "ALIGN_CORNERS_FALSE")
    layer = keras.layers.UpSampling2D(2, interpolation=interpolation)
    close(net.run(), layer(net.x.transpose(0, 2, 3, 1)).numpy().transpose(0, 3, 1, 2))


def region(n, m):
    spacing = max(1, n - 1) / m
    return clipped(np.linspace(0.5 * spacing, 0.5 * spacing + (m - 1) * spacing, m), n)


RESIZING = {
    "STRICT_ALIGN_ENDPOINTS_MODE": lambda n, m: np.linspace(0, n - 1, m),
    "ALIGN_ENDPOINTS_MODE": lambda n, m: np.linspace(0, n - 1, m) if m > 1 else [(n - 1) / 2],
    "UPSAMPLE_MODE": lambda n, m: clipped(np.linspace(0, n - n / m, m), n),
    "ROI_ALIGN_MODE": region,
}


@pytest.mark.parametrize("target", [(7, 5), (2, 1), (4, 4)], ids=str)
@pytest.mark.parametrize("mode", RESIZING)
def test_resize_bilinear(network, mode, target):
    net = network((2, 4, 6))
    net.builder.add_resize_bilinear("resize", "x", "y", *target, mode)
    grid = RESIZING[mode]
    close(net.run(), interpolated(net.x, grid(4, target[0]), grid(6, target[1])))
