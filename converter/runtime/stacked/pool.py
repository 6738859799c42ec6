"""The samples that users learn from and are tested with, as the learning layers read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from converter.backend.tensorflow import aligned
from converter.coreml.mlmodel import Floats, Message
from converter.runtime.backend import Array, Integers
from converter.runtime.history import Labelled
from converter.runtime.plan import Plan
from converter.runtime.sources import computed
from converter.runtime.training import border


@dataclass(frozen=True)
class Pool:
    """N samples at the border between what is frozen and what learns, computed once.

    Attributes:
        blobs: by name, those of `Plan.features`, ``[N, H, W, C]``.
        answers: class indices ``[N]``, or values ``[N, H, W, C]``.
        zeros: the row of a sample of zeros, for an arithmetic that fills up mini-batches with it.
    """

    blobs: Mapping[str, Floats]
    answers: Array
    zeros: int | None = None

    def __len__(self) -> int:
        return len(self.answers)


@dataclass(frozen=True)
class Rows:
    """Which samples of `pool` are whose.

    `rows` are ``[users, m]``, or ``[m]`` where they are the same for every user. Of what is only
    tested with, -1 stands where a user has no more samples.
    """

    pool: Pool
    rows: Integers


def pool(
    model: Message,
    chosen: Plan,
    data: Labelled,
    batch_size: int = 32,
    with_zeros: bool = False,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Pool:
    """Return `data` as the learning layers of `model` read it; `chosen` is the plan of `model`.

    `with_zeros` adds a sample of zeros behind the last one. `on_progress` hears of the number of
    samples done.

    Raises:
        DataError: samples or labels do not fit the model, or there are none.
        ModelFileError: the network cannot be run.
    """
    total = len(data.samples)
    start, answers = border(model, chosen, data, batch_size, with_zeros)
    blobs = dict[str, Floats]()
    for part, batch in computed(start, batch_size):
        for name, blob in batch.items():
            room = blobs.setdefault(name, aligned((len(start), *blob.shape[1:])))
            room[part] = blob
        on_progress(min(part.stop, total))
    return Pool(blobs, answers, total if with_zeros else None)
