"""A k-nearest-neighbours classifier is incomplete.

What: a numberOfNeighbors that is not positive or not among its allowed values; no weighting scheme,
index or distance; a k-d tree with a leaf size of 0; as many labels as samples are needed, and
samples of the declared dimension; an empty classifier needs a default label of the labels' type.
Why: Core ML refuses the model.
Fix: complete it; coremltools' `KNearestNeighborsClassifierBuilder` sets all of these.
Source: `KNearestNeighborsClassifierValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.coreml.neighbors import KIND
from converter.validation.finding import Finding, Rule
from converter.validation.rules.u111_hyperparameter import integer_problem, remedy
from converter.validation.view import View

RULE = Rule("K101", "neighbors", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each missing or contradicting part of the classifier."""
    if model.kind != KIND:
        return
    params = model.params
    problem = integer_problem(params.numberOfNeighbors, positive=True)
    if problem:
        fix = remedy(params.numberOfNeighbors, positive=True)
        yield RULE.found(f"numberOfNeighbors {problem}", fix)
    if params.WhichOneof("WeightingScheme") is None:
        yield RULE.found("has no weighting scheme", "set uniform or inverse distance weighting")
    yield from _label_problems(params)
    yield from _index_problems(params)


def _labels(params: Message) -> int:
    kind = params.WhichOneof("ClassLabels")
    return len(getattr(params, kind).vector) if kind else 0


def _label_problems(params: Message) -> Iterator[Finding]:
    kind, default = params.WhichOneof("ClassLabels"), params.WhichOneof("DefaultClassLabel")
    if default is None and not _labels(params):
        yield RULE.found("has neither labels nor a default label", "set a default label")
    if kind and default and ("Int64" in default) != ("int64" in kind):
        yield RULE.found("has labels and a default label of different types", "use one type")


def _index_problems(params: Message) -> Iterator[Finding]:
    index, labels = params.nearestNeighborsIndex, _labels(params)
    samples = len(index.floatSamples)
    if samples != labels:
        yield RULE.found(f"has {labels} labels for {samples} samples", "give each sample a label")
    if any(len(sample.vector) != index.numberOfDimensions for sample in index.floatSamples):
        message = f"has samples of another length than {index.numberOfDimensions}"
        yield RULE.found(message, "correct numberOfDimensions")
    if index.WhichOneof("IndexType") is None:
        yield RULE.found("has no index", "set a linear index or a k-d tree")
    elif index.HasField("singleKdTreeIndex") and index.singleKdTreeIndex.leafSize <= 0:
        yield RULE.found("has a k-d tree with a leaf size of 0 or less", "set a positive size")
    if index.WhichOneof("DistanceFunction") is None:
        yield RULE.found("has no distance", "set the squared Euclidean distance")
