"""The story of a conversion: load, trace, lower, mark, write, verify."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from converter.conversion import metadata, neighbors, network
from converter.conversion.compression import Measured, compression, measured
from converter.conversion.prepared import Prepared
from converter.conversion.report import Report
from converter.conversion.source import load_source
from converter.conversion.steps import Step, nothing_shown
from converter.coreml import mlmodel
from converter.coreml.encoding import Precision
from converter.coreml.inspection import inspect
from converter.files.paths import MODEL_ENDING, Output, check_outputs, check_samples, check_source
from converter.files.writing import replacing, scratch
from converter.keras_file import check_kind
from converter.keras_file.compiled import CompileSettings
from converter.learning.cut import Weights
from converter.learning.head import KERAS_CROSS_ENTROPY
from converter.proof.predictions import Tolerance, doubted, validated
from converter.proof.update import update_checked
from converter.recipe import Recipe

SMALL, LARGE = 2**19, 2**25
"""Bytes of garbage that every conversion leaves, and that are worth a garbage collection."""

_garbage = 0


def convert_file(recipe: Recipe, step: Step = nothing_shown, *, dry_run: bool = False) -> Report:
    """Convert the Keras file that `recipe` names and write the ``.mlmodel``.

    Nothing is written unless every step succeeds, and the written bytes are what was verified. In a
    `dry_run` these are removed again, from a folder for temporary files, and the name of the output
    is left to the caller to check.

    Raises:
        MakeUpdatableError: in one line, what is wrong and what to do.
    """
    target = recipe.destination()
    check_source(recipe.model)
    if not dry_run:
        check_outputs(recipe.inputs(), [Output("", target, MODEL_ENDING)])
    check_samples(recipe.calibration)
    check_kind(recipe.model, recipe.weights)
    with step("load"):
        source = load_source(recipe)
    prepared = prepare(source.loaded.model, source.loaded.compile_settings, source.left, step)
    prepared.notes += source.notes
    recipe = source.recipe
    del source  # big models need the memory
    with TemporaryDirectory() if dry_run else nullcontext(target.parent) as folder:
        return write(prepared, Path(folder) / target.name, recipe, step)


def prepare(
    model: Any, settings: CompileSettings | None, recipe: Recipe, step: Step = nothing_shown
) -> Prepared:
    """Return the updatable model for the live Keras `model`, with Keras's own predictions.

    `settings` are those that the model was compiled with, None if it was not.

    Raises:
        MakeUpdatableError: the model cannot be converted, or the chosen layers cannot learn.
    """
    if recipe.knn:
        return neighbors.prepare(model, recipe, step)
    return network.prepare(model, settings, recipe, step)


def write(prepared: Prepared, target: Path, recipe: Recipe, step: Step = nothing_shown) -> Report:
    """Write `prepared` to `target` after reading it back and comparing it with Keras.

    The file carries `recipe`. If `prepared` has the live Keras model, update steps
    are compared, too; it has its own weights again afterwards.

    Raises:
        ParityError: the written model predicts or learns something else; no file is left.
        OutputError: the file cannot be written.
        UsageError: the recipe describes a feature that does not exist.
    """
    said, doubt, before, precision = list(prepared.notes), "", None, recipe.frozen_weights
    with replacing(target) as temporary, _plain_file(prepared, target) as plain:
        with step("write"):
            _write(prepared.spec, prepared.weights, temporary, recipe)
            if prepared.plain is not None:
                _write(*prepared.plain, plain, recipe)
            _release(prepared.weights, *(prepared.plain or ())[1:])
        if prepared.filling is not None:
            with step("fill"):
                for file in (temporary, plain) if prepared.plain else (temporary,):
                    filled = mlmodel.read(file)
                    prepared.filling.put_into(filled)
                    mlmodel.write(filled, file)
        with step("verify"):
            if prepared.plain is not None:
                before = _measured(prepared, plain, mlmodel.read(plain), recipe, "float32")
                _make_room(before.size)
            written = mlmodel.read(temporary)
            said += validated(written)
            after = _measured(prepared, temporary, written, recipe, precision)
            if prepared.expected is not None:
                doubt, remark = doubted(prepared.expected, precision)
                said += [remark] if remark else []
        if prepared.twin is not None:
            with step("verify_update"):
                said.append(update_checked(written, prepared.twin, prepared.changed))
        is_class = prepared.loss == KERAS_CROSS_ENTROPY
        found = inspect(written).as_one
        counted = replace(found, parameters=prepared.parameters or found.parameters)
        return Report(
            **vars(counted), stored=found.parameters, loss=prepared.loss, size=after.size,
            parity=after.parity, notes=tuple(dict.fromkeys(said)), doubt=doubt,
            compression=compression(before, after, precision, is_class) if before else None,
        )  # fmt: skip


def _plain_file(prepared: Prepared, target: Path) -> AbstractContextManager[Path]:
    """Return where the same model is written with all weights in float32, if it is."""
    return nullcontext(target) if prepared.plain is None else scratch(target)


def _write(spec: mlmodel.Message, weights: Weights, file: Path, recipe: Recipe) -> None:
    metadata.describe(spec, recipe)
    mlmodel.write_with(spec, weights, file)


def _measured(
    prepared: Prepared, file: Path, written: mlmodel.Message, recipe: Recipe, precision: Precision
) -> Measured:
    """Compare what was `written` to `file` with what is expected of `prepared`."""
    compared, tolerance = prepared.compared(written), Tolerance.of(recipe, precision)
    return measured(file, compared, prepared.expected, prepared.samples, tolerance)


def _release(*weights: Weights) -> None:
    """Let Keras's `weights` make room for those of the written model."""
    size = sum(values.size for each in weights for _, values in each)
    for each in weights:
        each.clear()
    _make_room(SMALL + size)


def _make_room(size: int) -> None:
    """Free `size` bytes that nobody needs any more.

    They stand in circles, which only a collection takes apart. It looks at all objects of
    TensorFlow, and takes longer than the conversion of a small network: such ones share it.
    """
    global _garbage
    _garbage += size
    if _garbage >= LARGE:
        gc.collect()
        _garbage = 0
