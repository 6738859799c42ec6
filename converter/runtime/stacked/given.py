"""Samples of users as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from converter.backend.tensorflow import tensor
from converter.runtime.backend import CPU, Integers, Tensor, tf
from converter.runtime.stacked.pool import Pool

Blobs: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True)
class Given:
    """A pool and whose rows of it are whose, as `Rows`, for TensorFlow."""

    blobs: Blobs
    answers: Tensor
    rows: Integers

    @classmethod
    def of(cls, pool: Pool, rows: Integers) -> Given:
        """Return `rows` of `pool`; the caller must not change the pool any more."""
        with tf.device(CPU):
            blobs = {name: tensor(blob) for name, blob in pool.blobs.items()}
            return cls(blobs, tensor(pool.answers), rows)

    def of_users(self, users: Sequence[int]) -> Given:
        """Return the rows of `users` only; rows that are the same for all stay as they are."""
        return self if len(self.rows) == 1 else replace(self, rows=self.rows[users])
