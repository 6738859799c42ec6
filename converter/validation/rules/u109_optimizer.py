"""The optimizer is missing or incomplete.

What: neither SGD nor Adam; SGD without learningRate or miniBatchSize; Adam without learningRate,
miniBatchSize, beta1, beta2 or eps. Momentum may be left out.
Why: Core ML refuses the model.
Fix: set all parameters; Keras' defaults for Adam are 0.001, 0.9, 0.999 and 1e-7.
Source: `validateOptimizer` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.optimizers import BATCH_SIZE, OPTIMIZERS
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("U109", "optimizer", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for a missing optimizer and for each missing parameter."""
    net = model.updatable_net
    if net is None:
        return
    optimizer = net.updateParams.optimizer
    kind = optimizer.WhichOneof("OptimizerType")
    if kind is None:
        yield RULE.found("has no optimizer", "set SGD or Adam")
        return
    required = [number.field for number in OPTIMIZERS[kind].numbers if number.required]
    for name in (*required, BATCH_SIZE):
        if not getattr(optimizer, kind).HasField(name):
            yield RULE.found(f"the optimizer has no {name}", "set it")
