"""The users of a study: where their samples come from, and how each user is known again."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter import data
from converter.coreml.features import labels
from converter.coreml.mlmodel import CROSS_ENTROPY, Message
from converter.data import Reading
from converter.data.arrays import labelled_of, stored_arrays
from converter.data.images import ImageFolder, classes_of, labelled_images, subfolders
from converter.errors import DataError
from converter.runtime import ArraySamples, Labelled, plan
from converter.runtime.backend import Array, Integers
from converter.studies.model import Shifts, Simulated, Study
from converter.studies.people import Common, Drawn, Held, Stored, User
from converter.studies.shifts import refuse_unfit


@dataclass(frozen=True)
class Population:
    """All users of a study.

    Attributes:
        keys: of each user, the hash of all that makes its samples what they are.
        common: what simulated users are made of.
        test: the samples that all users share, to measure what is forgotten.
        test_key: their hash.
        notes: what a person should know.
    """

    keys: Sequence[str]
    common: Common | None
    test: Held | None
    test_key: str | None
    notes: Sequence[str]
    _rows: Sequence[Integers] = ()
    _columns: Mapping[str, Any] | None = None
    _y: Array | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def sample(self) -> Held:
        """Return the first sample of all."""
        if self.common is not None:
            held = self.common.held
            return Held({name: each[:1] for name, each in held.columns.items()}, held.y[:1])
        first = self.user(0)
        assert isinstance(first, Stored)
        return Held({n: each[:1] for n, each in first.held.columns.items()}, first.held.y[:1])

    def answers(self) -> Array:
        """Return the answers of all samples."""
        if self.common is not None:
            return self.common.held.y
        assert self._y is not None
        return self._y

    @property
    def most_samples(self) -> int:
        """How many samples the user with the most of them has; 0 if users are simulated."""
        return max(map(len, self._rows), default=0)

    def user(self, number: int) -> User:
        """Return one user, with the samples if they are not simulated."""
        if self._columns is None or self._y is None:
            return Drawn(self.keys[number], number)
        rows = self._rows[number]
        columns = {name: np.asarray(each[rows]) for name, each in self._columns.items()}
        return Stored(self.keys[number], Held(columns, self._y[rows]))


def population(study: Study, model: Message) -> Population:
    """Return the users of `study`, whose samples fit `model`.

    Users with fewer samples than the study needs are left out, so that all sizes are told of the
    same users.

    Raises:
        DataError: samples cannot be read or do not fit, or no user has enough of them.
        UsageError: the layout of an array must be told.
    """
    how = Reading(study.layout, study.scale)
    simulated = study.users.simulated
    if simulated is not None:
        return _simulated(study, simulated, model, how)
    assert study.users.data is not None
    return _real(study, study.users.data, model, how)


def _simulated(study: Study, told: Simulated, model: Message, how: Reading) -> Population:
    found = data.read(str(told.data), model, how)
    held = _held(found.train)
    if len(held) < study.needed:
        raise DataError(
            f"{told.data}: has {len(held)} samples, but a user needs {study.needed}; lower samples "
            "or test_samples"
        )
    names = [feature.name for feature in model.description.input]
    if len(names) > 1:
        raise DataError(f"{told.data}: users are simulated of one input; the model has {names}")
    ndim = len(_declared(model.description.input[0])) + 1
    refuse_unfit(told.shifts, ndim)
    classes = _classes(held, told.shifts, plan(model).loss)
    common = Common(held, classes, _span(held, model, how), told.shifts, told.seed)
    base = _hash(held)
    test, test_key = _test_set(study, found.test, model, how)
    keys = [
        hashlib.sha256(
            json.dumps(
                [base, told.shifts.model_dump(), told.seed, number, study.needed], sort_keys=True
            ).encode()
        ).hexdigest()
        for number in range(told.count)
    ]
    return Population(keys, common, test, test_key, found.notes)


def _real(study: Study, place: Path, model: Message, how: Reading) -> Population:
    columns, y, owners = _folder(place, model) if place.is_dir() else _archive(place, model, how)
    names, inverse = np.unique(owners, return_inverse=True)
    rows = [np.flatnonzero(inverse == number) for number in range(len(names))]
    enough = [each for each in rows if len(each) >= study.needed]
    notes = []
    if not enough:
        raise DataError(
            f"{place}: no user has {study.needed} samples, {max(study.samples)} to learn from and "
            f"{study.test_samples} to test with; the most is {max(map(len, rows))}: lower samples "
            "or test_samples"
        )
    if len(enough) < len(rows):
        notes.append(
            f"{place}: {len(rows) - len(enough)} of {len(rows)} users are left out: they have "
            f"fewer than {study.needed} samples"
        )
    keys = [
        _hash(Held({name: np.asarray(each[part]) for name, each in columns.items()}, y[part]))
        for part in enough
    ]
    test, test_key = _test_set(study, None, model, how)
    return Population(_distinct(keys), None, test, test_key, notes, enough, columns, y)


def _distinct(keys: Sequence[str]) -> list[str]:
    """Return `keys`, of which a user who has the same samples as others bears a number, too."""
    seen = Counter[str]()
    found = []
    for key in keys:
        seen[key] += 1
        found.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return found


def _folder(place: Path, model: Message) -> tuple[dict[str, Any], Array, Array]:
    """Return the pictures in a folder of users, what they show, and whose they are."""
    (feature, *others) = model.description.input
    if others:
        names = ", ".join(each.name for each in (feature, *others))
        raise DataError(
            f"{place}: holds pictures for one input, but the model has several; give an .npz file "
            f"with an array for each ({names}), y and user"
        )
    files, classes, owners = list[Path](), list[str](), list[str]()
    for user in subfolders(place):
        found, named = labelled_images(user)
        files, classes = files + found, classes + named
        owners += [user.name] * len(found)
    if not files:
        raise DataError(f"{place}: holds no user; what is expected is {place}/USER/CLASS/IMAGE.jpg")
    known = labels(model)
    has_names = bool(known and isinstance(known[0], str))
    odd = sorted(set(classes) - set(map(str, known or ()))) if has_names else []
    if odd:
        raise DataError(f"{place}: the folder '{odd[0]}' is not one of the model's classes")
    images = ImageFolder.for_input(files, feature)
    return {feature.name: images}, classes_of(classes, has_names), np.array(owners)


def _archive(place: Path, model: Message, how: Reading) -> tuple[dict[str, Any], Array, Array]:
    arrays = stored_arrays(place) if place.exists() else {}
    if not place.exists():
        raise DataError(f"{place}: there is no such file or folder; check the path")
    found = labelled_of(place, arrays, "", model, how)
    owners = arrays.get("user")
    if owners is None or owners.shape != (len(found.y),):
        has = "no array user" if owners is None else f"user {list(owners.shape)}"
        raise DataError(f"{place}: has {has}; tell whose each of the {len(found.y)} samples is")
    if owners.dtype.kind == "f" and not np.isfinite(owners).all():
        raise DataError(f"{place}: user holds NaN or infinity; number or name the users")
    assert isinstance(found.samples, ArraySamples)
    columns = {name: each.rows for name, each in found.samples.arrays.items()}
    return columns, np.asarray(found.y), owners


def _test_set(
    study: Study, other: Labelled | None, model: Message, how: Reading
) -> tuple[Held | None, str | None]:
    """Return some samples of the common test set, always the same, and their hash."""
    if study.common is not None:
        found = data.read(str(study.common), model, how)
        other = found.test or found.train
    if other is None:
        return None, None
    total = len(other.samples)
    chosen = np.sort(np.random.default_rng(0).permutation(total)[: study.common_samples])
    held = _held(other, chosen)
    return held, _hash(held)


def _held(labelled: Labelled, rows: Integers | None = None) -> Held:
    """Return samples in memory, as they are stored."""
    assert isinstance(labelled.samples, ArraySamples)
    chosen = np.arange(len(labelled.samples)) if rows is None else rows
    columns = {
        name: each.rows if rows is None and isinstance(each.rows, np.ndarray) else each.rows[chosen]
        for name, each in labelled.samples.arrays.items()
    }
    return Held(columns, np.asarray(labelled.y)[chosen])


def _classes(held: Held, shifts: Shifts, loss: str) -> Integers:
    """Return the class of each sample, all the same if no shift asks for it."""
    if shifts.label_subset is None and shifts.label_skew is None:
        return np.zeros(len(held), np.int64)
    if loss != CROSS_ENTROPY:
        raise DataError("shifts: label_subset and label_skew are for classes; the model has none")
    y = held.y.argmax(axis=1) if held.y.ndim == 2 and held.y.shape[1] > 1 else held.y.reshape(-1)
    names, found = np.unique(y, return_inverse=True)
    if shifts.label_subset is not None and shifts.label_subset > len(names):
        raise DataError(
            f"shifts: label_subset {shifts.label_subset} is more than the {len(names)} classes "
            "that there are"
        )
    return found


def _declared(feature: Message) -> tuple[int, ...]:
    """Return the axes of one sample as the model declares it; those of an image are three."""
    if feature.type.WhichOneof("Type") == "imageType":
        return 0, 0, 0
    return tuple(feature.type.multiArrayType.shape)


def _span(held: Held, model: Message, how: Reading) -> tuple[float, float]:
    """Return the lowest and the highest value of the samples as the model takes them."""
    (feature,) = model.description.input
    if feature.type.WhichOneof("Type") == "imageType":
        return 0.0, 255.0
    rows = held.columns[feature.name]
    low, high = sorted((float(rows.min()) * how.scale, float(rows.max()) * how.scale))
    return low, high


def _hash(held: Held) -> str:
    digest = hashlib.sha256()
    for name, array in [*sorted(held.columns.items()), ("y", held.y)]:
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
