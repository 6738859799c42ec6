"""The proof that the Core ML model trains as Keras does, step by step.

In every step both compute the gradient of the same loss by the same samples at the same weights.
The Core ML model takes the step in the reference runtime; Keras's optimizer takes it on copies of
the runtime's tensors, with the runtime's gradients. Then the Keras model gets the new weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
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
from converter.proof.feeding import Fed, UnfedError, fed, is_compressed, made_features
from converter.proof.finite import check_layers
from converter.proof.folding import fold
from converter.proof.gradients import KerasSteps, Recording, keras_gradients, shaken
from converter.proof.pairing import Pair, UnpairedError, pairs
from converter.runtime import Settings, Trainer
from converter.runtime.plan import Plan
from converter.runtime.sources import source
from converter.runtime.targets import BlobShape, targets
from converter.runtime.training import blob_shape
from converter.trace.program import Array

PREDICTION_TOLERANCE = 1e-4
UPDATE_TOLERANCE = 1e-4

ROUNDING = 1e-5
"""What the last digits of the samples change in a gradient counts as this part of its length at
least: one whose terms cancel, such as that of a single bias, is not like itself a second time."""


@dataclass(frozen=True)
class TensorResult:
    """How one tensor moved, and how far that is from what Keras makes of it.

    `movement` is the largest of any element. `gradient` is the length of the difference of both
    gradients, relative to the length of Keras's, the largest of all steps; `step` the length of the
    difference of both movements by the same gradients, relative to the length of Keras's.
    """

    name: str
    movement: float
    gradient: float
    step: float

    @property
    def difference(self) -> float:
        """The larger of both."""
        return max(self.gradient, self.step)


@dataclass(frozen=True)
class Verification:
    """What was compared. `ending` says what Core ML's output is in terms of Keras's.

    `remark` is not empty where the predictions hardly vary, so that equal ones prove little.
    `folded` names the Core ML layers into which a batch normalization was folded, in Keras too.
    Where frozen weights are in fewer bits than float32, `predictions` and steps are those of the
    same features in Keras, and `compressed` is how far the predictions are from Keras's own.
    """

    predictions: float
    ending: str
    tensors: Sequence[TensorResult]
    steps: int
    samples: int
    remark: str = ""
    folded: Sequence[str] = ()
    compressed: float | None = None

    @property
    def update(self) -> float:
        """The largest difference of all tensors."""
        return max(tensor.difference for tensor in self.tensors)

    def passed(self, tolerance: float = UPDATE_TOLERANCE) -> bool:
        """Return whether predictions and every updated tensor agree, and any has moved at all."""
        moved = any(tensor.movement > 0 for tensor in self.tensors)
        return moved and self.predictions <= PREDICTION_TOLERANCE and self.update <= tolerance


def verify(
    model: Message, keras_model: Any, steps: int = 2, samples: int | None = None, seed: int = 0
) -> Verification:
    """Compare predictions and `steps` update steps of `model` with those of `keras_model`.

    `model` is trained by it; `keras_model` has its own weights again afterwards. Two steps show
    what an optimizer remembers. `samples` is the size of a mini-batch; by default 16, or 4 of
    large images.

    Raises:
        ParityError: the models have not the same inputs, outputs or weights, or a weight of Keras
            is no number.
        TrainingError: the model is not updatable.
    """
    plan, settings = runtime.plan(model), runtime.settings(model)
    values = max(int(np.prod(tensor.shape[1:])) for tensor in keras_model.inputs)
    count = samples or (16 if values <= FEW_VALUES else 4)
    found, upper, compressed = correspondence(model, keras_model, plan, count), None, None
    if is_compressed(model):
        batch = random_samples(
            model, keras_model, found.reading, count, np.random.default_rng(0), found.look
        )
        compressed = found.difference
        upper, gap = fed(model, keras_model, batch, found, plan.loss == CROSS_ENTROPY)
        found = replace(found, difference=gap)
    if found.difference > PREDICTION_TOLERANCE:
        check_layers(keras_model)
        given = "given the same features, " if upper else ""
        raise ParityError(
            f"{given}the predictions differ by {found.difference:.1e} of their range; is it the "
            "file that was converted?"
        )
    rng = np.random.default_rng(seed)
    with _kept(keras_model.weights):
        paired = pairs(plan.parameters, keras_model, found.ending.is_doubled, fold)
        blank = [p for p in paired if len(p.axes) > 1 and not np.any(p.ours())]
        both = _Both(
            model, keras_model, plan, replace(settings, batch_size=count), found, paired, upper
        )
        for _ in range(steps):
            batch = random_samples(model, keras_model, found.reading, count, rng, found.look)
            both.step(batch, rng)
    remark = parity.little_varied(found.variation)
    folded = tuple(dict.fromkeys(p.parameter.layer.name for p in paired if p.is_folded))
    result = Verification(
        found.difference, found.ending.name, both.results(), steps, count, remark, folded,
        compressed,
    )  # fmt: skip
    if blank and not result.passed():
        name = blank[0].parameter.layer.name
        raise UnpairedError(
            f"layer '{name}': its weights are all zero, so they do not tell whether a batch "
            "normalization was folded into it, and its update step cannot be compared with Keras's",
            name,
        )
    return result


def update_checked(model: Message, keras_model: Any, changed: Collection[str]) -> str:
    """Take two steps in `model` and with `keras_model`; return what to say about it.

    The second shows what the optimizers remember of the first.

    `model` is trained by it. `changed` are the layers into whose weights something was folded, so
    that Keras may have none like them.

    Raises:
        ParityError: the steps differ, or a layer that is not `changed` has other weights.
    """
    try:
        result = verify(model, keras_model)
    except UnfedError as error:
        return f"no update step was compared: {error}"
    except UnpairedError as error:
        if error.layer not in changed:
            raise
        return (
            f"no update step was compared: '{error.layer}' learns with what was folded into it, "
            "and Keras has no such layer"
        )
    if not result.passed():
        worst = max(result.tensors, key=lambda tensor: tensor.difference)
        raise ParityError(
            f"an update step of '{worst.name}' differs from Keras's by {worst.difference:.1e} of "
            f"its length (allowed {UPDATE_TOLERANCE:.0e}); nothing was written"
        )
    said = f"{result.steps} update steps equal Keras's to {result.update:.1e} of their length"
    return f"{said}, {folded_text(result.folded)}" if result.folded else said


def folded_text(layers: Sequence[str]) -> str:
    """Return how Keras was changed to learn as `layers` do."""
    return f"with the batch normalization folded into {', '.join(layers)} in Keras, too"


@contextmanager
def _kept(variables: Sequence[Any]) -> Iterator[None]:
    """Give `variables` of Keras their values back in the end."""
    before = [variable.numpy() for variable in variables]
    try:
        yield
    finally:
        for variable, values in zip(variables, before, strict=True):
            variable.assign(values)


class _Both:
    """The Core ML model and the Keras model, learning side by side."""

    def __init__(
        self,
        model: Message,
        keras_model: Any,
        plan: Plan,
        settings: Settings,
        found: Correspondence,
        paired: Sequence[Pair],
        upper: Fed | None,
    ) -> None:
        """`upper` is the Keras model as it is to be fed with features, if it is."""
        self._model, self._keras_model, self._plan = model, keras_model, plan
        self._upper = upper
        self._found, self._pairs = found, paired
        self._trainer = Trainer(plan, settings)
        self._recorded = Recording(self._trainer.optimizer, self._trainer.variables)
        self._trainer.optimizer = self._recorded
        self._keras_steps = KerasSteps(self._trainer.variables, settings)
        self._before = self._trainer.stored(self._trainer.variables)
        self._gradients = [0.0 for _ in paired]

    def step(self, batch: Samples, rng: np.random.Generator) -> None:
        """Take one step, with random answers; compare the gradients."""
        blobs = source(self._model, self._plan, runtime.ArraySamples(batch.core_ml), len(batch))
        shape = blob_shape(self._plan, blobs)
        ours, y = self._answers(len(batch), shape, rng)
        answers = targets(self._model, self._plan, ours, shape)
        keras_model, samples = self._keras_model, batch.keras
        if self._upper is not None:
            keras_model = self._upper
            samples = [*samples, *made_features(self._model, batch.core_ml)]
        theirs, moved = (
            keras_gradients(keras_model, self._pairs, self._found, x, y)
            for x in (samples, shaken(samples))
        )
        self._trainer.epoch(blobs, answers, np.arange(len(batch)))
        self._keras_steps.apply(self._recorded.gradients)
        for i, gradient in enumerate(self._trainer.stored(self._recorded.gradients)):
            pair = self._pairs[i]
            # Of a unit that became two rows each has the gradient of the unit, one of them negated.
            own = pair.of_one_unit(gradient) / (2 if pair.is_doubled else 1)
            noise = _length(moved[i] - theirs[i])
            gap = _share(_length(own - theirs[i]), _length(theirs[i]) + noise / ROUNDING)
            self._gradients[i] = max(self._gradients[i], gap)
        for pair, values in zip(
            self._pairs, self._trainer.stored(self._trainer.variables), strict=True
        ):
            pair.put(values)

    def results(self) -> list[TensorResult]:
        """Put the weights into the model, and return how each tensor moved."""
        self._trainer.write_back()
        ours = self._trainer.stored(self._trainer.variables)
        theirs = self._trainer.stored(self._keras_steps.variables)
        return [
            TensorResult(
                pair.name,
                float(np.abs(new - old).max()),
                gradient,
                _share(_length(new - keras_new), _length(keras_new - old)),
            )
            for pair, old, new, keras_new, gradient in zip(
                self._pairs, self._before, ours, theirs, self._gradients, strict=True
            )
        ]

    def _answers(
        self, count: int, shape: BlobShape, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return random answers for Core ML and for Keras."""
        ending = self._found.ending
        if self._plan.loss == CROSS_ENTROPY:
            y: Array = rng.integers(0, ending.classes(shape[2]), count)
            return y, y
        wanted = self._keras_model.outputs[self._found.output].shape[1:]
        y = rng.normal(size=(count, *wanted)).astype(np.float32)
        return ending.expected(Answer(y)).values, y


def _length(values: Array) -> float:
    return float(np.linalg.norm(values.astype(np.float64)))


def _share(gap: float, length: float) -> float:
    """Return `gap` relative to `length`; infinite if it is no number: max() ignores those."""
    share = gap / length if length else (0.0 if gap == 0 else np.inf)
    return float(share) if np.isfinite(share) else float("inf")
