"""The parameters of this kind of model are not checked here.

What: a tree ensemble, support vector machine, recommender, Bayesian regressor, confidence
threshold, non-maximum suppression, word tagger or sound preprocessing.
Why: this tool looks at its interface only; Apple's validator looks at its parameters too.
Fix: validate it on a Mac (`xcrun coremlcompiler compile`), or ignore this warning.
Source: this project.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O224", "unchecked-kind", "warning", "ours")

UNCHECKED = (
    "treeEnsembleRegressor",
    "treeEnsembleClassifier",
    "supportVectorRegressor",
    "supportVectorClassifier",
    "bayesianProbitRegressor",
    "itemSimilarityRecommender",
    "classConfidenceThresholding",
    "nonMaximumSuppression",
    "wordTagger",
    "soundAnalysisPreprocessing",
)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for a kind of model whose parameters no rule looks at."""
    if model.kind in UNCHECKED:
        message = f"the parameters of a {model.kind} are not checked here"
        yield RULE.found(message, "validate it on a Mac, or ignore this warning")
