"""In which order an epoch goes through the samples, where a model asks for shuffling.

Every way takes the seed, the number of the epoch from 1 and the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from converter.arithmetic.last_batch import Integers

Order: TypeAlias = Callable[[int, int, int], Integers]


def numpy(seed: int, epoch: int, total: int) -> Integers:
    """A permutation that NumPy draws for each epoch from the seed and the epoch."""
    return np.random.default_rng([seed % 2**64, epoch]).permutation(total)


def given(seed: int, epoch: int, total: int) -> Integers:
    """As the samples are given, in every epoch."""
    return np.arange(total)


def libcxx(seed: int, epoch: int, total: int) -> Integers:
    """std::shuffle of Apple's C++ library with its default engine, the same in every epoch."""
    found, random = list(range(total)), _minstd(seed)
    for first in range(total - 1):
        other = first + _uniform(random, total - first)
        found[first], found[other] = found[other], found[first]
    return np.array(found, np.int64)


MODULUS = 2**31 - 1
VALUES = MODULUS - 1
"""How many numbers the engine ``minstd_rand`` gives: 1 to VALUES."""


def _minstd(seed: int) -> Iterator[int]:
    """Yield what ``std::default_random_engine`` gives, counted from 0; a seed of 0 counts as 1.

    libc++ has ``minstd_rand`` there: https://github.com/llvm/llvm-project,
    ``libcxx/include/__random/default_random_engine.h``.
    """
    state = seed % MODULUS or 1
    while True:
        state = state * 48271 % MODULUS
        yield state - 1


def _uniform(random: Iterator[int], below: int) -> int:
    """Return a number from 0 to ``below - 1`` as ``std::uniform_int_distribution`` of libc++ does.

    As many low bits as the numbers take; what is too large is drawn again, as is what would make
    low numbers likelier (``__random/uniform_int_distribution.h``, up to 2³⁰ numbers).
    """
    bits = (below - 1).bit_length()
    fair = VALUES >> bits << bits
    return next(
        low for drawn in random if drawn < fair and (low := drawn & ((1 << bits) - 1)) < below
    )


ORDERS: dict[str, Order] = {"numpy": numpy, "given": given, "libc++": libcxx}
