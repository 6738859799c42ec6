"""Traced program -> Core ML neural network in the classic form, through the table of emitters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from converter.backend.coremltools import NeuralNetworkBuilder, datatypes
from converter.coreml.interface import Interface
from converter.errors import UnsupportedError
from converter.lower.blob import Blob
from converter.lower.emit import EMITTERS, ON_FACTORS
from converter.lower.factored import Factored
from converter.lower.net import Net
from converter.trace.piecewise import CONDITIONS
from converter.trace.program import AXES, GRAY_AXES, KerasLayer, Op, Program, Ref

CHOICES = {"select", *CONDITIONS}
"""Operations of which nothing is left where a choice can be expressed."""


@dataclass(frozen=True)
class Lowered:
    """The network, the blobs of the model's inputs in order, and the blob of its output."""

    net: Net
    inputs: tuple[Blob, ...]
    output: Blob


def lower(
    program: Program, interface: Interface, updatable: Collection[KerasLayer] = ()
) -> Lowered:
    """Return the network for `program`, its weights still unbound (see `Weighted.bind`).

    `updatable` are the Keras layers that will learn: nothing frozen below is folded into them.

    Raises:
        UnsupportedError: an operation has no counterpart; the message names the Keras layer.
    """
    inputs = tuple(
        input_blob(name, ref, program, interface)
        for name, ref in zip(interface.inputs, program.inputs, strict=True)
    )
    features = [(blob.name, datatypes.Array(*interface_shape(blob))) for blob in inputs]
    builder = NeuralNetworkBuilder(
        features, [(interface.output, None)], "classifier" if interface.labels else None,
        use_float_arraytype=True,
    )  # fmt: skip
    net = Net(program, builder, updatable, interface.names)
    for ref, blob in zip(program.inputs, inputs, strict=True):
        net.store(ref, blob)
    (output,) = program.outputs
    if not program.ops or net.values.is_constant(output):
        raise UnsupportedError("the model's output does not depend on its input")
    for op in program.ops:
        if not net.values.is_constant(op.output):
            _emit(op, net)
    last = Op("output", {"x": output}, (output,), program.ops[-1].layer)
    _refuse_factors(last, net)
    blob = net.pending(output)
    axes = _output_axes(blob)
    if axes:
        blob = net.with_axes(last, blob, axes)
    return Lowered(net, inputs, net.settled(last, blob))


def _output_axes(blob: Blob) -> str | None:
    """Return the letters that Keras's axes shall have; a vector may lie along any of them."""
    axes = AXES.get(len(blob.axes))
    if axes is None or blob.chw[1:] != (1, 1) or blob.channels == 1:
        return axes
    letters, lies, usual = list(axes), blob.axes.index("C"), axes.index("C")
    letters[lies], letters[usual] = letters[usual], letters[lies]
    return "".join(letters)


def interface_shape(blob: Blob) -> tuple[int, ...]:
    """Return the shape that a model declares: ``[C]`` for a vector, else ``[C, H, W]``."""
    return (blob.channels,) if "H" not in blob.axes and "W" not in blob.axes else blob.chw


def input_blob(name: str, ref: Ref, program: Program, interface: Interface) -> Blob:
    """Return the blob `name` for the input `ref` of `program`.

    Raises:
        UnsupportedError: it has more axes than images.
    """
    rank = len(ref.shape)
    if rank not in AXES:
        raise UnsupportedError(
            f"the model's input has the shape {ref.shape[1:]}; Core ML's classic networks take "
            "vectors, signals [steps, channels] and images [height, width, channels]"
        )
    gray = interface.image or _gains_channel_axis(ref, program)
    axes = GRAY_AXES if rank == 3 and gray else AXES[rank]
    sizes = dict(zip(axes, ref.shape, strict=True))
    return Blob(name, axes, (sizes.get("C", 1), sizes.get("H", 1), sizes.get("W", 1)))


def _gains_channel_axis(ref: Ref, program: Program) -> bool:
    """Return whether the model makes gray images ``[H, W]`` into ``[H, W, 1]`` first."""
    readers = [op for op in program.ops if any(r.name == ref.name for r in op.refs())]
    return all(
        op.kind in ("reshape", "expand_dims") and op.output.shape == (*ref.shape, 1)
        for op in readers
    )


def _emit(op: Op, net: Net) -> None:
    emitter = EMITTERS.get(op.kind)
    if emitter is None and op.kind in CHOICES:
        net.refuse(
            op, "compares values; Core ML's classic layers choose only between straight lines of "
            "one value, as in where(x > 0, x, 0.1 * x), or the larger or smaller of two",
        )  # fmt: skip
    if emitter is None:
        net.refuse(
            op, f"needs '{op.kind}', which Core ML's classic layers cannot express; "
            "replace the layer before converting",
        )  # fmt: skip
    if op.kind not in ON_FACTORS:
        _refuse_factors(op, net)
    made = emitter(op, net)
    for ref, blob in zip(op.outputs, made if isinstance(made, tuple) else (made,), strict=True):
        if blob.shape != ref.shape:
            raise AssertionError(
                f"{op.kind} of {op.layer} made {blob.shape} where {ref.shape} was promised"
            )
        net.store(ref, blob)


def _refuse_factors(op: Op, net: Net) -> None:
    for ref in op.refs():
        if not net.values.is_constant(ref) and isinstance(net.value(ref), Factored):
            net.refuse(
                op, f"works on a value of the shape {ref.shape}, which blobs cannot express; "
                "only reshapes and transposes can",
            )  # fmt: skip
