"""A k-nearest-neighbours classifier asks more neighbours than it has samples.

What: fewer samples than numberOfNeighbors by default; none at all where none can be added.
Why: with fewer samples than neighbours each of them has a vote, however far it is, so that the
class with the most samples is answered whatever is asked. Without samples it is the default label.
A classifier that is updatable and has none yet begins so: that is no finding.
Fix: add samples, let fewer neighbours decide, or mark the model updatable.
Source: `KNearestNeighborsClassifier` in `NearestNeighbors.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.neighbors import KIND
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O243", "few-samples", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if there are fewer samples than neighbours, but some, or can be none."""
    if model.kind != KIND:
        return
    samples = len(model.params.nearestNeighborsIndex.floatSamples)
    asked = model.params.numberOfNeighbors.defaultValue
    if not samples and not model.spec.isUpdatable:
        yield RULE.found("has no samples, and is not updatable", "add samples, or mark it")
    elif 0 < samples < asked:
        message = f"asks {asked} neighbors of {samples} samples"
        yield RULE.found(message, "add samples, or let fewer neighbors decide")
