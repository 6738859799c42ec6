"""What an app gives to a model and gets from it: inputs, outputs, classes, and what is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from converter.coreml.contents import CoreMLModel
from converter.coreml.figures import shape_text
from converter.page.document import Section
from converter.page.parts import STYLE, facts, folded, joined, listing, shown

if TYPE_CHECKING:
    from converter.conversion.inspection import KerasModel

SHOWN_LABELS = 20
"""Labels that are seen at once; more are folded away."""

MOST_LABELS = 2_000
LONGEST_TEXT = 20_000
"""Characters of a text of several lines, such as a recipe."""


def interface(model: CoreMLModel) -> Section:
    """Return the section for a Core ML model; of a pipeline that of the whole."""
    told = [("format", f"{model.kind}, specification version {model.specification_version}")]
    for name, features in (
        ("input", model.inputs),
        ("output", model.outputs),
        ("training input", model.training_inputs),
    ):
        for feature in features:
            about = f". {feature.description}" if feature.description else ""
            told.append((name, f"{feature}{about}"))
    told += [("image", str(image)) for image in model.images]
    if model.pixels:
        told.append(("pixels", f"{model.pixels} reaches the first layer with weights"))
    texts = [(key, text) for key, text in model.metadata.items() if "\n" not in text]
    return Section(
        "Interface",
        joined([facts([*told, *texts]), *_classes(model.labels), *_long(model.metadata.items())]),
        STYLE,
    )


def keras_interface(model: KerasModel) -> Section:
    """Return the section for a Keras model that is only looked at."""
    told = []
    for name, shape in model.inputs.items():
        there = model.core_ml_inputs.get(name)
        in_core_ml = f" (in Core ML {list(there)})" if there and there != shape[1:] else ""
        told.append(("input", f"{name}: {shape_text(shape)}{in_core_ml}"))
    told += [("output", name) for name in model.outputs]
    if model.scaling:
        told.append(("pixels", f"the model itself computes {model.scaling} first"))
    rate = "" if model.learning_rate is None else f", learning rate {model.learning_rate:g}"
    compiled = f"{model.optimizer}{rate}; loss {model.loss}" if model.optimizer else "no"
    told.append(("compiled", compiled))
    told.append(("learns unless told otherwise", ", ".join(model.chosen) or "nothing"))
    if model.problem:
        told.append(("cannot be converted", model.problem))
    return Section("Interface", facts(told), STYLE)


def _classes(labels: Sequence[str | int]) -> Iterator[Markup]:
    """Yield the labels of a classifier, all of them if one looks."""
    if not labels:
        return
    if len(labels) <= SHOWN_LABELS:
        yield facts([(f"{len(labels)} classes", ", ".join(map(str, labels)))])
    else:
        more = [f"and {len(labels) - MOST_LABELS:,} more"] if len(labels) > MOST_LABELS else []
        yield folded(f"{len(labels):,} classes", listing([*labels[:MOST_LABELS], *more]))


def _long(texts: Iterable[tuple[str, str]]) -> Iterator[Markup]:
    """Yield the metadata of several lines, such as the recipe."""
    for key, text in texts:
        if "\n" in text:
            more = f"\n… and {len(text) - LONGEST_TEXT:,} characters more"
            seen = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + more
            yield folded(key, Markup("<pre>{}</pre>").format(shown(seen)))
