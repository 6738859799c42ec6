"""What a person should know of data that were read: what was left out, and what looks odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converter.coreml.features import labels
from converter.coreml.mlmodel import Message
from converter.data.arrays import ROWS_AT_ONCE, Converted, Reading
from converter.data.images import SUFFIXES, images_in, is_hidden, subfolders
from converter.errors import first_of

DARKEST_WHITE = 100
"""Values as large as this are those of pixels from 0 to 255, not of a network's usual inputs."""


def left_out(folder: Path, classes: bool) -> Iterator[str]:
    """Yield what in `folder` is not read: other kinds of files, and images at other depths.

    With `classes` the images stand in the folders of `folder`, else in `folder` itself.
    """
    holders = subfolders(folder) if classes else [folder]
    others = [file for holder in holders for file in holder.iterdir() if _is_other(file)]
    if others:
        kinds = Counter(file.suffix.lower() or "without ending" for file in others)
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        what = _told(others, "file", f"of other kinds ({listed})")
        yield f"{folder}: {what}; images are {', '.join(sorted(SUFFIXES))}"
    if not classes:
        return
    deeper = [file for holder in holders for inner in subfolders(holder) for file in below(inner)]
    for files, where in ((deeper, "too deep"), (images_in(folder), "in no folder of a class")):
        if files:
            what = _told(files, "image", f"{where} (such as {files[0].relative_to(folder)})")
            yield f"{folder}: {what}; images stand directly in the folder of their class"
    for holder in holders:
        if not images_in(holder):
            yield f"{folder}: the folder {holder.name} holds no image, so it is no class"


def _is_other(file: Path) -> bool:
    return file.is_file() and file.suffix.lower() not in SUFFIXES and not is_hidden(file)


def _told(files: Sequence[Path], what: str, which: str) -> str:
    return f"{len(files)} {what}{'s' * (len(files) > 1)} {which} left out"


def below(folder: Path) -> list[Path]:
    """Return the images in `folder` and in all folders inside."""
    return [*images_in(folder), *(f for inner in subfolders(folder) for f in below(inner))]


def about_classes(model: Message, y: Any) -> Iterator[str]:
    """Yield the classes of `model` that none of the answers `y` names."""
    known, given = labels(model), np.asarray(y)
    if not known or (given.ndim == 2 and given.shape[1] > 1):
        return
    found = set(map(str, np.unique(given).tolist()))
    if isinstance(known[0], str) and given.dtype.kind not in "USO":
        return  # an index is not a name; `targets` judges it
    missing = [str(name) for name in known if str(name) not in found]
    if missing and len(missing) < len(known):
        verb = "has" if len(missing) == 1 else "have"
        absent = f"{len(missing)} {verb} no samples: {first_of(missing)}"
        yield f"of the model's {len(known)} classes {absent}"


def about_pixels(model: Message, columns: dict[str, Any], how: Reading) -> Iterator[str]:
    """Yield a hint for each input that takes arrays and is given pixels from 0 to 255 as they are.

    Whether the network was trained on them so, or scales them itself, the file does not say.
    """
    for feature in model.description.input:
        column = columns.get(feature.name)
        is_array = feature.type.WhichOneof("Type") == "multiArrayType"
        if not isinstance(column, Converted) or not is_array or how.scale != 1:
            continue
        if len(feature.type.multiArrayType.shape) == 3 and _are_pixels(column.rows):
            yield (
                f"the input '{feature.name}' is given pixels from 0 to 255; say --scale 1/255 if "
                "the network was trained on values from 0 to 1"
            )


def _are_pixels(rows: Any) -> bool:
    if not isinstance(rows, np.ndarray):
        return bool(rows.dtype == np.uint8)
    some = rows[:ROWS_AT_ONCE]
    return bool(some.size and some.min() >= 0 and DARKEST_WHITE <= some.max() <= 255)
