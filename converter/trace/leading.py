"""The arithmetic that a model does on its pixels first, and how much of it an image input takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from converter.trace.program import Array, KerasLayer, Op, Operand, Program, Ref

Constant = Callable[[Operand], "Array | None"]
"""Returns the value of an operand that depends on weights alone, None of another one."""

ARITHMETIC = ("add", "mul", "sub", "real_div")
"""Operations that scale or shift by a constant."""


@dataclass(frozen=True)
class Leading:
    """What comes first in a model: ``scale * x + bias``, then channels in the `order`.

    `scale` and `bias` have one number per channel of the input; channel i afterwards is channel
    ``order[i]`` before. `whole` is the model with all this, `program` without, `unscaled` without
    the arithmetic only. `far_scale` and `far_bias` are what reaches the first other layer, if
    resizing, cropping and padding, which stay in the model, stand between steps of the arithmetic;
    `layer` takes the first of these steps.
    """

    scale: Array
    bias: Array
    order: tuple[int, ...]
    whole: Program
    program: Program
    unscaled: Program
    far_scale: Array
    far_bias: Array
    layer: KerasLayer | None

    @property
    def is_reversed(self) -> bool:
        """Whether the channels, more than one, are turned around."""
        return len(self.order) > 1 and list(self.order) == sorted(self.order, reverse=True)

    @property
    def is_arithmetic(self) -> bool:
        """Whether anything is computed, not only reordered, before the first other step."""
        return bool(np.any(self.scale != 1) or np.any(self.bias != 0))

    @property
    def is_uniform(self) -> bool:
        """Whether all channels have the same scale, as an image input wants it."""
        return bool(np.all(self.scale == self.scale[0]))


@dataclass
class _Chain:
    """What has happened to the input on its way to `value`; `axis` is where its channels are."""

    value: Ref
    axis: int
    scale: Array
    bias: Array
    order: Array

    def follow(self, op: Op, constant: Constant) -> bool:
        """Take the step `op`, or return False if it is neither arithmetic nor a reordering."""
        size = len(self.order)
        if op.kind == "gather":
            indices = constant(op.inputs["indices"])
            axis = op.const("axis", 0) % len(self.value.shape)
            if (
                indices is None
                or axis != self.axis
                or len(op.output.shape) != len(op.ref("x").shape)
            ):
                return False
            indices = indices % size
            if sorted(indices) != list(range(size)):
                return False
            self.order = self.order[indices]
        elif op.kind not in ("identity", "cast"):
            step = _step(op, self, constant)
            if step is None:
                return False
            scale, bias = (np.empty(size), np.empty(size))
            scale[self.order], bias[self.order] = step
            self.scale, self.bias = self.scale * scale, self.bias * scale + bias
        self.value = op.output
        return True

    def pass_by(self, op: Op, constant: Constant) -> bool:
        """Pass a step that moves pixels only, or return False if it does something else."""
        shape, made = self.value.shape, op.output.shape
        match op.kind:
            case "transpose":
                self.axis = op.const("perm").index(self.axis)
            case "reshape" | "expand_dims" | "squeeze" if len(self.order) == 1:
                if np.prod(made) != np.prod(shape):
                    return False
                self.axis = len(made) - 1
            case "pad" | "slice_by_index" | "upsample_nearest_neighbor" | "gather":
                if len(made) != len(shape) or made[self.axis] != shape[self.axis]:
                    return False
            case "matmul":  # a resize is two products with constants that keep what is even
                matrix = constant(op.inputs["y"])
                across = self.axis != len(shape) - 1
                if matrix is None or not across or matrix.ndim != 2:
                    return False
                inner = 1 if op.const("transpose_y", False) else 0
                if not np.allclose(matrix.sum(inner), 1, atol=1e-5):
                    return False
            case _:
                return False
        self.value = op.output
        return True


def leading_arithmetic(program: Program, constant: Constant, gray: bool) -> Leading | None:
    """Return the scaling, normalization and reordering that the only input goes through first.

    `gray` says that an input of two axes is an image ``[H, W]`` of one channel. None if the model
    has several inputs, or none with channels.
    """
    if len(program.inputs) != 1 or not program.inputs[0].shape[1:]:
        return None
    (source,) = program.inputs
    channels = 1 if gray and len(source.shape) == 3 else source.shape[-1]
    chain = _Chain(
        source, len(source.shape) - 1, np.ones(channels), np.zeros(channels), np.arange(channels)
    )
    readers = _only_readers(program)
    skipped: list[Op] = []
    while (op := readers.get(chain.value.name)) and chain.follow(op, constant):
        skipped.append(op)
    near, passed = replace(chain), [*skipped]
    while (op := readers.get(chain.value.name)) and (
        chain.follow(op, constant) or chain.pass_by(op, constant)
    ):
        passed.append(op)
    order = tuple(int(i) for i in near.order)
    rest = _without(program, skipped, near.value, source)
    return Leading(
        near.scale, near.bias, order, program, rest, _with_order(program, skipped, near, source),
        chain.scale, chain.bias, next((o.layer for o in passed if o.kind in ARITHMETIC), None),
    )  # fmt: skip


def _only_readers(program: Program) -> dict[str, Op]:
    """Return the operation that reads each value, by the value's name, where only one does."""
    uses = program.uses()
    return {ref.name: op for op in program.ops for ref in op.refs() if uses[ref.name] == 1}


