"""The arithmetic that a model does on its pixels first, and how much of it an image input takes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.trace.program import Array, Op, Program, Ref


@dataclass(frozen=True)
class Leading:
    """``scale * x + bias`` in front of a model, one number per channel, and the program without."""

    scale: Array
    bias: Array
    program: Program


def leading_rescaling(program: Program) -> Leading | None:
    """Return the Rescaling and constant normalization that the only input goes through first.

    None if the model starts otherwise, or its input branches before.
    """
    if len(program.inputs) != 1 or not program.inputs[0].shape[1:]:
        return None
    channels = program.inputs[0].shape[-1]
    scale, bias = np.ones(channels), np.zeros(channels)
    value, uses, skipped = program.inputs[0], program.uses(), []
    while uses[value.name] == 1:
        op = next((op for op in program.ops if value in op.refs()), None)
        step = _step(op, value, channels) if op else None
        if op is None or step is None:
            break
        scale, bias = scale * step[0], bias * step[0] + step[1]
        skipped.append(op)
        value = op.output
    if not skipped:
        return None
    return Leading(scale, bias, _without(program, skipped, value))


def _step(op: Op, value: Ref, channels: int) -> tuple[Array, Array] | None:
    """Return the scale and the shift of one operation on `value`, or None if it is another."""
    if op.kind in ("identity", "cast"):
        return np.ones(channels), np.zeros(channels)
    x, y = op.inputs.get("x"), op.inputs.get("y")
    value_first = isinstance(x, Ref) and x == value
    constant = _per_channel(y if value_first else x, channels)
    if constant is None:
        return None
    zeros, ones = np.zeros(channels), np.ones(channels)
    match op.kind, value_first:
        case "add", _:
            return ones, constant
        case "mul", _:
            return constant, zeros
        case "sub", True:
            return ones, -constant
        case "sub", False:
            return -ones, constant
        case "real_div", True:
            return 1 / constant, zeros
    return None


def _per_channel(operand: object, channels: int) -> Array | None:
    if not isinstance(operand, np.ndarray) or operand.size not in (1, channels):
        return None
    if operand.size > 1 and operand.shape[-1] != channels:
        return None
    return np.broadcast_to(operand.astype(np.float64).ravel(), channels)


def _without(program: Program, skipped: list[Op], value: Ref) -> Program:
    """Return `program` with `value` replaced by the input it was computed from."""
    (source,) = program.inputs

    def renamed(op: Op) -> Op:
        inputs = {
            key: source if isinstance(operand, Ref) and operand == value else operand
            for key, operand in op.inputs.items()
        }
        return replace(op, inputs=inputs)

    ops = tuple(renamed(op) for op in program.ops if op not in skipped)
    return replace(program, ops=ops)
