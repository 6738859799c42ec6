"""A k-nearest-neighbours classifier takes something else than one vector.

What: no input or more than one, or an input that is no array.
Why: Apple's validator does not look at it. Neighbours are found by the distance between vectors,
and the samples in the file are such: of one array.
Fix: give the classifier one array of numberOfDimensions values; in a pipeline a network makes it.
Source: `NearestNeighborsIndex` in `NearestNeighbors.proto`; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.neighbors import KIND
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("O241", "neighbor-input", "error", "ours")

FIX = "give it one array, of numberOfDimensions values"


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if there is not one input, and for each input that is no array."""
    if model.kind != KIND:
        return
    inputs = model.description.input
    if len(inputs) != 1:
        yield RULE.found(f"has {len(inputs)} inputs, but compares one vector", FIX)
    for feature in inputs:
        kind = feature.type.WhichOneof("Type")
        if kind not in ("multiArrayType", None):  # M104 tells of an input without a type
            what = kind.removesuffix("Type")
            yield RULE.found(f"input {quoted(feature.name)} is of the type {what}", FIX)
