"""From the name of a place to samples and labels."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from converter.coreml.features import labels
from converter.coreml.mlmodel import Message
from converter.coreml.neighbors import label_type
from converter.data import notes
from converter.data.arrays import (
    AS_STORED,
    Reading,
    converted,
    keys,
    labelled_of,
    samples_of,
    stored_arrays,
)
from converter.data.images import SUFFIXES, ImageFolder, classes_of, images_in, labelled_images
from converter.errors import DataError, UsageError, first_of
from converter.runtime.backend import Array, Integers
from converter.runtime.history import Labelled
from converter.runtime.sources import ArraySamples, Samples

KERAS_DATASETS = ("mnist", "fashion_mnist", "cifar10", "cifar100")
"""Names that ``--data`` takes; the modules of ``keras.datasets``."""


@dataclass(frozen=True)
class Dataset:
    """What a place holds: samples to learn from, and others to test with if there are any.

    `notes` tell what was left out, and what looks odd.
    """

    train: Labelled
    test: Labelled | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unlabelled:
    """Samples without answers, and what to call each of them."""

    samples: Samples
    names: Sequence[str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Some of other samples."""

    samples: Samples
    indices: Integers

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, indices: Integers) -> Mapping[str, Array]:
        """Return the chosen samples by input name."""
        return self.samples.take(self.indices[indices])


def read(where: str, model: Message, how: Reading = AS_STORED) -> Dataset:
    """Return the data at `where` as the inputs of `model` take them.

    `where` is an ``.npz`` file with ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` and
    ``y_test`` (of a model with several inputs, arrays named after them instead of ``x``); a folder
    with one folder of images per class, or with such folders in ``train`` and ``test``; one of
    `KERAS_DATASETS`.

    Raises:
        DataError: the data cannot be read or do not fit the model.
        UsageError: the layout of an array must be told.
    """
    path = _place(where)
    if path.is_dir():
        found = _folder(path, model, how)
    elif where in KERAS_DATASETS and not path.exists():
        found = _keras_dataset(where, model, how)
    else:
        found = _archive(path, model, how)
    said = [
        *notes.about_classes(model, found.train.y),
        *notes.about_pixels(model, _columns(found.train.samples), how),
    ]
    return replace(found, notes=(*found.notes, *said))


def _columns(samples: Samples) -> dict[str, object]:
    return dict(samples.arrays) if isinstance(samples, ArraySamples) else {}


