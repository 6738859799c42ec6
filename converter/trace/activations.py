"""Activations that TensorFlow or a person spells out in arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.trace.matching import (
    Producers,
    compared,
    is_value,
    made_by,
    negated,
    number_and_value,
    number_of,
)
from converter.trace.program import Op, Ref


def elu_with_alpha(op: Op, producers: Producers) -> Op | None:
    """ELU(alpha).

    Given::

        y = elu(x, 1)
        z = select(greater(x, 0), y, mul(alpha, y))

    Result::

        z = elu(x, alpha)
    """
    y = made_by(op.inputs.get("a"), "elu", producers)
    scaled = made_by(op.inputs.get("b"), "mul", producers)
    above = compared(op, 0.0, producers)
    if not (y and scaled and above) or y.const("alpha") != 1:
        return None
    alpha, value = number_and_value(scaled)
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
    x, alpha, below = compared(op, 0.0, producers), 1.0, op.inputs["b"]
    scaled = made_by(below, "mul", producers)
    if scaled:
        number, value = number_and_value(scaled)
        alpha, below = number or 0.0, value or below
    less = made_by(below, "sub", producers)
    power = less and made_by(less.inputs["x"], "exp", producers)
    if not (x and alpha and less and power) or number_of(less.inputs["y"]) != 1:
        return None
    if not (is_value(op.inputs["a"], x) and is_value(power.inputs["x"], x)):
        return None
    return replace(op, kind="elu", inputs={"x": x, "alpha": np.float32(alpha)})


def finite(op: Op, producers: Producers) -> Op | None:
    """A guard against infinity, as in log(sum(exp(x))): finite values stay as they are.

    Given, with a number beyond which half precision has none::

        z = select(not_equal(x, add(x, 65504)), x, 0)

    Result::

        z = identity(x)
    """
    cond = made_by(op.inputs["cond"], "not_equal", producers)
    beyond = cond and made_by(cond.inputs["y"], "add", producers)
    x = op.inputs["a"]
    if not (cond and beyond) or not isinstance(x, Ref) or number_of(op.inputs["b"]) != 0:
        return None
    number, value = number_and_value(beyond)
    if value != x or not is_value(cond.inputs["x"], x) or number is None or number < 65504:
        return None
    return replace(op, kind="identity", inputs={"x": x})


def thresholded_relu(op: Op, producers: Producers) -> Op | None:
    """ReLU(threshold=t).

    Given::

        z = select(greater(x, t), x, 0)

    Result::

        z = thresholded_relu(x, t)
    """
    cond = made_by(op.inputs.get("cond"), "greater", producers)
    zero = op.inputs.get("b")
    if cond is None or isinstance(zero, (Ref, str, tuple)) or np.any(zero):
        return None
    threshold, value = number_of(cond.inputs["y"]), cond.inputs["x"]
    if threshold is None or not isinstance(value, Ref) or not is_value(op.inputs["a"], value):
        return None
    return replace(op, kind="thresholded_relu", inputs={"x": value, "alpha": np.float32(threshold)})


def masked_relu(op: Op, producers: Producers) -> Op | None:
    """ReLU(threshold=t) of Keras before 3.15.

    Given::

        z = mul(x, cast(greater(x, t)))

    Result::

        z = thresholded_relu(x, t)
    """
    mask = made_by(op.inputs["y"], "greater", producers)
    threshold = number_of(mask.inputs["y"]) if mask else None
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
    positive = made_by(op.inputs["x"], "relu", producers)
    product = made_by(op.inputs["y"], "mul", producers)
    if not (positive and product):
        return None
    slope = negated(product.inputs["x"], producers)
    negative = made_by(product.inputs["y"], "relu", producers)
    if slope is None or negative is None or any(n != 1 for n in slope.shape[:-1]):
        return None  # a slope per pixel stays arithmetic: Core ML has one per channel
    if negated(negative.inputs["x"], producers) != positive.ref("x"):
        return None
    return replace(op, kind="prelu", inputs={"x": positive.inputs["x"], "alpha": slope})


def hard_sigmoid(op: Op, producers: Producers) -> Op | None:
    """Hard sigmoid.

    Given::

        z = mul(relu6(add(x, b)), 1 / 6)

    Result::

        z = sigmoid_hard(x, alpha=1 / 6, beta=b / 6)
    """
    scale, value = number_and_value(op)
    if op.kind == "real_div":
        scale = 1 / scale if scale and op.inputs["x"] is value else None
    clipped = made_by(value, "relu6", producers)
    shifted = clipped and made_by(clipped.inputs["x"], "add", producers)
    if scale is None or shifted is None or not np.isclose(scale, 1 / 6):
        return None
    shift, x = number_and_value(shifted)
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
    half = made_by(op.inputs["x"], "mul", producers)
    tail = made_by(op.inputs["y"], "sub", producers)
    erf = tail and made_by(tail.inputs["y"], "erf", producers)
    scaled = erf and made_by(erf.inputs["x"], "mul", producers)
    if not (half and tail and scaled) or number_of(tail.inputs["x"]) != 1:
        return None
    factor, x = number_and_value(half)
    root, minus = number_and_value(scaled)
    if factor != 0.5 or root is None or minus is None or not np.isclose(root, np.sqrt(0.5)):
        return None
    if x is None or negated(minus, producers) != x:
        return None
    return replace(op, kind="gelu", inputs={"x": x})
