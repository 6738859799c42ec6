"""A layer or an input has no effect.

What: a layer none of whose outputs is read by another layer, by the loss, or given out; a model
input that no layer reads.
Why: it costs time and memory, and is usually a wrong name somewhere.
Fix: remove it, or correct the name.
Source: this project.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.rules.s306_class_count import probability_blob
from converter.validation.view import View

RULE = Rule("S308", "unused", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer at the top of the network, and each input, without effect."""
    if model.net is None or not model.net.layers:
        return
    used = _used_blobs(model)
    for site in model.flow.sites:
        if not site.inner and site.outputs and used.isdisjoint(site.outputs):
            message = f"makes {quoted(site.outputs[0])}, which nothing reads"
            yield RULE.found(message, "remove the layer or correct the name", site.name)
    for feature in model.description.input:
        if feature.name not in used:
            message = f"input {quoted(feature.name)} is read by no layer"
            yield RULE.found(message, "remove it or correct the name")


def _used_blobs(model: View) -> set[str]:
    used = {blob for site in model.flow.sites for blob in site.inputs}
    used.update(feature.name for feature in model.description.output)
    used.update(site.params.conditionVar for site in model.flow.of("loop"))
    for loss in model.losses:
        kind = loss.WhichOneof("LossLayerType")
        if kind is not None:
            used.add(getattr(loss, kind).input)
    if model.kind == "neuralNetworkClassifier":
        used.add(probability_blob(model))
    elif model.kind == "neuralNetworkRegressor":
        # A regressor gives out its last layer, under whatever name.
        used.update(model.params.layers[-1].output)
    return used
