"""An updatable pipeline or k-nearest-neighbours classifier does not say what it learns from.

What: training inputs that lack an input of the model, or the target: the label, or what the last
model of the pipeline learns from.
Why: Apple's validator does not look at them here. An app cannot tell what to provide, and
MLUpdateTask takes its data by these names.
Fix: list the inputs of the model and the target as training inputs.
Source: seen with the published validator; what coremltools writes.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.rules.u112_training_inputs import own_training_inputs
from converter.validation.view import View

RULE = Rule("O218", "training-data", "warning", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each input or target that the training inputs lack."""
    if not model.spec.isUpdatable:
        return
    given = {feature.name for feature in model.description.trainingInput}
    for name in _inputs(model):
        if name not in given:
            message = f"has no training input {quoted(name)}, an input of the model"
            yield RULE.found(message, "repeat it as a training input")
    targets = _targets(model)
    if targets and given.isdisjoint(targets):
        names = " or ".join(map(quoted, targets))
        yield RULE.found(f"has no training input {names} to learn from", "add it")


def _inputs(model: View) -> list[str]:
    """Return the inputs that training cannot do without."""
    required = [f.name for f in model.description.input if not f.type.isOptional]
    return required if model.net is None or model.description.trainingInput else []


def _targets(model: View) -> list[str]:
    description = model.description
    if model.kind == "kNearestNeighborsClassifier":
        return [description.predictedFeatureName] if description.predictedFeatureName else []
    if model.pipeline is None or not model.pipeline.models:
        return []
    return [feature.name for feature in own_training_inputs(View(model.pipeline.models[-1]))]
