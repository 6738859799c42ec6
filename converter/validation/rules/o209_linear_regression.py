"""A mean squared error reads a linear layer directly.

What: the loss is mean squared error and its input is made by innerProduct or convolution, without
an activation between.
Why: one person's model did not compile ("inner_product needs at least 2 inputs for gradients",
apple/coremltools issue 1983) until the output had a sigmoid; others train such models. The cause
is not established.
Fix: try it on a device early; a sigmoid or tanh at the end, with a scaled target, avoids the risk.
Source: https://github.com/apple/coremltools/issues/1983
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import SQUARED_ERROR
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O209", "linear-regression", "warning", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if a mean squared error reads a dense or convolution layer."""
    if model.updatable_net is None or model.loss is None or model.loss.kind != SQUARED_ERROR:
        return
    head = model.gradient.head
    if head is None:
        return
    layer = model.gradient.layers[head]
    if layer.WhichOneof("layer") in ("innerProduct", "convolution"):
        yield RULE.found(
            "mean squared error directly on a linear layer did not compile for everyone",
            "try it on a device early, or end with sigmoid or tanh and a scaled target",
            layer.name,
        )
