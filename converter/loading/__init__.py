"""A Keras file of any version becomes a live model and its compile settings.

The file is read by `converter.keras_file`; here it is built: `build` makes the model, `layers` and
`functions` what it consists of, `weights` fills it. No code in the file is run, unless the user
trusts it (`lambdas`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter import keras_file
from converter.errors import KerasFileError, UsageError
from converter.keras_file import KerasFile, Origin, Scaling, Stated
from converter.keras_file.compiled import CompileSettings, Loss, compile_settings
from converter.keras_file.names import own_name

if TYPE_CHECKING:
    from converter.loading.build import Built
    from converter.loading.weights import Placed

__all__ = [
    "CompileSettings",
    "LoadedModel",
    "Loss",
    "compile_settings_of",
    "load",
    "output_names",
]


NO_SIGNATURES = (
    "--signature is for SavedModels that are read by their graph; this model describes its layers, "
    "so leave it out"
)

NO_OTHER_WEIGHTS = (
    "--weights is for models that describe their layers; this SavedModel is read by its graph, "
    "with the weights that it has, so leave it out"
)

LONGEST_REASON = 600
"""Characters of an error that repeats names in a graph, which may be of any length."""

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
    `stated` is what lies beside the model.
    """

    model: Any
    compile_settings: CompileSettings | None
    notes: tuple[str, ...] = ()
    scaling: Scaling | None = None
    built: Built | None = None
    placed: tuple[Placed, ...] = ()
    stated: Stated | None = None


def load(
    path: Path,
    *,
    weights: Path | None = None,
    allow_unsafe: bool = False,
    input_shape: tuple[int, ...] | None = None,
    lambda_scaling: Scaling | None = None,
    signature: str | None = None,
    check: Callable[[Any], None] = lambda model: None,
    kernels: bool = True,
) -> LoadedModel:
    """Load the model in `path`, in any form in which Keras 1 to 3 or TensorFlow writes it.

    Its arrays come from `weights` if that is given: a file of weights, a model, or a checkpoint.
    `input_shape` (without the batch axis, such as ``(224, 224, 3)``) fills dimensions that the
    file leaves open. Python code in the file (Lambda layers) runs only if `allow_unsafe`;
    `lambda_scaling` is ``(scale, bias)`` to put in the place of a Lambda on the model's input.
    `signature` names the one of a SavedModel to read, where there are several. `check` sees the
    model before its weights are read, and may refuse it. Without `kernels` these, the bulk of the
    weights, are not read but all ones: for who needs their shapes only.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, unsafe or not understood.
        UsageError: there is no such signature, or none can be chosen.
        MissingDependencyError: TensorFlow or h5py is not installed.
    """
    with _unpacked(path) as place:
        if keras_file.is_graph(place):
            if weights is not None:
                raise UsageError(NO_OTHER_WEIGHTS)
            return _of_graph(place, signature, input_shape, lambda_scaling, check)
        if signature is not None:
            raise UsageError(NO_SIGNATURES)
        file = keras_file.read(
            place,
            given=path,
            allow_unsafe=allow_unsafe,
            input_shape=input_shape,
            scaling=lambda_scaling,
        )
        loaded = _built(file, check)
        if weights is None:
            loaded = _filled(loaded, place, file.origin, kernels)
    if weights is not None:
        with _unpacked(weights) as place:
            loaded = _filled_apart(loaded, place, file.origin, kernels)
    return _finished(loaded)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Yield where to read the model or weights `path`; errors of the block begin with `path`."""
    try:
        with keras_file.unpacked(path) as place:
            yield place
    except (KerasFileError, UsageError) as error:
        raise type(error)(f"{path}: {error}") from error
    except CONTRADICTIONS as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise KerasFileError(f"{path}: its description contradicts itself ({reason})") from error


def _of_graph(
    folder: Path,
    signature: str | None,
    input_shape: tuple[int, ...] | None,
    scaling: Scaling | None,
    check: Callable[[Any], None],
) -> LoadedModel:
    """Return the live model that the graph in `folder` is, which says nothing of its training."""
    from converter.loading.saved_graph import load_graph

    try:
        model, notes = load_graph(folder, signature, input_shape, check)
    except (KerasFileError, UsageError) as error:  # with names as the file has them
        raise type(error)(" ".join(str(error).split())[:LONGEST_REASON]) from error
    return LoadedModel(model, None, notes, scaling)


def _built(file: KerasFile, check: Callable[[Any], None]) -> LoadedModel:
    """Return the live model that `file` describes, its weights arbitrary."""
    from converter.loading.build import Builder

    builder = Builder()
    built = builder.build(file.model)
    check(built.layer)
    settings = compile_settings(file.training, output_names(built.layer))
    notes = (*file.notes, *builder.notes)
    return LoadedModel(built.layer, settings, notes, file.scaling, built, stated=file.stated)


def _filled(loaded: LoadedModel, place: Path, origin: Origin, kernels: bool) -> LoadedModel:
    """Return the model with its own weights."""
    from converter.loading.weights import fill

    assert loaded.built is not None
    with keras_file.open_arrays(place) as arrays:
        return replace(loaded, placed=fill(loaded.built, arrays, origin, kernels=kernels))


def _filled_apart(loaded: LoadedModel, place: Path, origin: Origin, kernels: bool) -> LoadedModel:
    """Return the model with weights of a file of their own, `origin` being that of the model."""
    from converter.loading.apart import fill_apart

    assert loaded.built is not None
    with keras_file.open_arrays(place) as arrays:
        placed, notes = fill_apart(loaded.built, arrays, origin, kernels)
    return replace(loaded, placed=placed, notes=(*loaded.notes, *notes))


def _finished(loaded: LoadedModel) -> LoadedModel:
    """Return the model with what was frozen marked as such: last, as it does not help before."""
    from converter.loading.build import freeze

    assert loaded.built is not None
    freeze(loaded.built)
    return loaded


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