def _step(op: Op, chain: _Chain, constant: Constant) -> tuple[Array, Array] | None:
    """Return the scale and the shift of one operation per channel, None if it is another."""
    if op.kind not in ARITHMETIC:
        return None
    x, y = op.inputs["x"], op.inputs["y"]
    value_first = isinstance(x, Ref) and x == chain.value
    given = _per_channel(constant(y if value_first else x), chain)
    if given is None or op.output.shape != chain.value.shape:
        return None
    zeros, ones = np.zeros_like(given), np.ones_like(given)
    match op.kind, value_first:
        case "add", _:
            return ones, given
        case "mul", _:
            return given, zeros
        case "sub", True:
            return ones, -given
        case "sub", False:
            return -ones, given
        case "real_div", True:
            return 1 / given, zeros
    return None


def _per_channel(given: Array | None, chain: _Chain) -> Array | None:
    """Return a constant as one number per channel of the value, None if it varies otherwise."""
    channels = len(chain.order)
    if given is None or given.size not in (1, channels):
        return None
    place = chain.axis - len(chain.value.shape) + given.ndim
    if given.size > 1 and (place < 0 or given.shape[place] != channels):
        return None
    return np.broadcast_to(given.astype(np.float64).ravel(), channels)


def _without(program: Program, skipped: list[Op], value: Ref, source: Ref) -> Program:
    """Return `program` with `value` replaced by the `source` that it was computed from."""

    def renamed(operand: Operand) -> Operand:
        if isinstance(operand, tuple):
            return tuple(renamed(part) for part in operand)  # type: ignore[misc]
        return source if isinstance(operand, Ref) and operand == value else operand

    ops = tuple(
        replace(op, inputs={key: renamed(operand) for key, operand in op.inputs.items()})
        for op in program.ops if not any(op is one for one in skipped)
    )  # fmt: skip
    outputs = tuple(source if ref == value else ref for ref in program.outputs)
    return replace(program, ops=ops, outputs=outputs)


def _with_order(program: Program, skipped: list[Op], chain: _Chain, source: Ref) -> Program:
    """Return `program` with what was `skipped` replaced by one ``gather``, if it reorders."""
    last = next((op for op in reversed(skipped) if op.kind == "gather"), None)
    if last is None or np.all(chain.order == np.arange(len(chain.order))):
        return _without(program, skipped, chain.value, source)
    axis = np.asarray(len(source.shape) - 1)
    inputs: dict[str, Operand] = {"x": source, "indices": chain.order, "axis": axis}
    gather = Op("gather", inputs, (chain.value,), last.layer)
    ops = [op for op in program.ops if not any(op is one for one in skipped)]
    return replace(program, ops=(gather, *ops))
