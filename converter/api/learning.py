"""Predicting, training and scoring, as the device would do it, by the reference runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from converter.api.contents import Contents
from converter.api.errors import naming_arguments
from converter.arithmetic import Arithmetic, arithmetic_of
from converter.coreml.optimizers import TRAINING
from converter.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self

    from converter.data import Layout
    from converter.runtime import Samples, Score

    Array: TypeAlias = npt.NDArray[np.generic]
    Inputs: TypeAlias = Array | Mapping[str, Array]


class Learning(Contents):
    """The part of an `UpdatableModel` that takes samples."""

    @naming_arguments
    def predict(
        self, x: Inputs, *, layout: Layout = "auto", scale: float = 1.0
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the outputs for samples, by name, computed by the reference runtime.

        32 samples are computed at once, which matters where
        `converter.runtime.depends_on_batch` names a layer.

        Args:
            x: ``[N, H, W, C]`` as in Keras or ``[N, C, H, W]`` as in Core ML (`layout` decides
                where both fit), ``[N, steps, C]`` or ``[N, C, 1, steps]`` for signals,
                ``[N, H, W]`` for gray images, ``[N, C]`` for vectors; a mapping by name
                for several inputs. An image input takes pixels from 0 to 255.
            layout: "auto", "nhwc" or "nchw".
            scale: factor on the values.

        Returns:
            Arrays ``[N, C]`` or ``[N, C, H, W]``; of a classifier the probabilities
            ``[N, classes]`` and the labels ``[N]``.

        Raises:
            DataError: `x` does not fit the model.
        """
        from converter import runtime

        return runtime.predict_samples(self.spec, self._samples(x, layout, scale))

    @naming_arguments
    def train(
        self,
        x: Inputs,
        y: Any,
        *,
        test: tuple[Inputs, Any] | None = None,
        layout: Layout = "auto",
        scale: float = 1.0,
        arithmetic: str | Path | Arithmetic = "keras",
        **numbers: float | bool | None,
    ) -> Self:
        """Return the model after an update on samples, as the device would do it.

        It is done by the reference runtime; this model stays as it is.

        Args:
            x: samples, as for `predict`.
            y: class indices ``[N]``, labels ``[N]``, one-hot ``[N, classes]``, or values.
            test: other samples and answers, to score before training and after every epoch.
            layout: as for `predict`.
            scale: as for `predict`.
            arithmetic: "keras", "coreml", the path of a JSON file, or a
                `converter.arithmetic.Arithmetic`.
            numbers: ``epochs``, ``batch_size``, ``learning_rate``, ``momentum``, ``beta_1``,
                ``beta_2``, ``epsilon``, ``shuffle``, ``seed``; by default those of the model, and
                only what the model allows.

        Returns:
            The trained model, with its `history`.

        Raises:
            UsageError: a number is unknown or not allowed.
            ArithmeticFileError: the file of arithmetic is not as it should be.
            DataError: samples or answers do not fit the model.
            TrainingError: the loss is no longer a number.
        """
        from converter import runtime

        if unknown := sorted(set(numbers) - set(TRAINING)):
            raise UsageError(f"train: {unknown[0]} is no setting; there are {', '.join(TRAINING)}")
        spec = self._copied()
        counting = arithmetic if isinstance(arithmetic, Arithmetic) else arithmetic_of(arithmetic)
        settings = replace(runtime.settings(spec, **numbers), arithmetic=counting)
        runtime.check(spec, settings)
        data = runtime.Labelled(self._samples(x, layout, scale), y)
        held_out = None
        if test is not None:
            held_out = runtime.Labelled(self._samples(test[0], layout, scale), test[1])
        history = runtime.train(spec, data, settings, held_out)
        return replace(self, spec=spec, history=history)

    @naming_arguments
    def evaluate(
        self,
        x: Inputs,
        y: Any,
        *,
        layout: Layout = "auto",
        scale: float = 1.0,
        batch_size: int = 32,
    ) -> Score:
        """Return the mean ``loss`` over samples and, of classes, the ``accuracy``.

        Args:
            x: samples, as for `predict`.
            y: answers, as for `train`.
            layout: as for `predict`.
            scale: as for `predict`.
            batch_size: samples computed at once.

        Raises:
            DataError: samples or answers do not fit the model.
        """
        from converter import runtime

        data = runtime.Labelled(self._samples(x, layout, scale), y)
        return runtime.evaluate(self.spec, data, batch_size)

    def _samples(self, x: Inputs, layout: Layout, scale: float) -> Samples:
        import numpy as np

        from converter.data import Reading
        from converter.data.arrays import converted
        from converter.runtime import ArraySamples

        inputs = self.spec.description.input
        given = x if isinstance(x, Mapping) else {inputs[0].name: x}
        names = [feature.name for feature in inputs]
        if sorted(given) != sorted(names):
            raise UsageError(f"the model takes {', '.join(names)}; given: {', '.join(given)}")
        how = Reading(layout, scale)
        return ArraySamples({f.name: converted(np.asarray(given[f.name]), f, how) for f in inputs})
