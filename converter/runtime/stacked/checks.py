"""What users, settings and rows have to be so that they can be trained together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from converter.arithmetic.last_batch import ZEROS
from converter.errors import DataError, TrainingError, UsageError
from converter.runtime.settings import Settings
from converter.runtime.stacked.pool import Rows

ADAPTATION = "adaptation"
"""The name of the scores on the samples that a user learns from."""


def check(
    adaptation: Rows, settings: Sequence[Settings], epochs: Sequence[int], tests: Mapping[str, Rows]
) -> None:
    """Refuse what does not fit together.

    Raises:
        UsageError: the epochs do not ascend, or there are not as many settings as users.
        DataError: rows are none of the pool, or there are no users or no samples.
        TrainingError: the arithmetic fills up with a sample of zeros, which the pool lacks.
    """
    if adaptation.rows.ndim != 2:
        raise DataError(f"adaptation: rows are {list(adaptation.rows.shape)}, not [users, samples]")
    users = len(adaptation.rows)
    if len(settings) != users:
        raise UsageError(
            f"there are {users} users, but {len(settings)} settings; give one for each"
        )
    _check_rows(ADAPTATION, adaptation, users, least=0)
    if ADAPTATION in tests:
        raise UsageError(f"tests: {ADAPTATION!r} is what users learn from; choose another name")
    for name, tested in tests.items():
        _check_rows(name, tested, users, least=-1)
    if not epochs or epochs[0] < 0 or any(a >= b for a, b in pairwise(epochs)):
        raise UsageError(f"epochs {list(epochs)}: must be there and ascend from 0 or more")
    fills = any(chosen.arithmetic.last_batch == ZEROS for chosen in settings)
    if fills and adaptation.pool.zeros is None:
        raise TrainingError(
            "the arithmetic fills a mini-batch up with samples of zeros, which the pool lacks"
        )


def _check_rows(name: str, given: Rows, users: int, least: int) -> None:
    rows, total = given.rows, len(given.pool)
    if rows.ndim not in (1, 2) or (rows.ndim == 2 and len(rows) != users):
        raise DataError(f"{name}: rows are {list(rows.shape)}, but there are {users} users")
    if rows.dtype.kind not in "iu":
        raise DataError(f"{name}: rows are {rows.dtype}, not whole numbers")
    if not rows.size or np.any(np.all(rows < 0, axis=-1)):
        raise DataError(f"{name}: there are no samples, or none of some user")
    if rows.min() < least or rows.max() >= total:
        raise DataError(
            f"{name}: rows go from {rows.min()} to {rows.max()}, but the pool from 0 to {total - 1}"
        )
