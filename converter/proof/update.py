"""The proof that the Core ML model trains as Keras does: the same steps in both, compared.

The Core ML model takes its steps in the reference runtime, Keras in ``train_on_batch`` on a twin in
which exactly the same layers are trainable, with the same samples and the same optimizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter import runtime
from converter.coreml.mlmodel import CROSS_ENTROPY, Message
from converter.errors import ParityError
from converter.learning.answers import Answer
from converter.proof import parity
from converter.proof.correspondence import (
    FEW_VALUES,
    Correspondence,
    Samples,
    correspondence,
    random_samples,
)
from converter.proof.finite import check_layers
from converter.proof.folding import fold
from converter.proof.pairing import Pair, UnpairedError, pairs
from converter.proof.twin import failures_explained, trainable_twin
from converter.runtime import Trainer
from converter.runtime.plan import Plan
from converter.runtime.sources import source
from converter.runtime.targets import targets
from converter.runtime.training import blob_shape
from converter.trace.program import Array

PREDICTION_TOLERANCE = 1e-4
UPDATE_TOLERANCE = 1e-4


@dataclass(frozen=True)
class TensorResult:
    """How one tensor moved in Keras, and how far Core ML's movement is from it.

    `movement` is the largest of any element. `difference` is the length of the difference of both
    movements, relative to the length of Keras's (as vectors of all elements).
    """

    name: str
    movement: float
    difference: float


@dataclass(frozen=True)
class Verification:
    """What was compared. `ending` says what Core ML's output is in terms of Keras's.

    `remark` is not empty where the predictions hardly vary, so that equal ones prove little.
    `folded` names the Core ML layers into which a batch normalization was folded, in Keras too.
    """

    predictions: float
    ending: str
    tensors: Sequence[TensorResult]
    steps: int
    samples: int
    remark: str = ""
    folded: Sequence[str] = ()

    @property
    def update(self) -> float:
        """The largest difference of all tensors."""
        return max(tensor.difference for tensor in self.tensors)

    def passed(self, tolerance: float = UPDATE_TOLERANCE) -> bool:
        """Return whether predictions and every updated tensor agree, and any has moved at all."""
        moved = any(tensor.movement > 0 for tensor in self.tensors)
        return moved and self.predictions <= PREDICTION_TOLERANCE and self.update <= tolerance


def verify(
    model: Message, keras_model: Any, steps: int = 1, samples: int | None = None, seed: int = 0
) -> Verification:
    """Compare predictions and `steps` update steps of `model` with those of `keras_model`.

    Both models are trained, so neither is the same afterwards. `samples` is the size of a
    mini-batch; by default 16, or 4 of large images.

    Raises:
        ParityError: the models have not the same inputs, outputs or weights, or a weight of Keras
            is no number.
        TrainingError: the model is not updatable.
    """
    plan, settings = runtime.plan(model), runtime.settings(model)
    values = max(int(np.prod(tensor.shape[1:])) for tensor in keras_model.inputs)
    count = samples or (16 if values <= FEW_VALUES else 4)
    found = correspondence(model, keras_model, plan, count)
    if found.difference > PREDICTION_TOLERANCE:
        check_layers(keras_model)
        raise ParityError(
            f"the predictions differ by {found.difference:.1e} of their range; is it the file "
            "that was converted?"
        )
    paired = pairs(plan.parameters, keras_model, found.ending.is_doubled, fold)
    before = [pair.theirs() for pair in paired]
    trainer = Trainer(plan, replace(settings, batch_size=count))
    other = trainable_twin(keras_model, paired, found, settings)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        batch = random_samples(model, keras_model, found.reading, count, rng, found.look)
        _step(model, plan, trainer, other, found, batch, rng)
    trainer.write_back()
    results = [_compared(pair, old) for pair, old in zip(paired, before, strict=True)]
    remark = parity.little_varied(found.variation)
    folded = tuple(dict.fromkeys(p.parameter.layer.name for p in paired if p.is_folded))
    return Verification(
        found.difference, found.ending.name, results, steps, count, remark, folded
    )  # fmt: skip


def update_checked(model: Message, keras_model: Any) -> str:
    """Take one step in `model` and in `keras_model`; return what to say about it.

    Both are trained by it.

    Raises:
        ParityError: the steps differ.
    """
    try:
        result = verify(model, keras_model)
    except UnpairedError as error:  # the predictions agree, so something was folded into the layer
        return (
            f"no update step was compared: '{error.layer}' learns with what was folded into it, "
            "and Keras has no such layer"
        )
    if not result.passed():
        worst = max(result.tensors, key=lambda tensor: tensor.difference)
        raise ParityError(
            f"an update step of '{worst.name}' differs from Keras's by {worst.difference:.1e} of "
            f"the movement (allowed {UPDATE_TOLERANCE:.0e}); nothing was written"
        )
    said = f"an update step equals Keras's to {result.update:.1e} of the movement"
    return f"{said}, {folded_text(result.folded)}" if result.folded else said


def folded_text(layers: Sequence[str]) -> str:
    """Return how Keras was changed to learn as `layers` do."""
    return f"with the batch normalization folded into {', '.join(layers)} in Keras, too"


def _step(
    model: Message,
    plan: Plan,
    trainer: Trainer,
    other: Any,
    found: Correspondence,
    batch: Samples,
    rng: np.random.Generator,
) -> None:
    """Take one step in both models, with random answers."""
    blobs = source(model, plan, runtime.ArraySamples(batch.core_ml), len(batch))
    shape = blob_shape(plan, blobs)
    if plan.loss == CROSS_ENTROPY:
        y: Array = rng.integers(0, found.ending.classes(shape[2]), len(batch))
        ours = y
    else:
        y = rng.normal(size=(len(batch), *other.outputs[0].shape[1:])).astype(np.float32)
        ours = found.ending.expected(Answer(y)).values
    trainer.epoch(blobs, targets(model, plan, ours, shape), np.arange(len(batch)))
    given = batch.keras[0] if len(batch.keras) == 1 else batch.keras
    with failures_explained():
        other.train_on_batch(given, y[:, None] if y.ndim == 1 else y)


def _compared(pair: Pair, before: Array) -> TensorResult:
    theirs = pair.theirs().astype(np.float64)
    movement = theirs - before
    gap, length = np.linalg.norm(pair.ours() - theirs), np.linalg.norm(movement)
    difference = gap / length if length else (0.0 if gap == 0 else np.inf)
    # Not a number, of which max() knows nothing, must not pass.
    known = float(difference) if np.isfinite(difference) else float("inf")
    return TensorResult(pair.name, float(np.abs(movement).max()), known)
