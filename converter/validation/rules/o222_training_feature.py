"""A training input is described in a way that no input of a model may be.

What: a training input without name or type, or an array or image of impossible shape.
Why: Apple's validator does not look at the descriptions of training inputs; on an empty list of
shapes it crashes.
Fix: complete the description.
Source: `validateFeatureDescriptions` in `Validators.hpp`; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.rules import m104_feature_type, m105_array_feature, m106_image_feature
from converter.validation.view import View

RULE = Rule("O222", "training-feature", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each training input that would be refused as an input."""
    if not model.spec.isUpdatable:
        return
    for feature in model.description.trainingInput:
        kind = feature.type.WhichOneof("Type")
        problem = m104_feature_type.problem_of(feature, "input", model.version)
        if kind == "multiArrayType":
            problems = m105_array_feature.problems_of(
                feature.type.multiArrayType, "input", model.version
            )
            problem = next((text for text, _ in problems), problem)
        elif kind == "imageType":
            problems = m106_image_feature.problems_of(feature.type.imageType, model.version)
            problem = next((text for text, _ in problems), problem)
        if problem:
            name = quoted(feature.name)
            yield RULE.found(f"training input {name} {problem}", "complete its description")
