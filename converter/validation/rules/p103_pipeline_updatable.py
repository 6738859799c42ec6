"""The wrong models of a pipeline are updatable.

What: an updatable pipeline whose last model is not updatable, or another one is; a pipeline that is
not updatable with a model that is.
Why: Core ML refuses the model.
Fix: mark the pipeline and its last model, and no other.
Source: `PipelineValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.finding import Finding, Rule
from converter.validation.view import UPDATABLE_KINDS, View

RULE = Rule("P103", "pipeline-updatable", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each model whose flag does not fit that of the pipeline."""
    if model.pipeline is None or not model.pipeline.models:
        return
    updatable, last = model.spec.isUpdatable, len(model.pipeline.models) - 1
    for index, member in enumerate(model.pipeline.models):
        if updatable and index == last and not member.isUpdatable:
            yield _not_updatable(member)
        elif member.isUpdatable and not (updatable and index == last):
            yield RULE.found(
                f"model {index} is updatable, but only the last of an updatable pipeline can be",
                "mark the pipeline and its last model, and no other",
            )


def _not_updatable(last: Message) -> Finding:
    kind = last.WhichOneof("Type")
    if kind is None or kind in UPDATABLE_KINDS:
        return RULE.found("the last model of the updatable pipeline is not updatable", "mark it")
    return RULE.found(
        f"the last model of the updatable pipeline is of the kind {kind}, which no device updates",
        "put the network or the k-nearest-neighbours classifier that shall learn behind it",
    )
