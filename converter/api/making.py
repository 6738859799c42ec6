"""The functions that give a model: `convert`, `load` and `average`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.api.errors import naming_arguments
from converter.api.model import UpdatableModel
from converter.api.options import Options, as_in_yaml
from converter.conversion.report import report_of
from converter.coreml import mlmodel
from converter.errors import UsageError
from converter.recipe.reading import from_flags, read

if TYPE_CHECKING:
    from typing_extensions import Unpack


@naming_arguments
def convert(
    model: str | Path | Any, *, recipe: str | Path | None = None, **options: Unpack[Options]
) -> UpdatableModel:
    """Convert a trained Keras model to an updatable Core ML model, in memory.

    Args:
        model: the path of an ``.h5`` or ``.keras`` file, a SavedModel, a model of TensorFlow.js or
            Teachable Machine, or a ``.json`` with `weights` in a file of their own; or a live
            ``keras.Model``, which is left as it is.
        recipe: the path of a recipe in YAML; `options` win over it.
        options: the settings of a recipe, by the same names and in the same units: `layers` are
            names or globs, `input_shape` is ``(height, width, channels)`` without the batch,
            `learning_rate` a number or a `Range`, `epochs` a number or a `Choice`. Of a recipe,
            ``output_path`` and ``on_device`` do not count: call `save` and `on_device`.

    Returns:
        The model, checked by the rules of Core ML, and compared with Keras unless ``verify=False``.

    Raises:
        MakeUpdatableError: in one line, what is wrong and what to do; its subclasses say what kind
            of thing (see `converter.errors`).
    """
    from converter.loading import compile_settings_of
    from converter.loading.live import check_live

    is_file = isinstance(model, (str, Path))
    if not is_file:
        check_live(model)
    source = Path(model if isinstance(model, (str, Path)) else f"{model.name}.keras")
    flags = {"model": source, **as_in_yaml(options)}
    chosen = read(Path(recipe), flags) if recipe is not None else from_flags(flags)
    if "on_device" in options:
        raise UsageError("on_device is for the command line; convert, then call .on_device()")
    if not is_file and chosen.weights is not None:
        raise UsageError("weights are for a model in a file; here call model.load_weights(...)")
    if chosen.output_path is not None:
        chosen = chosen.model_copy(update={"output_path": None})
    from converter.conversion import story

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "converted.mlmodel"
        if is_file:
            in_folder = chosen.model_copy(update={"output_path": target})
            report = story.convert_file(in_folder)
        else:
            prepared = story.prepare(model, compile_settings_of(model), chosen)
            report = story.write(prepared, target, chosen)
        spec = mlmodel.read(target)
    return UpdatableModel(spec, report, chosen, None if is_file else model)


@naming_arguments
def load(path: str | Path) -> UpdatableModel:
    """Open the ``.mlmodel`` at `path`, made by this tool or by another one.

    Returns:
        The same kind of object as from `convert`. It does not carry the Keras model: `verify` is
        told it by ``against``.

    Raises:
        ModelFileError: the file cannot be read, or is no model.
    """
    from converter.conversion.metadata import recipe_of

    source = Path(path)
    spec = mlmodel.read(source)
    report = report_of(spec, source.stat().st_size)
    return UpdatableModel(spec, report, recipe_of(spec), _source=source)


@naming_arguments
def average(models: Sequence[str | Path], weights: Sequence[float] | None = None) -> UpdatableModel:
    """Return the mean of `models`, paths of ``.mlmodel`` files that descend from one file.

    They are read one after the other, so that any number of them takes the memory of a few.
    `weights` are what each counts, in any unit, such as its number of samples.

    Raises:
        UsageError: there are no models, or the weights do not fit them.
        DataError: a model does not descend from the same file as the first; it says what differs.
    """
    from converter.weights.average import average as averaged

    spec = averaged([Path(path) for path in models], weights)
    return replace(load(models[0]), spec=spec)
