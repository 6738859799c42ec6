"""Recognise in the traced program what one Core ML layer can say.

TensorFlow spells out some Keras layers in arithmetic. Each pattern below looks at one operation
and, if it ends such a spelling, returns the single operation that means the same; what it replaces
becomes dead. A pattern that is unsure returns None: the arithmetic itself is lowered instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from converter.trace.piecewise import chosen_lines, larger_or_smaller
from converter.trace.program import Op, Operand, Program, Ref, without_dead_ops
from converter.trace.reorder import gathered

Producers = Mapping[str, Op]
Pattern = Callable[[Op, Producers], "Op | None"]


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


def elu_with_alpha(op: Op, producers: Producers) -> Op | None:
    """ELU(alpha).

    Given::

        y = elu(x, 1)
        z = select(greater(x, 0), y, mul(alpha, y))

    Result::

        z = elu(x, alpha)
    """
    y = _made_by(op.inputs.get("a"), "elu", producers)
    scaled = _made_by(op.inputs.get("b"), "mul", producers)
    above = _compared(op, 0.0, producers)
    if not (y and scaled and above) or y.const("alpha") != 1:
        return None
    alpha, value = _number_and_value(scaled)
    if alpha is None or value != y.output or y.ref("x") != above:
        return None
    return replace(op, kind="elu", inputs={"x": above, "alpha": np.float32(alpha)})


def spelled_elu(op: Op, producers: Producers) -> Op | None:
    """ELU, written out.

    Given::

        z = select(greater(x, 0), x, mul(alpha, sub(exp(x), 1)))

    Result::

        z = elu(x, alpha)
    """
    x, alpha, below = _compared(op, 0.0, producers), 1.0, op.inputs["b"]
    scaled = _made_by(below, "mul", producers)
    if scaled:
        number, value = _number_and_value(scaled)
        alpha, below = number or 0.0, value or below
    less = _made_by(below, "sub", producers)
    power = less and _made_by(less.inputs["x"], "exp", producers)
    if not (x and alpha and less and power) or _number(less.inputs["y"]) != 1:
        return None
    if not (_is(op.inputs["a"], x) and _is(power.inputs["x"], x)):
        return None
    return replace(op, kind="elu", inputs={"x": x, "alpha": np.float32(alpha)})


def finite(op: Op, producers: Producers) -> Op | None:
    """A guard against infinity, as in log(sum(exp(x))): finite values stay as they are.

    Given, with a number beyond which half precision has none::

        z = select(not_equal(x, add(x, 65504)), x, 0)

    Result::

        z = identity(x)
    """
    cond = _made_by(op.inputs["cond"], "not_equal", producers)
    beyond = cond and _made_by(cond.inputs["y"], "add", producers)
    x = op.inputs["a"]
    if not (cond and beyond) or not isinstance(x, Ref) or _number(op.inputs["b"]) != 0:
        return None
    number, value = _number_and_value(beyond)
    if value != x or not _is(cond.inputs["x"], x) or number is None or number < 65504:
        return None
    return replace(op, kind="identity", inputs={"x": x})


def thresholded_relu(op: Op, producers: Producers) -> Op | None:
    """ReLU(threshold=t).

    Given::

        z = select(greater(x, t), x, 0)

    Result::

        z = thresholded_relu(x, t)
    """
    cond = _made_by(op.inputs.get("cond"), "greater", producers)
    zero = op.inputs.get("b")
    if cond is None or isinstance(zero, (Ref, str, tuple)) or np.any(zero):
        return None
    threshold, value = _number(cond.inputs["y"]), cond.inputs["x"]
    if threshold is None or not isinstance(value, Ref) or not _is(op.inputs["a"], value):
        return None
    return replace(op, kind="thresholded_relu", inputs={"x": value, "alpha": np.float32(threshold)})


def masked_relu(op: Op, producers: Producers) -> Op | None:
    """ReLU(threshold=t) of Keras before 3.15.

    Given::

        z = mul(x, cast(greater(x, t)))

    Result::

        z = thresholded_relu(x, t)
    """
    mask = _made_by(op.inputs["y"], "greater", producers)
    threshold = _number(mask.inputs["y"]) if mask else None
    if mask is None or threshold is None or mask.inputs["x"] != op.inputs["x"]:
        return None
    inputs = {"x": op.ref("x"), "alpha": np.float32(threshold)}
    return replace(op, kind="thresholded_relu", inputs=inputs)


def parametric_relu(op: Op, producers: Producers) -> Op | None:
    """PReLU.

    Given::

        z = add(relu(x), mul(mul(alpha, -1), relu(mul(x, -1))))

    Result::

        z = prelu(x, alpha)
    """
    positive = _made_by(op.inputs["x"], "relu", producers)
    product = _made_by(op.inputs["y"], "mul", producers)
    if not (positive and product):
        return None
    slope = _negated(product.inputs["x"], producers)
    negative = _made_by(product.inputs["y"], "relu", producers)
    if slope is None or negative is None or any(n != 1 for n in slope.shape[:-1]):
        return None  # a slope per pixel stays arithmetic: Core ML has one per channel
    if _negated(negative.inputs["x"], producers) != positive.ref("x"):
        return None
    return replace(op, kind="prelu", inputs={"x": positive.inputs["x"], "alpha": slope})


def hard_sigmoid(op: Op, producers: Producers) -> Op | None:
    """Hard sigmoid.

    Given::

        z = mul(relu6(add(x, b)), 1 / 6)

    Result::

        z = sigmoid_hard(x, alpha=1 / 6, beta=b / 6)
    """
    scale, value = _number_and_value(op)
    if op.kind == "real_div":
        scale = 1 / scale if scale and op.inputs["x"] is value else None
    clipped = _made_by(value, "relu6", producers)
    shifted = clipped and _made_by(clipped.inputs["x"], "add", producers)
    if scale is None or shifted is None or not np.isclose(scale, 1 / 6):
        return None
    shift, x = _number_and_value(shifted)
    if shift is None or x is None:
        return None
    alpha, beta = np.float32(scale), np.float32(shift * scale)
    return replace(op, kind="sigmoid_hard", inputs={"x": x, "alpha": alpha, "beta": beta})


def exact_gelu(op: Op, producers: Producers) -> Op | None:
    """GELU, not approximated.

    Given::

        z = mul(mul(0.5, x), sub(1, erf(mul(mul(x, -1), sqrt(0.5)))))

    Result::

        z = gelu(x)
    """
    half = _made_by(op.inputs["x"], "mul", producers)
    tail = _made_by(op.inputs["y"], "sub", producers)
    erf = tail and _made_by(tail.inputs["y"], "erf", producers)
    scaled = erf and _made_by(erf.inputs["x"], "mul", producers)
    if not (half and tail and scaled) or _number(tail.inputs["x"]) != 1:
        return None
    factor, x = _number_and_value(half)
    root, minus = _number_and_value(scaled)
    if factor != 0.5 or root is None or minus is None or not np.isclose(root, np.sqrt(0.5)):
        return None
    if x is None or _negated(minus, producers) != x:
        return None
    return replace(op, kind="gelu", inputs={"x": x})


def repeated_pixels(op: Op, producers: Producers) -> Op | None:
    """UpSampling by repetition.

    Given::

        z = reshape(tile(expand_dims(x, [i + 1]), [.., 1, n, 1, ..]))    # merges axes i and i + 1

    Result::

        z = upsample_nearest_neighbor(x)
    """
    tiled = _made_by(op.inputs["x"], "tile", producers)
    opened = tiled and _made_by(tiled.inputs["x"], "expand_dims", producers)
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
    first = _made_by(x, "upsample_nearest_neighbor", producers)
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
    product = _made_by(op.inputs["x"], "matmul", producers)
    flat = product and _made_by(product.inputs["x"], "reshape", producers)
    if not (product and flat) or product.const("transpose_x", False):
        return None
    x = flat.ref("x")
    same_pixels = op.output.shape[:-1] == x.shape[:-1] and flat.output.shape[-1] == x.shape[-1]
    if not same_pixels or op.output.shape[-1] != product.output.shape[-1]:
        return None
    return replace(op, kind="matmul", inputs={**product.inputs, "x": x}, layer=product.layer)


def group_normalization(op: Op, producers: Producers) -> Op | None:
    """GroupNormalization.

    Given, gamma and beta being optional::

        g = reshape(x)  # splits an axis into groups and the rest
        m = reduce_mean(g)  # over all axes but batch and groups
        r = mul(rsqrt(reduce_mean(square(sub(g, m))) + epsilon), gamma)
        z = reshape(add(mul(g, r), add(mul(mul(m, -1), r), beta)))

    Result::

        z = group_norm(x, axis, groups, epsilon, gamma, beta)
    """
    total = _made_by(op.inputs["x"], "add", producers)
    product = total and _made_by(total.inputs["x"], "mul", producers)
    opened = product and _made_by(product.inputs["x"], "reshape", producers)
    if not (total and product and opened) or opened.ref("x").shape != op.output.shape:
        return None
    root, gamma = _factor(product.inputs["y"], "rsqrt", producers)
    moved, beta = _summand(total.inputs["y"], "mul", producers)
    mean = _negated(moved.inputs["x"], producers) if moved else None
    if not (root and moved and mean) or moved.inputs["y"] != product.inputs["y"]:
        return None
    found = _statistics(root, opened.output, mean, producers)
    if found is None:
        return None
    axis, epsilon = found
    inputs: dict[str, Operand] = {"x": opened.ref("x"), "axis": np.asarray(axis)}
    inputs |= {"groups": np.asarray(opened.output.shape[axis]), "epsilon": np.asarray(epsilon)}
    if gamma is not None:
        inputs["gamma"] = gamma
    if beta is not None:
        inputs["beta"] = beta
    return replace(op, kind="group_norm", inputs=inputs)


def _statistics(root: Op, value: Ref, mean: Ref, producers: Producers) -> tuple[int, float] | None:
    """Return which axis of `value` is kept by its `mean` and variance, and the epsilon.

    `root` is one over the root of the variance. None if they are not the statistics of `value`.
    """
    grown = _made_by(root.inputs["x"], "add", producers)
    epsilon, variance = _number_and_value(grown) if grown else (None, None)
    means, variances = (_made_by(v, "reduce_mean", producers) for v in (mean, variance))
    squares = variances and _made_by(variances.inputs["x"], "square", producers)
    centred = squares and _made_by(squares.inputs["x"], "sub", producers)
    if not (means and variances and centred) or epsilon is None:
        return None
    if (centred.inputs["x"], centred.inputs["y"]) != (value, mean) or means.inputs["x"] != value:
        return None
    rank = len(value.shape)
    kept = {*range(1, rank)} - {axis % rank for axis in means.const("axes")}
    same_axes = variances.const("axes") == means.const("axes")
    return (kept.pop(), epsilon) if len(kept) == 1 and same_axes else None


def _summand(operand: Operand, kind: str, producers: Producers) -> tuple[Op | None, Operand | None]:
    """Return the operation of `kind` that makes `operand`, and what is added to it."""
    return _with(operand, "add", kind, producers)


def _factor(operand: Operand, kind: str, producers: Producers) -> tuple[Op | None, Operand | None]:
    """Return the operation of `kind` that makes `operand`, and what it is multiplied with."""
    return _with(operand, "mul", kind, producers)


def _with(
    operand: Operand, joint: str, kind: str, producers: Producers
) -> tuple[Op | None, Operand | None]:
    made = _made_by(operand, kind, producers)
    whole = None if made else _made_by(operand, joint, producers)
    if whole is None:
        return made, None
    return _made_by(whole.inputs["x"], kind, producers), whole.inputs["y"]


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


def _made_by(operand: Operand | None, kind: str, producers: Producers) -> Op | None:
    """Return the operation of `kind` that makes `operand`, or None."""
    op = producers.get(operand.name) if isinstance(operand, Ref) else None
    return op if op and op.kind == kind else None


def _is(operand: Operand, value: Ref) -> bool:
    """Return whether `operand` is `value`; constants are arrays, which compare by element."""
    return isinstance(operand, Ref) and operand == value


def _number(operand: Operand | None) -> float | None:
    """Return a constant of one element as a number, or None."""
    if operand is None or isinstance(operand, (Ref, str, tuple)) or np.size(operand) != 1:
        return None
    return float(np.reshape(operand, ()))


def _number_and_value(op: Op) -> tuple[float | None, Ref | None]:
    """Return the number and the value of a binary operation, in whichever order they stand."""
    for number, value in (("x", "y"), ("y", "x")):
        other = op.inputs[value]
        if _number(op.inputs[number]) is not None and isinstance(other, Ref):
            return _number(op.inputs[number]), other
    return None, None


def _negated(operand: Operand, producers: Producers) -> Ref | None:
    """Return what `operand` is the negative of, or None."""
    product = _made_by(operand, "mul", producers)
    number, value = _number_and_value(product) if product else (None, None)
    return value if number == -1 else None


def _compared(op: Op, number: float, producers: Producers) -> Ref | None:
    """Return the value that the condition of a ``select`` compares with `number`, or None."""
    cond = _made_by(op.inputs.get("cond"), "greater", producers)
    if cond is None or _number(cond.inputs["y"]) != number:
        return None
    return cond.ref("x")
