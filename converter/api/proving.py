"""Whether a model is right: by the rules, beside Keras, and in Core ML itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.api.contents import Contents
from converter.api.errors import naming_arguments
from converter.coreml import mlmodel
from converter.errors import UsageError
from converter.validation import validate
from converter.validation.finding import Finding

if TYPE_CHECKING:
    from converter.device import Verdict
    from converter.proof.update import Verification


class Proving(Contents):
    """The part of an `UpdatableModel` that checks it."""

    def validate(self) -> list[Finding]:
        """Return what the rules of Core ML find in the model; nothing but warnings is expected."""
        return validate.validate_bytes(mlmodel.serialize(self.spec), must_be_updatable=True)

    @naming_arguments
    def verify(
        self,
        steps: int = 2,
        samples: int | None = None,
        seed: int = 0,
        *,
        against: str | Path | Any = None,
        weights: str | Path | None = None,
        allow_unsafe: bool = False,
    ) -> Verification:
        """Compare predictions and `steps` update steps with those of the Keras model.

        That is `against`, the path of a Keras file or a live ``keras.Model``, by default the one
        that was converted. The file is read again, with its `weights` if they are in a file of
        their own; a live model has its own weights again afterwards. `samples` is the size of a
        mini-batch of random samples, `allow_unsafe` runs Python code stored in the file.
        ``result.passed()`` tells whether both agree.

        Raises:
            UsageError: the model has been trained since, so that it must differ; or it was loaded
                and `against` is not given.
            ParityError: the models predict different things.
        """
        from converter.proof.update import verify

        twin = self._keras_model(against, weights, allow_unsafe)
        return verify(self._copied(), twin, steps, samples, seed)

    @naming_arguments
    def on_device(self, timeout: float = 600.0) -> Verdict:
        """Run one update in Core ML itself, in a process of its own, and return what came of it.

        Anywhere but on a Mac with pyobjc, ``outcome`` is ``Outcome.NOT_RUN``. `timeout` in seconds.
        """
        from converter import device

        return device.check(self.spec, timeout=timeout)

    def _keras_model(
        self, against: str | Path | Any, weights: str | Path | None, allow_unsafe: bool
    ) -> Any:
        """Return the live Keras model to compare with."""
        from converter import keras_file
        from converter.conversion.new_classes import original
        from converter.loading.live import check_live

        if isinstance(against, (str, Path)):
            apart = None if weights is None else Path(weights)
            keras_file.check_kind(Path(against), apart)
            made = original(self.spec, Path(against), weights=apart, allow_unsafe=allow_unsafe)
            return made.model
        if weights is not None:
            raise UsageError("weights are those of a model in a file; give its path: against")
        if against is not None:
            check_live(against)
            return against
        return self._converted()

    def _converted(self) -> Any:
        """Return the live Keras model that was converted, with the classes that it got then."""
        from converter.conversion.new_classes import renewed_again
        from converter.loading import compile_settings_of

        if self.history is not None:
            raise UsageError(
                "the model has been trained; verify the one that was converted, or give the Keras "
                "model that is like it: against"
            )
        if self._source is not None or self.recipe is None:
            raise UsageError("a loaded model does not carry its Keras model; give it: against")
        if self._keras is not None:
            model, settings, recipe = self._keras, compile_settings_of(self._keras), self.recipe
        else:
            from converter.conversion.source import load_source

            source = load_source(self.recipe)
            model, settings = source.loaded.model, source.loaded.compile_settings
            recipe = source.left
        return renewed_again(model, settings, recipe, self.spec).model
