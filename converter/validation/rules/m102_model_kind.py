"""The file holds no model that Core ML knows.

What: none of the model kinds (neuralNetwork, pipeline, …) is set.
Why: there is nothing to run; the file may be empty, or another kind of protobuf.
Fix: check how the file was made or copied.
Source: `Model::validate`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("M102", "model-kind", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if no model is set."""
    if model.kind is None:
        yield RULE.found("holds no model of a known kind", "check that it is a .mlmodel file")
