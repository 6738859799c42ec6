"""The app cannot choose the number of epochs or the batch size.

What: a set or range with a single value for epochs or miniBatchSize.
Why: Core ML refuses any value that the file does not allow, so the choice is made for good here.
coremltools writes one-value sets unless told otherwise. Such models do train: one of house prices
did so on phones, with exactly 500 epochs and batches of 32 (denissimon/distributed-model-training).
Fix: allow a range, such as 1 to 1000 epochs and several batch sizes, 1 included.
Source: https://github.com/hollance/coreml-training (NeuralNetworkTrainer.swift)
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.hyperparameters import hyperparameters
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O216", "narrow-choice", "note", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for epochs or batch size with a single allowed value."""
    if model.updatable_net is None:
        return
    for item in hyperparameters(model.updatable_net):
        if not item.positive:
            continue
        value = item.value
        allowed = value.WhichOneof("AllowedValues")
        single = (allowed == "set" and len(set(value.set.values)) == 1) or (
            allowed == "range" and value.range.minValue == value.range.maxValue
        )
        if single:
            message = f"{item.name} can only be {value.defaultValue} in the app"
            yield RULE.found(message, "allow a range of values")
