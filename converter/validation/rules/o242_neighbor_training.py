"""What a k-nearest-neighbours classifier learns from is not what it compares and answers.

What: a training input that is called as an input or as the predicted label, and is of another type
or number of values; also of the pipeline that ends in the classifier.
Why: Apple's validator does not look at training inputs here. MLUpdateTask takes samples by these
descriptions, and keeps them beside what the classifier compares: a vector of another length, or a
text among numbers, does not fit there.
Fix: repeat the inputs, and the output with the label, as they are.
Source: `KNearestNeighborsClassifierBuilder` of coremltools; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.coreml.neighbors import label_type
from converter.coreml.shapes import declared_shape, volume
from converter.validation.apple.features import equivalent
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("O242", "neighbor-training", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each training input that differs from what it is called after."""
    if label_type(model.spec) is None or not model.spec.isUpdatable:
        return
    description = model.description
    shown = {feature.name: feature for feature in description.input}
    for feature in description.output:
        if feature.name == description.predictedFeatureName:
            shown[feature.name] = feature
    for feature in description.trainingInput:
        other = shown.get(feature.name)
        if other is not None and not _holds_the_same(feature, other):
            message = f"training input {quoted(feature.name)} is of another type or size than the"
            yield RULE.found(f"{message} feature of that name", "repeat it as it is")


def _holds_the_same(feature: Message, other: Message) -> bool:
    """Tell whether two features are of one type; axes of arrays of one size may differ."""
    if equivalent(feature, other):
        return True
    one, two = feature.type.multiArrayType, other.type.multiArrayType
    sizes = {volume(declared_shape(each.type) or ()) for each in (feature, other)}
    return bool(one.shape and two.shape and one.dataType == two.dataType and len(sizes) == 1)
