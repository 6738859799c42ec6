"""Normalizations that TensorFlow spells out in arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.trace.matching import (
    Producers,
    made_by,
    negated,
    number_and_value,
)
from converter.trace.program import Op, Operand, Ref


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
    total = made_by(op.inputs["x"], "add", producers)
    product = total and made_by(total.inputs["x"], "mul", producers)
    opened = product and made_by(product.inputs["x"], "reshape", producers)
    if not (total and product and opened) or opened.ref("x").shape != op.output.shape:
        return None
    root, gamma = _factor(product.inputs["y"], "rsqrt", producers)
    moved, beta = _summand(total.inputs["y"], "mul", producers)
    mean = negated(moved.inputs["x"], producers) if moved else None
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
    grown = made_by(root.inputs["x"], "add", producers)
    epsilon, variance = number_and_value(grown) if grown else (None, None)
    means, variances = (made_by(v, "reduce_mean", producers) for v in (mean, variance))
    squares = variances and made_by(variances.inputs["x"], "square", producers)
    centred = squares and made_by(squares.inputs["x"], "sub", producers)
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
    made = made_by(operand, kind, producers)
    whole = None if made else made_by(operand, joint, producers)
    if whole is None:
        return made, None
    return made_by(whole.inputs["x"], kind, producers), whole.inputs["y"]