def _place(where: str) -> Path:
    """Return `where` as a path, once it is known to be one, or the name of a dataset.

    Raises:
        DataError: there is neither; the message names what was probably meant.
    """
    path = Path(where)
    if where in KERAS_DATASETS or path.exists() or path.is_symlink():
        return path
    beside = [str(other) for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(str(path), [*KERAS_DATASETS, *beside], n=1)
    remedy = (
        f"did you mean {near[0]}?"
        if near
        else (
            "give an .npz file, a folder with a folder of images for each class, or one of "
            + ", ".join(KERAS_DATASETS)
        )
    )
    raise DataError(f"{where}: there is no such file or folder; {remedy}")


def held_out(data: Labelled, share: float, seed: int = 0) -> Dataset:
    """Put a random `share` of `data`, from 0 to 1, aside for testing.

    Raises:
        UsageError: nothing is left to learn from or to test with.
    """
    total = len(data.samples)
    count = round(total * share)
    if not 0 < count < total:
        raise UsageError(f"--hold-out {share:g} of {total} samples leaves none on one side")
    mixed = np.random.default_rng(seed).permutation(total)
    y = np.asarray(data.y)
    test, train = np.sort(mixed[:count]), np.sort(mixed[count:])
    return Dataset(
        Labelled(Part(data.samples, train), y[train]), Labelled(Part(data.samples, test), y[test])
    )


def read_inputs(where: str, model: Message, how: Reading = AS_STORED) -> Unlabelled:
    """Return the samples at `where`, labelled or not: also one image, or a folder of images.

    Raises:
        DataError: the data cannot be read or do not fit the model.
        UsageError: the layout of an array must be told.
    """
    found = _inputs(where, model, how)
    said = notes.about_pixels(model, _columns(found.samples), how)
    return replace(found, notes=(*found.notes, *said))


def _inputs(where: str, model: Message, how: Reading) -> Unlabelled:
    path = _place(where)
    if path.is_dir():
        loose = images_in(path)
        left = tuple(notes.left_out(path, classes=not loose))
        return _pictures(path, loose or labelled_images(path)[0], model, how, left)
    if path.suffix.lower() in SUFFIXES:
        return _pictures(path, [path], model, how)
    if where in KERAS_DATASETS and not path.exists():
        found = _keras_dataset(where, model, how)
        chosen = (found.test or found.train).samples
    else:
        arrays = stored_arrays(path)
        suffix = next((s for s in ("", "_test", "_train") if _holds(arrays, model, s)), "")
        chosen = samples_of(path, arrays, suffix, model, how)
    return Unlabelled(chosen, [str(i) for i in range(len(chosen))])


def _holds(arrays: Mapping[str, Array], model: Message, suffix: str) -> bool:
    """Tell whether there is an array ending in `suffix` for each input of `model`."""
    return all(any(name in arrays for name in names) for names in keys(model, suffix))


def _pictures(
    path: Path, files: Sequence[Path], model: Message, how: Reading, said: tuple[str, ...] = ()
) -> Unlabelled:
    (feature,) = _only_input(model, path)
    images = ImageFolder.for_input(files, feature)
    samples = ArraySamples({feature.name: converted(images, feature, how)})
    return Unlabelled(samples, [str(file) for file in files], said)


def _folder(path: Path, model: Message, how: Reading) -> Dataset:
    train = path / "train"
    test = next((path / name for name in ("test", "val", "validation") if train.is_dir()
                 and (path / name).is_dir()), None)  # fmt: skip
    holders = [train if train.is_dir() else path, *([test] if test else [])]
    left = tuple(note for holder in holders for note in notes.left_out(holder, classes=True))
    first, *others = (_images(holder, model, how) for holder in holders)
    return Dataset(first, others[0] if others else None, left)


def _images(path: Path, model: Message, how: Reading) -> Labelled:
    (feature,) = _only_input(model, path)
    files, names = labelled_images(path)
    if labels(model) is not None and _has_class_names(model):
        _check_names(path, names, model)
    images = ImageFolder.for_input(files, feature)
    samples = ArraySamples({feature.name: converted(images, feature, how)})
    return Labelled(samples, classes_of(names, _has_class_names(model)))


def _check_names(path: Path, names: Sequence[str], model: Message) -> None:
    known = list(map(str, labels(model) or ()))
    odd = next((name for name in names if name not in known), None)
    if odd is not None:
        near = difflib.get_close_matches(odd, known, n=1)
        listed = first_of(known)
        raise DataError(
            f"{path / odd}: '{odd}' is not one of the model's {len(known)} classes ({listed}); "
            f"rename the folder{f' to {near[0]}' if near else ''}, or take it away"
        )


def _has_class_names(model: Message) -> bool:
    """Tell whether classes are texts: those of a classifier, or any for nearest neighbours."""
    names = labels(model)
    return bool(names and isinstance(names[0], str)) or label_type(model) == "string"


def _keras_dataset(name: str, model: Message, how: Reading) -> Dataset:
    from converter.backend.tensorflow import keras

    try:
        (x, y), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:
        reason = str(error).split("\n")[0]
        raise DataError(f"keras.datasets.{name} cannot be loaded: {reason}") from error
    (feature,) = _only_input(model, Path(name))
    train, test = (
        ArraySamples({feature.name: converted(part, feature, how)}) for part in (x, x_test)
    )
    return Dataset(Labelled(train, y), Labelled(test, y_test))


def _archive(path: Path, model: Message, how: Reading) -> Dataset:
    arrays = stored_arrays(path)
    splits = [suffix for suffix in ("_train", "_test") if f"y{suffix}" in arrays]
    if "_train" not in splits:
        return Dataset(labelled_of(path, arrays, "", model, how))
    test = labelled_of(path, arrays, "_test", model, how) if "_test" in splits else None
    return Dataset(labelled_of(path, arrays, "_train", model, how), test)


def _only_input(model: Message, where: Path) -> list[Message]:
    inputs = list(model.description.input)
    if len(inputs) != 1:
        names = ", ".join(feature.name for feature in inputs)
        raise DataError(
            f"{where}: is data for one input, but the model has {len(inputs)}; give an .npz file "
            f"with an array for each ({names}), and y"
        )
    return inputs
