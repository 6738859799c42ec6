"""The models of a pipeline do not fit together.

What: an input of a model that is neither an input of the pipeline nor an output of a model before
it, by name and type; the same for the outputs of the pipeline.
Why: Core ML refuses the model. Types compare by data type, rank and sizes; see U112.
Fix: rename the features, and give both sides one type and shape.
Source: `PipelineValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.features import equivalent
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("P102", "pipeline-features", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each feature that nothing before gives, or not in its type."""
    if model.pipeline is None:
        return
    known = {feature.name: feature for feature in model.description.input}
    for index, member in enumerate(model.pipeline.models):
        for feature in member.description.input:
            yield from _compare(feature, known, f"input of model {index}")
        known.update((feature.name, feature) for feature in member.description.output)
    for feature in model.description.output:
        yield from _compare(feature, known, "output of the pipeline")


def _compare(feature: Message, known: dict[str, Message], what: str) -> Iterator[Finding]:
    name = quoted(feature.name)
    if feature.name not in known:
        yield RULE.found(f"{what} {name} is given by nothing before it", "rename it")
    elif not equivalent(feature, known[feature.name]):
        message = f"{what} {name} is of another type or shape than what is given"
        yield RULE.found(message, "give both sides one type and shape")
