"""Writing a Keras file with learned weights: in its own format, or anew in the other one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import KerasFileError, UnsupportedError
from converter.keras_file.rewriting import rewrite
from converter.keras_file.storage import HDF5, KERAS_ZIP, form_of
from converter.keras_file.unpacked import unpacked
from converter.learning.head import CLASS_LOSSES
from converter.loading import CompileSettings, LoadedModel, output_names
from converter.loading.kernels import as_stored
from converter.loading.weights import Placed
from converter.trace.program import Array
from converter.weights.other_format import LossError, write_anew

INTEGER_CLASSES = "sparse_categorical_crossentropy"

HDF5_ENDINGS = (".h5", ".hdf5")
ENDINGS = (".keras", *HDF5_ENDINGS)


def write(
    loaded: LoadedModel,
    source: Path,
    temporary: Path,
    ending: str,
    values: Mapping[int, Array] | None,
    allow_unsafe: bool,
) -> tuple[str, ...]:
    """Write to `temporary` the file `source` of the model `loaded`, in the format of `ending`.

    `values` are those of its variables that changed, by their ``id``; the live model has them, too.
    None says that all weights are others than in `source`. Returns what to know about it.

    Raises:
        UnsupportedError: the arrays of the file cannot hold them, or the other format not all else.
    """
    with unpacked(source) as place:
        form = HDF5 if ending in HDF5_ENDINGS else KERAS_ZIP
        if values is None or form_of(place) is not form:
            try:
                return write_anew(loaded, place, temporary, ending, allow_unsafe)
            except LossError as error:
                raise UnsupportedError(
                    f"the other format would lose {error}; write it in the format that it has"
                ) from error
        try:
            rewrite(place, temporary, _arrays(loaded, values))
        except KerasFileError as error:
            raise KerasFileError(f"{source}: {error}") from error
        return ()


def write_with_new_classes(
    loaded: LoadedModel, source: Path, temporary: Path, ending: str, allow_unsafe: bool
) -> tuple[str, ...]:
    """Write to `temporary` the model `loaded`, whose last layer is another one than in `source`.

    Raises:
        UnsupportedError: Keras cannot write all that the file holds.
    """
    settings = loaded.compile_settings
    if settings is not None:
        loaded = replace(loaded, compile_settings=_of_classes(settings, loaded.model))
    try:
        with unpacked(source) as place:
            return write_anew(loaded, place, temporary, ending, allow_unsafe)
    except LossError as error:
        raise UnsupportedError(
            "with new classes Keras has to write the model anew, and that would lose "
            f"{error}; convert it without"
        ) from error


def _of_classes(settings: CompileSettings, model: Any) -> CompileSettings:
    """Return `settings` with a loss for classes by their probabilities, as the new layer ends in a
    softmax.
    """
    told = settings.loss_of(output_names(model)[0])
    name = told.name if told is not None and told.name in CLASS_LOSSES else INTEGER_CLASSES
    others = {key: value for key, value in settings.others.items() if key != "loss_weights"}
    return replace(settings, loss=name, loss_config={}, output_losses={}, others=others)


def _arrays(loaded: LoadedModel, values: Mapping[int, Array]) -> dict[str, Any]:
    """Return the arrays of the file that change, by their names in it."""
    places = [placed for placed in loaded.placed if id(placed.variable) in values]
    if missing := values.keys() - {id(placed.variable) for placed in places}:
        variable = next(v for v in loaded.model.variables if id(v) in missing)
        raise UnsupportedError(f"{variable.path}: has no array of its own in the file")
    arrays = [(placed, _array(placed)) for placed in places]
    return {placed.array.name: array for placed, array in arrays}


def _array(placed: Placed) -> Any:
    """Return what the file shall hold for a variable that learned."""
    array, dtype = placed.array, getattr(placed.array, "dtype", None)
    where = f"layer {placed.layer.name!r} ({placed.layer.stored_class})"
    if dtype is None:
        raise UnsupportedError(
            f"{where}: is stored as a sum of matrices (LoRA), which cannot take what was learned; "
            "save the model with merged weights"
        )
    if dtype.kind != "f" or dtype.itemsize < 4:
        raise UnsupportedError(
            f"{where}: is stored as {dtype}, which cannot hold what was learned in 32 bits; save "
            "the model in float32"
        )
    values = np.asarray(placed.variable, np.float32)
    stored = as_stored(values, tuple(array.shape), placed.layer, placed.origin)
    if stored.shape != tuple(array.shape):
        raise UnsupportedError(f"{where}: is stored in another shape than it has today")
    return np.ascontiguousarray(stored, dtype)
