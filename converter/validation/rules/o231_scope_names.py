"""The model of a pipeline that learns has no name.

What: an updatable pipeline that names its models, but the last one by an empty name.
Why: Apple's validator accepts it. An app reaches the weights and hyperparameters of a model in a
pipeline by its name, `MLParameterKey.scoped(to:)`. Where a pipeline has no names at all, Core ML
calls its models model0, model1 and so on: Apple's own UpdatableDrawingClassifier is such a one.
Fix: name each model, or none.
Source: https://developer.apple.com/documentation/coreml/mlparameterkey; what Core ML's compiler
tells of UpdatableDrawingClassifier: numberOfNeighbors has the scope model1.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O231", "scope-names", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an updatable pipeline whose last model has an empty name."""
    if model.pipeline is None or not model.spec.isUpdatable or not model.pipeline.models:
        return
    names = list(model.pipeline.names)
    if names and not names[-1]:
        yield RULE.found(
            "the model that learns has no name, by which an app would reach its parameters",
            "name each model, or none",
        )
