"""Operations on weights alone, evaluated in NumPy: transposes, reshapes, batch norm arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from converter.errors import UnsupportedError
from converter.trace.program import Array, Op, Operand
from converter.trace.slices import slices

Get = Callable[[Operand], Array]
"""Returns the array of an operand."""


def _binary(function: Any) -> Callable[[Op, Get], Array]:
    return lambda op, get: np.asarray(function(get(op.inputs["x"]), get(op.inputs["y"])))


def _unary(function: Any) -> Callable[[Op, Get], Array]:
    return lambda op, get: np.asarray(function(get(op.inputs["x"])))


def _reduction(function: Any) -> Callable[[Op, Get], Array]:
    def reduce(op: Op, get: Get) -> Array:
        axes = op.const("axes")
        result: Array = function(
            get(op.inputs["x"]),
            axis=None if axes is None else tuple(axes),
            keepdims=op.const("keep_dims", False),
        )
        return result

    return reduce


def _rsqrt(op: Op, get: Get) -> Array:
    return np.asarray(1 / np.sqrt(get(op.inputs["x"])))  # without coremltools' own epsilon


def _inverse(op: Op, get: Get) -> Array:
    return np.asarray(1 / get(op.inputs["x"]))  # without coremltools' own epsilon


def _transpose(op: Op, get: Get) -> Array:
    return np.asarray(get(op.inputs["x"]).transpose(op.const("perm")))


def _to_output_shape(op: Op, get: Get) -> Array:
    return get(op.inputs["x"]).reshape(op.output.shape)


def _gather(op: Op, get: Get) -> Array:
    return np.asarray(np.take(get(op.inputs["x"]), op.const("indices"), axis=op.const("axis", 0)))


def _same(op: Op, get: Get) -> Array:
    return get(op.inputs["x"])


def _concat(op: Op, get: Get) -> Array:
    values = op.inputs["values"]
    assert isinstance(values, tuple)
    return np.concatenate([get(value) for value in values], axis=op.const("axis"))


def _tile(op: Op, get: Get) -> Array:
    tiled: Array = np.tile(get(op.inputs["x"]), op.const("reps"))
    return tiled


def _matmul(op: Op, get: Get) -> Array:
    x, y = get(op.inputs["x"]), get(op.inputs["y"])
    x = x.swapaxes(-1, -2) if op.const("transpose_x", False) else x
    y = y.swapaxes(-1, -2) if op.const("transpose_y", False) else y
    return np.asarray(x @ y)


def _slice_by_index(op: Op, get: Get) -> Array:
    part: Array = get(op.inputs["x"])[slices(op)]
    return part


EVALUATORS: dict[str, Callable[[Op, Get], Array]] = {
    "abs": _unary(np.abs),
    "add": _binary(np.add),
    "cast": _same,  # weights are float32 here, whatever precision Keras computes in
    "concat": _concat,
    "exp": _unary(np.exp),
    "expand_dims": _to_output_shape,
    "gather": _gather,
    "identity": _same,
    "inverse": _inverse,
    "log": _unary(np.log),
    "matmul": _matmul,
    "maximum": _binary(np.maximum),
    "minimum": _binary(np.minimum),
    "mul": _binary(np.multiply),
    "pow": _binary(np.power),
    "real_div": _binary(np.divide),
    "reduce_max": _reduction(np.max),
    "reduce_mean": _reduction(np.mean),
    "reduce_sum": _reduction(np.sum),
    "reshape": _to_output_shape,
    "rsqrt": _rsqrt,
    "slice_by_index": _slice_by_index,
    "sqrt": _unary(np.sqrt),
    "square": _unary(np.square),
    "squeeze": _to_output_shape,
    "sub": _binary(np.subtract),
    "tanh": _unary(np.tanh),
    "tile": _tile,
    "transpose": _transpose,
}
"""MIL op -> what it is in NumPy."""


def evaluate(op: Op, get: Get) -> Array:
    """Return the value of `op`, all of whose inputs are constants.

    Raises:
        UnsupportedError: the operation is not in the table.
    """
    if op.kind not in EVALUATORS:
        where = str(op.layer) if op.layer else "the model"
        raise UnsupportedError(
            f"{where}: computes '{op.kind}' on its weights, which is unknown here"
        )
    return EVALUATORS[op.kind](op, get)
