"""A Keras file of any version becomes a live model and its compile settings.

The file is read by `converter.keras_file`; here it is built: `build` makes the model, `layers` and
`functions` what it consists of, `weights` fills it. No code in the file is run, unless the user
trusts it (`lambdas`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter import keras_file
from converter.errors import KerasFileError
from converter.keras_file import KerasFile, Scaling
from converter.keras_file.compiled import CompileSettings, Loss, compile_settings
from converter.keras_file.names import own_name

if TYPE_CHECKING:
    from converter.loading.build import Built
    from converter.loading.weights import Placed

__all__ = ["CompileSettings", "LoadedModel", "Loss", "compile_settings_of", "load", "output_names"]


CONTRADICTIONS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading JSON that no Keras wrote can end in."""


@dataclass(frozen=True)
class LoadedModel:
    """A live Keras model, built, its weights set, not compiled; and how it had been compiled.

    `notes` are remarks for the user about what was read otherwise than it was written. `scaling` is
    the given one if it is still to be done, because no Lambda of the file stands for it. `built` is
    what the model was made from, and `placed` tells from which array each variable has its values.
    """

    model: Any
    compile_settings: CompileSettings | None
    notes: tuple[str, ...] = ()
    scaling: Scaling | None = None
    built: Built | None = None
    placed: tuple[Placed, ...] = ()


def load(
    path: Path,
    *,
    allow_unsafe: bool = False,
    input_shape: tuple[int, ...] | None = None,
    lambda_scaling: Scaling | None = None,
    check: Callable[[Any], None] = lambda model: None,
    kernels: bool = True,
) -> LoadedModel:
    """Load the model in `path`, an ``.h5`` or ``.keras`` file of Keras 1 to 3.

    `input_shape` (without the batch axis, such as ``(224, 224, 3)``) fills dimensions that the
    file leaves open. Python code in the file (Lambda layers) runs only if `allow_unsafe`;
    `lambda_scaling` is ``(scale, bias)`` to put in the place of a Lambda on the model's input.
    `check` sees the model before its weights are read, and may refuse it. Without `kernels` these,
    the bulk of the weights, are not read but all ones: for who needs their shapes only.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, unsafe or not understood.
        MissingDependencyError: TensorFlow or h5py is not installed.
    """
    try:
        file = keras_file.read(
            path, allow_unsafe=allow_unsafe, input_shape=input_shape, scaling=lambda_scaling
        )
        return _built(file, path, check, kernels)
    except KerasFileError as error:
        raise KerasFileError(f"{path}: {error}") from error
    except CONTRADICTIONS as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise KerasFileError(f"{path}: its description contradicts itself ({reason})") from error


def _built(file: KerasFile, path: Path, check: Callable[[Any], None], kernels: bool) -> LoadedModel:
    """Return the live model that `file` describes, with the weights in `path`."""
    from converter.loading.build import Builder, freeze
    from converter.loading.weights import fill

    builder = Builder()
    built = builder.build(file.model)
    check(built.layer)
    with keras_file.open_arrays(path) as arrays:
        placed = fill(built, arrays, file.origin, kernels=kernels)
    freeze(built)
    settings = compile_settings(file.training, output_names(built.layer))
    notes = (*file.notes, *builder.notes)
    return LoadedModel(built.layer, settings, notes, file.scaling, built, placed)


def compile_settings_of(model: Any) -> CompileSettings | None:
    """Return how the live Keras `model` was compiled, or None if it was not."""
    from converter.backend.tensorflow import keras

    if not getattr(model, "compiled", False):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of reading back what is only looked at here
        try:
            training = model.get_compile_config()
            optimizer = keras.saving.serialize_keras_object(model.optimizer)
        except NotImplementedError:  # an optimizer or schedule of one's own, not made to be stored
            loss = keras.saving.serialize_keras_object(model.loss)
            training, optimizer = {"loss": loss}, _told_apart(model.optimizer)
    if training is None:
        return None
    return compile_settings({**training, "optimizer": optimizer}, output_names(model))


def _told_apart(optimizer: Any) -> dict[str, Any]:
    """Return the class of an optimizer that cannot be stored, and what is known of its rate."""
    from converter.backend.keras import rate_of

    rate = rate_of(optimizer)
    known: Any = {"class_name": type(rate).__name__, "config": {}}
    if hasattr(rate, "numpy"):
        known = float(rate.numpy())
    return {"class_name": type(optimizer).__name__, "config": {"learning_rate": known}}


def output_names(model: Any) -> list[str]:
    """Return the name of every output of the live Keras `model`: that of its layer."""
    names = getattr(model, "output_names", None)  # Keras gives it to functional models only
    return [own_name(name) for name in names or [model.layers[-1].name]]
