"""The model of a pipeline that learns has no name.

What: an updatable pipeline without names, or with an empty one for its last model.
Why: Apple's validator accepts it. An app reaches the weights and hyperparameters of a model in a
pipeline by its name, `MLParameterKey.scoped(to:)`; how without one is not documented.
Fix: name each model.
Source: https://developer.apple.com/documentation/coreml/mlparameterkey
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O231", "scope-names", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an updatable pipeline whose last model has no name."""
    if model.pipeline is None or not model.spec.isUpdatable or not model.pipeline.models:
        return
    names = list(model.pipeline.names)
    if not names or not names[-1]:
        yield RULE.found(
            "the model that learns has no name, by which an app would reach its parameters",
            "name each model",
        )
