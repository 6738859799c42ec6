"""A classifier does not say what it predicts.

What: missing or empty class labels; no predictedFeatureName among the outputs, or one of another
type than the labels; a predictedProbabilitiesName that is no dictionary or array output.
Why: Core ML refuses the model. A k-nearest-neighbours classifier may start without labels.
Fix: give the labels, and declare the outputs `classLabel` (String or Int64) and, if wanted, the
probabilities (a dictionary).
Source: `validateClassifierInterface` in `Validators.hpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.apple.features import named, type_problem
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("M109", "classifier-interface", "error", "apple")

KINDS = (
    "neuralNetworkClassifier",
    "kNearestNeighborsClassifier",
    "glmClassifier",
    "supportVectorClassifier",
)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each part of the classifier interface that is missing or wrong."""
    if model.kind not in KINDS:
        return
    params, description = model.params, model.description
    labels, may_be_empty = params.WhichOneof("ClassLabels"), model.kind.startswith("kNearest")
    if not may_be_empty and (labels is None or not getattr(params, labels).vector):
        yield RULE.found("has no class labels", "give the labels, all text or all numbers")
    numbers = labels == "int64ClassLabels"
    if labels is None and may_be_empty:
        numbers = params.WhichOneof("DefaultClassLabel") == "defaultInt64Label"
    if not description.predictedFeatureName:
        yield RULE.found("has no predictedFeatureName", "name the output that holds the label")
    else:
        kind = "int64Type" if numbers else "stringType"
        feature = named(description.output, description.predictedFeatureName)
        problem = type_problem(feature, description.predictedFeatureName, (kind,))
        if problem:
            yield RULE.found(f"predicted feature {problem}", "declare an output like the labels")
    if description.predictedProbabilitiesName:
        feature = named(description.output, description.predictedProbabilitiesName)
        kinds = ("dictionaryType", "multiArrayType")
        problem = type_problem(feature, description.predictedProbabilitiesName, kinds)
        if problem:
            yield RULE.found(f"probabilities {problem}", "declare a dictionary output of that name")
