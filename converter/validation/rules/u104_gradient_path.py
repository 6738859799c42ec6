"""A layer without gradient stands between an updatable layer and the loss.

What: only convolution, innerProduct, unidirectional LSTM, pooling, flatten, batch norm and the
activations ReLU, sigmoid and tanh pass a gradient on; and softmax directly before a cross-entropy.
LeakyReLU, ReLU6, swish, padding, add, concat, scale and all layers younger than iOS 12 do not.
Why: Core ML refuses the model. Its search goes breadth first from the loss and never forgets a
layer without gradient, so with several inputs the outcome depends on their order; this rule
does just the same (O208 looks at each path by itself).
Fix: mark only layers after that one, or replace it (ReLU; padding inside the convolution).
Source: `isTrainingConfigurationSupported` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.kinds import kind_of
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("U104", "gradient-path", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer that keeps a gradient from an updatable one."""
    if model.updatable_net is None:
        return
    layers, told = model.gradient.layers, set()
    for updatable, blocker in model.gradient.apple_obstacles():
        if blocker in told:
            continue
        told.add(blocker)
        yield RULE.found(
            f"{kind_of(layers[blocker])} cannot be back-propagated through and stands between "
            f"updatable layer {quoted(layers[updatable].name)} and the loss",
            "mark only layers after it, or use ReLU, sigmoid or tanh",
            layers[blocker].name,
        )
