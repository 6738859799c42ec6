"""A batch normalization stands between an updatable layer and the loss.

What: a `batchnorm` layer on the way of the gradient.
Why: Apple's validator accepts it, but the model does not compile on the device: "in order to take
gradient of a inference mode batchnorm layer, 2 inputs are needed" (apple/coremltools issue 492).
Fix: fold it into the convolution or dense layer before it, or mark only layers after it.
Source: https://github.com/apple/coremltools/issues/492
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O202", "batchnorm-path", "error", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each batch norm that the gradient has to pass."""
    if model.updatable_net is None:
        return
    for index in model.gradient.path:
        layer = model.gradient.layers[index]
        if layer.WhichOneof("layer") == "batchnorm":
            yield RULE.found(
                "batchnorm stands between an updatable layer and the loss; such models are "
                "accepted but do not compile on the device",
                "fold it into the layer before it, or mark only layers after it",
                layer.name,
            )
