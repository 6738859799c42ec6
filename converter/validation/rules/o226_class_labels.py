"""Two classes have the same label.

What: a label that occurs more than once among the class labels of a classifier.
Why: Apple's validator accepts it, and such models are in use: of the thousand classes of ImageNet
two are called "crane". The probabilities are a dictionary by label, so one of the two is lost; an
app that teaches by label cannot say which one it means.
Fix: give each class a label of its own.
Source: `MLFeatureValue.dictionaryValue`; the labels of ImageNet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("O226", "class-labels", "warning", "ours")

KINDS = ("neuralNetworkClassifier", "glmClassifier", "supportVectorClassifier")
"""Those whose labels are one for each class; neighbours have one for each sample."""


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each label that several classes share."""
    if model.kind not in KINDS:
        return
    labels = model.params.WhichOneof("ClassLabels")
    if labels is None:
        return
    for label, count in Counter(getattr(model.params, labels).vector).items():
        if count > 1:
            message = f"{count} classes have the label {quoted(str(label))}"
            yield RULE.found(message, "give each class a label of its own")
