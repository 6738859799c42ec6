"""What RandomCrop of earlier versions of Keras does at inference, as layers of today's Keras.

From TensorFlow 2.7 to Keras 3.5 it was ``Resizing(…, crop_to_aspect_ratio=True)``; since Keras 3.8
it is nothing. Sources: ``keras/layers/preprocessing/image_preprocessing.py`` of Keras 2.4 to 2.6,
``random_crop.py`` of Keras 3.6 and 3.7.
"""

from __future__ import annotations

from typing import Any

from converter.backend.tensorflow import keras


class InferenceCrop(keras.layers.Layer):  # type: ignore[misc]
    """Makes pictures of `height` x `width` pixels."""

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.height, self.width = height, width
        self.data_format = data_format or "channels_last"
        self.axes = (-3, -2) if self.data_format == "channels_last" else (-2, -1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape with the new height and width."""
        shape = list(input_shape)
        for axis, size in zip(self.axes, (self.height, self.width), strict=True):
            shape[axis] = size
        return tuple(shape)

    def resized(self, x: Any, height: int, width: int) -> Any:
        """Return `x` in another size, bilinear; as it is if it has this size."""
        if tuple(x.shape[axis] for axis in self.axes) == (height, width):
            return x
        return keras.ops.image.resize(x, (height, width), data_format=self.data_format)

    def window(self, x: Any, top: int, left: int) -> Any:
        """Return the part of `x` that begins at `top` and `left`, less where `x` ends before."""
        key = [slice(None)] * len(x.shape)
        key[self.axes[0]] = slice(top, top + self.height)
        key[self.axes[1]] = slice(left, left + self.width)
        return x[tuple(key)]


class ShorterSideCrop(InferenceCrop):
    """Keras 2.4 to 2.6: resize until one side fits and the other is too long, crop the centre."""

    def call(self, x: Any) -> Any:
        """Return the crop of `x`."""
        height, width = (x.shape[axis] for axis in self.axes)
        if height / width > self.height / self.width:
            size = (int(self.width * height / width), self.width)
        else:
            size = (self.height, int(self.height * width / height))
        resized = self.resized(x, *size)
        return self.window(resized, (size[0] - self.height) // 2, (size[1] - self.width) // 2)


class WindowCrop(InferenceCrop):
    """Keras 3.6 and 3.7: a window of the wanted size where the largest one would begin."""

    def call(self, x: Any) -> Any:
        """Return the window of `x`, resized where `x` ends before."""
        height, width = (x.shape[axis] for axis in self.axes)
        highest = max(min(height, int(width * self.height / self.width)), 1)
        widest = max(min(width, int(height * self.width / self.height)), 1)
        found = self.window(x, (height - highest) // 2, (width - widest) // 2)
        return self.resized(found, self.height, self.width)


CROPS = {made.__name__: made for made in (ShorterSideCrop, WindowCrop)}
"""Name in `converter.keras_file.inference` -> the layer."""
