"""What travels of users and their data; a scheduler that passes it on needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from converter.studies.model import Shifts

Array: TypeAlias = npt.NDArray[Any]
Integers: TypeAlias = npt.NDArray[np.int64]

Columns = Mapping[str, Array]
"""Samples as they are stored, by the names of the inputs."""


@dataclass(frozen=True)
class Held:
    """Labelled samples as they are stored: what travels to a worker."""

    columns: Columns
    y: Array

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Stored:
    """A user whose own samples are at hand."""

    key: str
    held: Held


@dataclass(frozen=True)
class Drawn:
    """A simulated user: the number tells everything."""

    key: str
    number: int


User: TypeAlias = Stored | Drawn


@dataclass(frozen=True)
class Common:
    """The data that simulated users are made of.

    Attributes:
        held: the samples.
        classes: the class of each, from 0.
        span: the lowest and the highest value, as the model takes them.
        shifts: how users differ.
        seed: of who they are.
    """

    held: Held
    classes: Integers
    span: tuple[float, float]
    shifts: Shifts
    seed: int
