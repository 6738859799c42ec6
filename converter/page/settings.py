"""How a model learns on the device: loss, optimizer, and what an app may choose."""

from __future__ import annotations

from markupsafe import Markup

from converter.coreml.contents import Allowed, CoreMLModel, Neighborhood, Update
from converter.page.document import Section
from converter.page.parts import STYLE, facts, joined, paragraphs, table

MOST_VALUES = 12
"""Values that are listed; of more, the first and the last."""

SHOWN_CLASSES = 20


def learning(model: CoreMLModel) -> Section:
    """Return the section for a Core ML model; of a pipeline its last model is what learns."""
    last = model.as_one
    if last.update is not None:
        body = joined([_update(last.update), _numbers(last.update)])
    elif last.neighbors is not None:
        body = _neighbors(last.neighbors)
    else:
        body = paragraphs(["Nothing learns in this model: it only predicts."])
    return Section("How it learns", body, STYLE)


def _update(update: Update) -> Markup:
    order = "in the order given" if not update.shuffle else "shuffled in every epoch"
    seed = "" if not update.shuffle or update.seed is None else f", seed {update.seed}"
    return facts(
        [
            ("loss", f"{update.loss} of {update.loss_input} and {update.target}"),
            ("optimizer", update.optimizer),
            ("samples", f"{order}{seed}"),
        ]
    )


def _numbers(update: Update) -> Markup:
    rows = [
        [name.replace("_", " "), f"{number.default:g}", choices(number)]
        for name, number in update.parameters.items()
    ]
    return table("Hyperparameters", ["name", "default", "an app may choose"], rows, {"default"})


def choices(number: Allowed) -> str:
    """Return what an app may choose instead of the default."""
    if number.allowed is not None:
        if len(number.allowed) <= MOST_VALUES:
            return ", ".join(map(str, number.allowed))
        return f"{len(number.allowed)} values from {number.allowed[0]} to {number.allowed[-1]}"
    if number.min is not None:
        return f"{number.min:g} … {number.max:g}"
    return "nothing: it is fixed"


def _neighbors(found: Neighborhood) -> Markup:
    leaves = "" if found.leaf_size is None else f", {found.leaf_size} samples in a leaf"
    told = [
        ("learns", "by keeping the samples"),
        ("neighbors", f"{found.neighbors.default:g}; an app may choose {choices(found.neighbors)}"),
        ("dimensions", f"{found.dimensions:,}"),
        ("index", f"{found.index}{leaves}"),
        ("weighting", found.weighting),
        ("distance", found.distance),
    ]
    if found.default_label is not None:
        told.append(("default label", str(found.default_label)))
    if not found.samples:
        return facts([*told, ("samples", "none yet")])
    kept = table(
        "Samples that it keeps",
        ["class", "samples"],
        list(found.samples.items())[:SHOWN_CLASSES],
        {"samples"},
    )
    total = f"{sum(found.samples.values()):,} of {len(found.samples)} classes"
    return joined([facts([*told, ("samples", total)]), kept])
