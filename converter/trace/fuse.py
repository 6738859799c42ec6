"""Recognise in the traced program what one Core ML layer can say.

TensorFlow spells out some Keras layers in arithmetic. Each pattern in `PATTERNS` looks at one
operation and, if it ends such a spelling, returns the single operation that means the same; what it
replaces becomes dead. A pattern that is unsure returns None: the arithmetic itself is lowered.
"""

from __future__ import annotations

from dataclasses import replace

from converter.trace.activations import (
    elu_with_alpha,
    exact_gelu,
    finite,
    hard_sigmoid,
    masked_relu,
    parametric_relu,
    spelled_elu,
    thresholded_relu,
)
from converter.trace.matching import Pattern, Producers, made_by
from converter.trace.normalizations import group_normalization
from converter.trace.piecewise import chosen_lines, larger_or_smaller
from converter.trace.program import Op, Operand, Program, Ref, without_dead_ops
from converter.trace.reorder import gathered


def fuse(program: Program) -> Program:
    """Return `program` with the patterns of `PATTERNS` applied from inputs to outputs."""
    program = without_copies(program)
    producers: dict[str, Op] = {}
    ops = []
    for op in program.ops:
        found = (pattern(op, producers) for pattern in PATTERNS.get(op.kind, ()))
        fused = next((one for one in found if one is not None), op)
        ops.append(fused)
        producers.update((ref.name, fused) for ref in fused.outputs)
    return without_dead_ops(replace(program, ops=tuple(ops)))


def without_copies(program: Program) -> Program:
    """Return `program` with values that are copies, or casts between float types, read directly."""
    source: dict[str, Ref] = {}

    def direct(operand: Operand) -> Operand:
        if isinstance(operand, tuple):
            return tuple(direct(part) for part in operand)  # type: ignore[misc]
        return source.get(operand.name, operand) if isinstance(operand, Ref) else operand

    ops = []
    for op in program.ops:
        op = replace(op, inputs={name: direct(value) for name, value in op.inputs.items()})
        if op.kind in ("identity", "cast") and isinstance(op.inputs["x"], Ref):
            source[op.output.name] = op.ref("x")
        else:
            ops.append(op)
    outputs = tuple(source.get(ref.name, ref) for ref in program.outputs)
    return replace(program, ops=tuple(ops), outputs=outputs)


def repeated_pixels(op: Op, producers: Producers) -> Op | None:
    """UpSampling by repetition.

    Given::

        z = reshape(tile(expand_dims(x, [i + 1]), [.., 1, n, 1, ..]))    # merges axes i and i + 1

    Result::

        z = upsample_nearest_neighbor(x)
    """
    tiled = made_by(op.inputs["x"], "tile", producers)
    opened = tiled and made_by(tiled.inputs["x"], "expand_dims", producers)
    if not (tiled and opened):
        return None
    x, axes, repeats = opened.ref("x"), opened.const("axes"), tiled.const("reps")
    if len(axes) != 1 or repeats is None or len(x.shape) not in (3, 4):
        return None
    axis = axes[0] % len(opened.output.shape) - 1
    grown = [n * (repeats[axis + 1] if i == axis else 1) for i, n in enumerate(x.shape)]
    others = [n for i, n in enumerate(repeats) if i != axis + 1]
    spatial = 1 <= axis < len(x.shape) - 1
    if not spatial or any(n != 1 for n in others) or tuple(grown) != op.output.shape:
        return None
    first = made_by(x, "upsample_nearest_neighbor", producers)
    return replace(
        op, kind="upsample_nearest_neighbor", inputs={"x": first.ref("x") if first else x}
    )


def dense_over_pixels(op: Op, producers: Producers) -> Op | None:
    """Dense over the channels of an image.

    Given::

        z = reshape(matmul(reshape(x, [pixels, channels]), w))

    Result::

        z = matmul(x, w)
    """
    product = made_by(op.inputs["x"], "matmul", producers)
    flat = product and made_by(product.inputs["x"], "reshape", producers)
    if not (product and flat) or product.const("transpose_x", False):
        return None
    x = flat.ref("x")
    same_pixels = op.output.shape[:-1] == x.shape[:-1] and flat.output.shape[-1] == x.shape[-1]
    if not same_pixels or op.output.shape[-1] != product.output.shape[-1]:
        return None
    return replace(op, kind="matmul", inputs={**product.inputs, "x": x}, layer=product.layer)


PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "add": (parametric_relu,),
    "concat": (gathered,),
    "mul": (hard_sigmoid, exact_gelu, masked_relu, chosen_lines),
    "real_div": (hard_sigmoid,),
    "reshape": (repeated_pixels, dense_over_pixels, group_normalization),
    "reverse": (gathered,),
    "select": (
        elu_with_alpha, spelled_elu, finite, thresholded_relu, larger_or_smaller, chosen_lines,
    ),
    "slice_by_index": (gathered,),
    "stack": (gathered,),
}  # fmt: skip
"""Kind of the last operation of a spelling -> the patterns that may end there."""
