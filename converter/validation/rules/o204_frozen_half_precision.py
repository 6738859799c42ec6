"""A frozen layer of an updatable network has float16 weights.

What: float16 weights in a layer of an updatable network that is not itself updatable.
Why: Apple's validator accepts them; coremltools refuses to make a network with any float16 weights
updatable. Whether Core ML trains it is not established.
Fix: store float32 values, or put the frozen layers into the first model of a pipeline.
Source: `NeuralNetworkBuilder.make_updatable` of coremltools.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O204", "frozen-half-precision", "warning", "ours")

_WEIGHTS = "WeightParams"


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each frozen layer of an updatable network with float16 weights."""
    if model.updatable_net is None:
        return
    for site in model.flow.sites:
        if not site.layer.isUpdatable and site.params is not None and _has_half(site.params):
            yield RULE.found(
                "has float16 weights in an updatable network",
                "store float32 values, or move it into the first model of a pipeline",
                site.name,
            )


def _has_half(params: Message) -> bool:
    return any(
        field.message_type is not None
        and field.message_type.name == _WEIGHTS
        # Not `field.is_repeated`: protobuf has it from 6.31 on, TensorFlow 2.18 asks for less.
        and bool((value if hasattr(value, "ListFields") else value[0]).float16Value)
        for field, value in params.ListFields()
    )
