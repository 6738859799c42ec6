"""All that can be counted in more than one way when a network learns, in one frozen object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from converter.arithmetic.adam import ADAMS
from converter.arithmetic.last_batch import LAST_BATCHES
from converter.arithmetic.momentum import MOMENTA
from converter.arithmetic.order import ORDERS
from converter.arithmetic.told import TOLD
from converter.errors import UsageError


def _check(chosen: Reduction | Arithmetic, known: Mapping[str, Collection[Any]]) -> None:
    """Refuse values that are not in the tables.

    Raises:
        UsageError: a value is none of those that are known.
    """
    for name, allowed in known.items():
        value = getattr(chosen, name)
        is_plain = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        if not is_plain or value not in allowed:
            listed = ", ".join(map(str, allowed))
            raise UsageError(f"{name}: must be one of {listed}; not {value!r}")
    for field in fields(chosen):
        if field.name not in known and not isinstance(getattr(chosen, field.name), Reduction):
            raise UsageError(f"{field.name}: must say batch, outputs and factor")


@dataclass(frozen=True)
class Reduction:
    """How the losses of a mini-batch become the number whose gradient is taken.

    Attributes:
        batch: "mean" or "sum" over the samples.
        outputs: "mean" or "sum" over the terms that the outputs of a sample add to the loss.
        factor: 1 or ½.
    """

    batch: str
    outputs: str
    factor: float = 1.0

    def __post_init__(self) -> None:
        _check(self, PARTS)

    def __str__(self) -> str:
        return f"{self.batch} over samples, {self.outputs} over outputs, factor {self.factor:g}"

    def scale(self, samples: int, outputs: int) -> float:
        """Return what the sum over `samples` samples of `outputs` terms each is multiplied by."""
        terms = (samples if self.batch == "mean" else 1) * (
            outputs if self.outputs == "mean" else 1
        )
        return self.factor / terms


PARTS: Mapping[str, Collection[Any]] = {
    "batch": ("mean", "sum"),
    "outputs": ("mean", "sum"),
    "factor": (1, 0.5),
}
"""Field of `Reduction` -> what it may be."""


@dataclass(frozen=True)
class Arithmetic:
    """How an update counts. By default as Keras does with the same numbers.

    Attributes:
        squared_error: what the gradient of a mean squared error is taken of.
        cross_entropy: what that of a cross-entropy is taken of.
        last_batch: a key of `LAST_BATCHES`.
        momentum: a key of `MOMENTA`.
        adam: a key of `ADAMS`.
        order: a key of `ORDERS`; it matters where the model shuffles.
        loss: a key of `TOLD`.
    """

    squared_error: Reduction = Reduction("mean", "mean")
    cross_entropy: Reduction = Reduction("mean", "sum")
    last_batch: str = "own_mean"
    momentum: str = "classic"
    adam: str = "uncorrected_root"
    order: str = "numpy"
    loss: str = "mean_of_samples"

    def __post_init__(self) -> None:
        _check(self, FORMS)

    def reduction(self, is_classification: bool) -> Reduction:
        """Return what the gradient of a cross-entropy, or else of a squared error, is taken of."""
        return self.cross_entropy if is_classification else self.squared_error


FORMS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "last_batch": LAST_BATCHES,
    "momentum": MOMENTA,
    "adam": ADAMS,
    "order": ORDERS,
    "loss": TOLD,
}
"""Field of `Arithmetic` -> the table of what it may be, each row a formula and what it says."""

REDUCTIONS = tuple(
    Reduction(batch, outputs, float(factor))
    for factor in PARTS["factor"]
    for batch in PARTS["batch"]
    for outputs in PARTS["outputs"]
)

OPTIONS: Mapping[str, tuple[Any, ...]] = {
    "squared_error": REDUCTIONS,
    "cross_entropy": REDUCTIONS,
    **{name: tuple(forms) for name, forms in FORMS.items()},
}
"""Field of `Arithmetic` -> everything that it may be."""


KERAS = Arithmetic()

COREML = Arithmetic(loss="last_batch")
"""What is known of Core ML, see `converter.arithmetic.evidence`; what is not, as in Keras."""

NAMED = {"keras": KERAS, "coreml": COREML}
