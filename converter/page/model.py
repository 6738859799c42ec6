"""What every page on a model tells of it, whatever was done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from converter.coreml.figures import count_text, size_text
from converter.coreml.inspection import inspect
from converter.coreml.mlmodel import Message
from converter.page.document import Section
from converter.page.findings import findings
from converter.page.interface import interface, keras_interface
from converter.page.network import keras_network, network
from converter.page.notes import notes
from converter.page.parts import STYLE, shape_cell, table
from converter.page.settings import learning
from converter.page.totals import of_core_ml, of_keras, totals
from converter.validation.validate import findings as found_in

if TYPE_CHECKING:
    from converter.conversion.advice import Advice
    from converter.conversion.inspection import KerasModel


def core_ml_sections(spec: Message, size: int, *more: Section) -> list[Section]:
    """Return what there is to see of the model `spec`, a file of `size` bytes.

    `more` is what is known of how it learns besides. What the rules find stands first, that they
    find nothing last.
    """
    model, found = inspect(spec), found_in(spec)
    told = [findings(found)]
    return [
        *(told if found else []),
        totals(model.parameters, of_core_ml(model), size),
        network(spec),
        learning(model),
        *more,
        interface(model),
        *(told if not found else []),
    ]


def keras_sections(model: KerasModel) -> list[Section]:
    """Return what there is to see of a Keras model, which is only looked at."""
    return [
        totals(model.parameters, of_keras(model)),
        keras_network(model),
        keras_interface(model),
        _keras_layers(model),
        *_choices(model.advice or ()),
        *notes(model.notes),
    ]


def _keras_layers(model: KerasModel) -> Section:
    words = {None: "", True: "yes", False: "no"}
    rows = [
        [row.name, row.kind, shape_cell(row.output), count_text(row.weights),
         words[row.updatable], row.reason]
        for row in model.layers
    ]  # fmt: skip
    columns = ["layer", "class", "output", "parameters", "may learn", "why not"]
    caption = f"All {len(rows)} layers, and whether they may learn on the device"
    return Section("Layers", table(caption, columns, rows, {"parameters"}), STYLE)


FORMS = ("network", "pipeline", "pipeline_float16", "pipeline_int8")
"""Forms of the file whose sizes are told."""


def _choices(advice: Sequence[Advice]) -> list[Section]:
    """Return what each choice of layers that learn would cost, none if that was not asked."""
    if not advice:
        return []
    rows = [
        [
            choice.what + (" (default)" if choice.is_default else ""), ", ".join(choice.layers),
            f"{choice.weights:,}", f"{choice.multiply_adds:,}", size_text(choice.memory.total),
            *("" if size is None else size_text(size) for size in map(choice.sizes.get, FORMS)),
        ]
        for choice in advice
    ]  # fmt: skip
    costs = ["weights that learn", "multiply-adds a sample", "memory a step"]
    forms = [form.replace("_", " ") for form in FORMS]
    caption = f"Memory is that of {advice[0].memory.batch_size} samples; sizes are those of files"
    columns = ["let learn", "layers", *costs, *forms]
    body = table(caption, columns, rows, columns[2:])
    return [Section("What each choice of layers costs", body, STYLE)]
