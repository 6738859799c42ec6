"""Which layers can learn on the device: those from which a gradient reaches the loss.

Through which layers devices carry a gradient stands in `coreml.kinds`; here it is asked of the
network that the Keras model became.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from converter.coreml.gradient import Gradient
from converter.coreml.kinds import kind_of
from converter.coreml.mlmodel import Message
from converter.errors import NotUpdatableError
from converter.lower.net import Net
from converter.trace.program import KerasLayer, Program


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
        names = _matching(pattern, by_name)
        if not names:
            raise NotUpdatableError(_unknown(pattern, by_name, program))
        found.update(names)
    return [layer for layer in layers if layer.name in found]


def layers_with_kernels(program: Program) -> list[KerasLayer]:
    """Return the Keras layers that convolve or multiply by a kernel, in the order they run."""
    weighted = (op.layer for op in program.ops if op.kind in ("conv", "conv_transpose", "matmul"))
    return list(dict.fromkeys(layer for layer in weighted if layer is not None and layer.kernels))


def _matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that `pattern` selects: the layer with that very name, else by the glob."""
    names = list(names)
    return [pattern] if pattern in names else [n for n in names if fnmatch.fnmatchcase(n, pattern)]


def _unknown(pattern: str, known: Mapping[str, KerasLayer], program: Program) -> str:
    running = {op.layer.name: op.layer for op in program.ops if op.layer}
    layers = {layer.name: layer for layer in program.layers}
    owners = {weight.owner.name: weight.owner for weight in program.weights.values()}
    choice = f"layers with weights: {', '.join(known) or 'none'}"
    if pattern in running:
        return f"{running[pattern]} has no kernel that Core ML could update; {choice}"
    if pattern in owners:
        return f"{owners[pattern]} does not contribute to the output that is trained; {choice}"
    idle = [str(layers[name]) for name in _matching(pattern, layers) if name not in running]
    if idle:
        verb = "have" if len(idle) > 1 else "has"
        return f"{', '.join(idle)} {verb} no weights, so there is nothing to learn; {choice}"
    near = difflib.get_close_matches(pattern, known, n=3)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return f"no layer is called '{pattern}'{hint}; {choice}"


def candidates(net: Net, loss_input: str) -> list[Candidate]:
    """Return every Keras layer with a kernel; from `loss_input` a gradient reaches it or not."""
    layers = list(net.builder.nn_spec.layers)
    # A softmax at the end is always trained with cross-entropy: `head.attach` allows nothing else.
    gradient = Gradient(layers, loss_input, crossentropy=True)
    obstacles = {
        layers[index].name: None if blocker is None else layers[blocker]
        for index, blocker in gradient.blockers().items()
    }
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
    origin = net.origin.get(spec.name)
    where = str(origin) if origin else f"'{spec.name}'"
    return f"{where}, in Core ML '{kind_of(spec)}',"


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


def barred(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the dense layers that `default_choice` leaves out because they cannot learn."""
    return tuple(c for c in found if c.reason is not None and "innerProduct" in c.kinds)


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
