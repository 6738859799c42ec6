"""The training inputs do not give the network what it needs.

What: fewer than two training inputs; none that equals an input of the model in name and type
(data type and shape, or image size and colour space); none beside these for the target; none of
the name of the loss's target, or, in a classifier, of its label with the type of that output.
Why: Core ML refuses the model. A target that is an input of the model too does not count.
Fix: repeat the inputs exactly, and add the target.
Source: `validateTrainingInputs` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.features import equivalent, named, same_type
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("U112", "training-inputs", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each way in which the training inputs fall short."""
    if model.updatable_net is None:
        return
    given = list(model.description.trainingInput)
    own = own_training_inputs(model)
    if len(given) < 2:
        message = f"has {len(given)} training inputs, but needs the input and the target"
        yield RULE.found(message, "repeat the inputs as training inputs and add the target")
        return
    if not own:
        yield RULE.found("has no training input for the target", "add one that is no model input")
        return
    if len(own) == len(given):
        message = "has no training input that equals a model input in name, type and shape"
        yield RULE.found(message, "repeat the inputs exactly")
    yield from _target_problems(model, own)


def own_training_inputs(model: View) -> list[Message]:
    """Return the training inputs that are no inputs of the model: the target is among them."""
    inputs: dict[str, list[Message]] = {}
    for feature in model.description.input:
        inputs.setdefault(feature.name, []).append(feature)
    return [
        feature
        for feature in model.description.trainingInput
        if not any(equivalent(feature, other) for other in inputs.get(feature.name, ()))
    ]


def target_feature(model: View) -> Message | None:
    """Return the training input that the loss compares with, None if there is none of its name."""
    return named(own_training_inputs(model), model.loss.target if model.loss else "")


def _target_problems(model: View, own: list[Message]) -> Iterator[Finding]:
    description, losses = model.description, model.losses
    kind = losses[0].WhichOneof("LossLayerType") if losses else None
    target = getattr(losses[0], kind).target if kind else ""
    met = False
    for feature in own:
        if model.kind == "neuralNetworkClassifier" and (
            feature.name == description.predictedFeatureName
        ):
            label = named(description.output, feature.name)
            if label is not None and not same_type(feature.type, label.type):
                message = f"training input {quoted(feature.name)} is not of the type of the label"
                yield RULE.found(message, "make it String or Int64 like that output")
            met = met or label is not None
        met = met or feature.name == target
    if not met:
        message = f"has no training input {quoted(target)}, the target of the loss"
        yield RULE.found(message, "add it")
