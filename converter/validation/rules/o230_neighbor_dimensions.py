"""A k-nearest-neighbours classifier compares vectors of another length than its input has.

What: a numberOfDimensions that is 0 or negative, or differs from the number of values of the input.
Why: Apple's validator compares it with the stored samples only. A distance between vectors of
different length is not defined.
Fix: set numberOfDimensions to the number of values of the input.
Source: `NearestNeighborsIndex` in `NearestNeighbors.proto`; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.neighbors import KIND
from converter.coreml.shapes import declared_shape, describe, volume
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("O230", "neighbor-dimensions", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if the dimensions are not positive, or not those of the input."""
    if model.kind != KIND:
        return
    dimensions = model.params.nearestNeighborsIndex.numberOfDimensions
    fix = "set numberOfDimensions to the number of values of the input"
    if dimensions <= 0:
        yield RULE.found(f"compares vectors of {dimensions} dimensions", fix)
        return
    for feature in model.description.input:
        shape = declared_shape(feature.type)
        if shape is not None and volume(shape) not in (None, dimensions):
            message = f"compares vectors of {dimensions} dimensions, input {quoted(feature.name)}"
            yield RULE.found(f"{message} is {describe(shape)}", fix)
