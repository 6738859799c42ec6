"""A classifier has more or fewer labels than probabilities.

What: the number of class labels differs from the width of the blob that holds the probabilities.
Why: Core ML refuses to load the model: "the size of the output layer … does not match the number of
classes" (apple/coremltools issue 144).
Fix: give one label for each output of the last layer.
Source: https://github.com/apple/coremltools/issues/144
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.shapes import describe, volume
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("S306", "class-count", "error", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if labels and probabilities are not equally many."""
    if model.kind != "neuralNetworkClassifier" or not model.params.layers:
        return
    blob = probability_blob(model)
    kind, shape = model.params.WhichOneof("ClassLabels"), model.shapes.shapes.get(blob)
    width = volume(shape) if shape is not None else None
    if kind is None or width is None:
        return
    labels = len(getattr(model.params, kind).vector)
    if labels != width:
        yield RULE.found(
            f"has {labels} labels for the probabilities {quoted(blob)} of shape {describe(shape)}",
            "give one label for each output of the last layer",
        )


def probability_blob(model: View) -> str:
    """Return the blob of a classifier's probabilities: the named one, or that of the last layer."""
    named: str = model.params.labelProbabilityLayerName
    return named or next(iter(model.params.layers[-1].output), "")
