"""What fewer bits in the frozen weights change: size, predictions, predicted classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter import data, runtime
from converter.coreml.encoding import Precision
from converter.coreml.mlmodel import Message
from converter.errors import DataError
from converter.proof import parity
from converter.proof.predictions import Expectation, Tolerance, verified
from converter.trace.program import Array


@dataclass(frozen=True)
class Calibration:
    """How the answers to given `samples` change from float32 to fewer bits.

    `changed` of the predicted classes are others, None for a model of values; probabilities or
    values differ by up to `difference` of their range.
    """

    samples: int
    changed: int | None
    difference: float

    def __str__(self) -> str:
        answers = "values" if self.changed is None else "probabilities"
        differ = f"{answers} differ by up to {self.difference:.1e} of their range"
        if self.changed is None:
            return f"{self.samples} samples: {differ}"
        share = 100 * self.changed / self.samples
        return (
            f"{self.changed} of {self.samples} predicted classes change ({share:.1f} %); {differ}"
        )


@dataclass(frozen=True)
class Compression:
    """The same model with its frozen weights in float32, beside that in `precision`.

    `size` is in bytes, `parity` the difference from Keras, None if they were not compared.
    """

    precision: Precision
    size: int
    parity: float | None
    calibration: Calibration | None = None


def calibration_samples(file: Path, model: Message) -> runtime.Samples:
    """Return the samples in `file`, laid out as Keras takes them.

    Raises:
        DataError: they cannot be read, do not fit `model`, or are none.
    """
    samples = data.read_inputs(str(file), model, data.Reading("nhwc")).samples
    if not len(samples):
        raise DataError(f"{file}: holds no samples")
    return samples


@dataclass(frozen=True)
class Measured:
    """What a written file is like: its size in bytes, its parity, its answers to the samples."""

    size: int
    parity: float | None
    answers: Array | None


def measured(
    file: Path,
    model: Message,
    expected: Expectation | None,
    samples: runtime.Samples | None,
    tolerance: Tolerance,
) -> Measured:
    """Compare `model`, read from `file`, with what is `expected`; let it answer `samples`.

    Raises:
        ParityError: it predicts something else.
    """
    gap, answers = None, None
    if expected is not None:
        gap = verified(model, expected, tolerance)
        if samples is not None:
            answers = runtime.predict_samples(model, samples)[expected.output]
    return Measured(file.stat().st_size, gap, answers)


def compression(
    before: Measured, after: Measured, precision: Precision, is_class: bool
) -> Compression:
    """Return what the same model was like `before` its frozen weights had `precision`."""
    found = None
    if before.answers is not None and after.answers is not None:
        found = _calibration(before.answers, after.answers, is_class)
    return Compression(precision, before.size, before.parity, found)


def _calibration(before: Array, after: Array, is_class: bool) -> Calibration:
    changed = int(np.count_nonzero(before.argmax(1) != after.argmax(1))) if is_class else None
    return Calibration(len(before), changed, parity.difference(before, after))
