"""A folder of images by class, read when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.coreml.features import image_shape
from converter.coreml.mlmodel import Message
from converter.errors import DataError, MissingDependencyError, install, reason
from converter.files.kinds import refuse_special
from converter.runtime.backend import Array, Integers

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}

LARGEST_IMAGE = 2**28
"""Pixels: a picture of a phone has a fifth of them at most."""

MODES = {1: "L", 3: "RGB"}
"""Channels -> what Pillow calls it."""


def _pillow() -> Any:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingDependencyError(f"reading images needs Pillow; {install('keras')}") from error
    return Image, ImageOps


NO_IMAGE = (OSError, SyntaxError, ValueError)
"""What Pillow raises of files that are no images, or damaged."""


@dataclass(frozen=True)
class ImageFolder:
    """Images of one size, ``[N, H, W, C]``, 8 bits, red first; decoded when indexed.

    An image is turned upright as its EXIF data say and stretched to the size, as Vision's
    ``scaleFill`` does.
    """

    files: Sequence[Path]
    size: tuple[int, int]
    channels: int

    @classmethod
    def for_input(cls, files: Sequence[Path], feature: Message) -> ImageFolder:
        """Return the images as the input `feature` takes them.

        Raises:
            DataError: the input is no image and has not the shape of one.
        """
        if feature.type.WhichOneof("Type") == "imageType":
            height, width, channels = image_shape(feature)
            _check_size(feature, height, width)
            return cls(files, (height, width), channels)
        declared = [int(size) for size in feature.type.multiArrayType.shape]
        if len(declared) != 3 or declared[0] not in MODES:
            raise DataError(f"the input '{feature.name}' takes no images, but arrays of {declared}")
        _check_size(feature, declared[1], declared[2])
        return cls(files, (declared[1], declared[2]), declared[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all images together."""
        return (len(self.files), *self.size, self.channels)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Eight bits."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, indices: Integers) -> Array:
        return np.stack([self._pixels(self.files[int(i)]) for i in np.atleast_1d(indices)])

    def _pixels(self, file: Path) -> Array:
        images, operations = _pillow()
        height, width = self.size
        refuse_special(file, DataError)
        try:
            with images.open(file) as image:
                upright = operations.exif_transpose(image).convert(MODES[self.channels])
                if upright.size != (width, height):
                    upright = upright.resize((width, height), images.Resampling.BILINEAR)
                return np.asarray(upright).reshape(height, width, self.channels)
        except NO_IMAGE as error:
            raise DataError(_unreadable(file, error)) from error


def _check_size(feature: Message, height: int, width: int) -> None:
    if not 0 < height * width <= LARGEST_IMAGE:
        raise DataError(
            f"the input '{feature.name}' takes images of {width} × {height} pixels, which cannot be"
        )


def labelled_images(folder: Path) -> tuple[list[Path], list[str]]:
    """Return all images in the folders of `folder`, sorted, and the folder of each.

    Raises:
        DataError: there are none, or one of them is no image.
    """
    images, _ = _pillow()
    found = [(file, path.name) for path in subfolders(folder) for file in images_in(path)]
    if not found:
        raise DataError(_no_classes(folder))
    for file, _name in found:
        refuse_special(file, DataError)
        try:
            with images.open(file):
                pass
        except NO_IMAGE as error:
            raise DataError(_unreadable(file, error)) from error
    return [file for file, _ in found], [name for _, name in found]


def _unreadable(file: Path, error: Exception) -> str:
    """Return what is said of a file that Pillow cannot read, by the system's reason or our own."""
    why = reason(error, "damaged, or not what its name says")
    return f"{file}: cannot be read as an image ({why}); replace it, or take it away"


def _no_classes(folder: Path) -> str:
    """Return what is said of a folder without images in the folders of classes."""
    beside = images_in(folder)
    wanted = f"{folder}/CLASS/{beside[0].name if beside else 'IMAGE.jpg'}"
    if beside:
        number = f"{len(beside)} image{'s' * (len(beside) > 1)}"
        return f"{folder}: holds {number}, but no folders of classes; what is expected is {wanted}"
    others = sorted({f.suffix.lower() for f in folder.rglob("*") if f.is_file() and f.suffix})
    instead = f", but {', '.join(others[:8])}" if others else ""
    return (
        f"{folder}: holds no images ({', '.join(sorted(SUFFIXES))}){instead}; what is expected is "
        f"{wanted}, a folder for each class"
    )


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly in `folder`, sorted."""
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not is_hidden(f))


def subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in `folder`, sorted."""
    return sorted(f for f in folder.iterdir() if f.is_dir() and not is_hidden(f))


def is_hidden(path: Path) -> bool:
    """Tell whether `path` is one that systems write for themselves, such as ``.DS_Store``."""
    return path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini")


def classes_of(names: Sequence[str], known: bool) -> Array:
    """Return the names of folders as labels.

    As they are if the model knows classes by name; else numbers if all of them are, or their
    places in the sorted list.
    """
    if known:
        return np.array(names)
    if all(name.isdigit() for name in names):
        return np.array([int(name) for name in names])
    ordered = sorted(set(names))
    return np.array([ordered.index(name) for name in names])
