"""Which layers can learn on the device: those from which a gradient reaches the loss.

Core ML carries gradients back through convolution, inner product, pooling, flatten, and the
activations ReLU, sigmoid and tanh; through softmax only straight from the cross-entropy. Sources:
``isLayerSupportedForBackprop`` in Core ML's validator, and for batch norm, which validates and then
fails to compile, https://github.com/apple/coremltools/issues/492.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from converter.coreml.mlmodel import Message
from converter.errors import NotUpdatableError
from converter.lower.net import Net
from converter.trace.program import KerasLayer, Program

PASSING = ("convolution", "innerProduct", "pooling", "flatten")
PASSING_ACTIVATIONS = ("ReLU", "sigmoid", "tanh")


@dataclass(frozen=True)
class Candidate:
    """A Keras layer with a kernel, and why it cannot learn (None if it can)."""

    layer: KerasLayer
    kinds: tuple[str, ...]
    reason: str | None = None


def chosen_layers(program: Program, patterns: Sequence[str]) -> list[KerasLayer]:
    """Return the Keras layers that the names or globs `patterns` select, in model order.

    Raises:
        NotUpdatableError: a pattern selects nothing; the message lists what there is.
    """
    layers = layers_with_kernels(program)
    by_name = {layer.name: layer for layer in layers}
    found: set[str] = set()
    for pattern in patterns:
        names = fnmatch.filter(by_name, pattern)
        if not names:
            raise NotUpdatableError(_unknown(pattern, by_name, program))
        found.update(names)
    return [layer for layer in layers if layer.name in found]


def layers_with_kernels(program: Program) -> list[KerasLayer]:
    """Return the Keras layers that convolve or multiply by a kernel, in the order they run."""
    weighted = (op.layer for op in program.ops if op.kind in ("conv", "conv_transpose", "matmul"))
    return list(dict.fromkeys(layer for layer in weighted if layer is not None and layer.kernels))


def _unknown(pattern: str, known: Mapping[str, KerasLayer], program: Program) -> str:
    running = {op.layer.name: op.layer for op in program.ops if op.layer}
    owners = {weight.owner.name: weight.owner for weight in program.weights.values()}
    choice = f"layers with weights: {', '.join(known) or 'none'}"
    if pattern in running:
        return f"{running[pattern]} has no kernel that Core ML could update; {choice}"
    if pattern in owners:
        return f"{owners[pattern]} does not contribute to the output that is trained; {choice}"
    near = difflib.get_close_matches(pattern, known, n=3)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return f"no layer is called '{pattern}'{hint}; {choice}"


def candidates(net: Net, loss_input: str) -> list[Candidate]:
    """Return every Keras layer with a kernel; from `loss_input` a gradient reaches it or not."""
    obstacles = _obstacles(net.builder.nn_spec.layers, loss_input)
    by_layer: dict[KerasLayer, list[str]] = {}
    for name, weighted in net.weighted.items():
        by_layer.setdefault(weighted.keras, []).append(name)
    return [_candidate(net, layer, names, obstacles) for layer, names in by_layer.items()]


def _candidate(
    net: Net, layer: KerasLayer, names: list[str], obstacles: Mapping[str, Message | None]
) -> Candidate:
    specs = [net.builder.layer_specs[name] for name in names]
    kinds = tuple(spec.WhichOneof("layer") for spec in specs)
    reason = None
    if len(names) > max(1, len(layer.kernels)):
        reason = "is used in several places, which would learn apart from each other"
    elif any(spec.convolution.isDeconvolution for spec in specs if spec.HasField("convolution")):
        reason = "is a transposed convolution, which is not known to learn on any device"
    elif any(name not in obstacles for name in names):
        reason = "does not contribute to the output that is trained"
    else:
        between = next((obstacles[name] for name in names if obstacles[name] is not None), None)
        if between is not None:
            reason = (
                "cannot be reached by the gradient: "
                f"{_describe(net, between)} stands between it and the loss"
            )
    return Candidate(layer, kinds, reason)


def _describe(net: Net, spec: Message) -> str:
    kind = spec.WhichOneof("layer")
    if kind == "activation":
        kind = spec.activation.WhichOneof("NonlinearityType")
    origin = net.origin.get(spec.name)
    where = str(origin) if origin else f"'{spec.name}'"
    return f"{where}, in Core ML '{kind}',"


def _obstacles(layers: Sequence[Message], loss_input: str) -> dict[str, Message | None]:
    """Return for every layer upstream of the loss what stands between it and the loss, or None."""
    waiting: dict[str, list[Message | None]] = {loss_input: [None]}
    found: dict[str, Message | None] = {}
    for layer in reversed(layers):
        beyond = [entry for blob in layer.output for entry in waiting.get(blob, ())]
        if not beyond:
            continue
        found[layer.name] = next((entry for entry in beyond if entry is not None), None)
        passes = _passes(layer, at_loss=loss_input in layer.output)
        behind = found[layer.name] if passes else found[layer.name] or layer
        for blob in layer.input:
            waiting.setdefault(blob, []).append(behind)
    return found


def _passes(layer: Message, *, at_loss: bool) -> bool:
    kind = layer.WhichOneof("layer")
    if kind == "activation":
        return layer.activation.WhichOneof("NonlinearityType") in PASSING_ACTIVATIONS
    if kind == "convolution" and layer.convolution.isDeconvolution:
        return False
    return kind in PASSING or (kind == "softmax" and at_loss)


def default_choice(found: Iterable[Candidate]) -> list[KerasLayer]:
    """Return the layers to update if the user names none: all dense ones that can learn.

    Dense tails are the lowest risk on devices (https://github.com/apple/coremltools/issues/490).
    Where there is none, the last convolution that can learn.

    Raises:
        NotUpdatableError: no layer can learn.
    """
    able = [candidate for candidate in found if candidate.reason is None]
    dense = [candidate.layer for candidate in able if "innerProduct" in candidate.kinds]
    if able:
        return dense or [able[-1].layer]
    reasons = "; ".join(f"{c.layer} {c.reason}" for c in found) or "it has no layer with a kernel"
    raise NotUpdatableError(f"no layer of this model can learn on the device: {reasons}")


def check_choice(found: Sequence[Candidate], chosen: Collection[KerasLayer]) -> None:
    """Check that every chosen layer can learn.

    Raises:
        NotUpdatableError: one cannot; the message says why, and which layers could be chosen.
    """
    able = ", ".join(c.layer.name for c in found if c.reason is None) or "none"
    by_layer = {candidate.layer: candidate for candidate in found}
    for layer in chosen:
        candidate = by_layer.get(layer)
        reason = candidate.reason if candidate else "did not become a layer with weights in Core ML"
        if reason:
            raise NotUpdatableError(f"{layer} {reason}; layers that can be chosen: {able}")
