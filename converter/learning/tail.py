"""How the traced model ends: straight in a layer with weights, or in something that bends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converter.trace.program import KerasLayer, Op, Program

STRAIGHT = {
    "add", "avg_pool", "batch_norm", "cast", "concat", "expand_dims", "identity", "mul", "pad",
    "real_div", "reduce_mean", "reduce_sum", "reshape", "slice_by_index", "split", "squeeze", "sub",
    "tile", "transpose", "upsample_nearest_neighbor",
}  # fmt: skip
"""Operations through which numbers without bounds stay such; products only with constants."""

WEIGHTED = {"conv", "conv_transpose", "matmul"}

NAMED = {
    "elu": "ELU", "gelu": "GELU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "relu": "ReLU",
    "relu6": "ReLU6", "sigmoid": "sigmoid", "sigmoid_hard": "hard sigmoid", "softplus": "softplus",
    "softsign": "softsign", "tanh": "tanh", "thresholded_relu": "thresholded ReLU",
}  # fmt: skip
"""Operation that is a whole activation -> what Keras's users call it."""


@dataclass(frozen=True)
class Tail:
    """The end of a model. `bend` is the last operation whose results are no logits, if any.

    `layer` is the Keras layer that the output comes from.
    """

    bend: Op | None
    layer: KerasLayer | None

    def __str__(self) -> str:
        """Return what ends the model, for a message."""
        where = str(self.layer) if self.layer else "an operation without a layer"
        if self.bend is None:
            return f"{where}, which is linear"
        if self.bend.kind == "softmax":
            return f"{where}, behind a softmax"
        if self.bend.layer != self.layer:
            return f"{where}, behind {self.bend.layer}"
        name = NAMED.get(self.bend.kind)
        return f"the {name} of {where}" if name else f"{where}, which is not linear"


def tail(program: Program) -> Tail:
    """Return how the only output of `program` ends."""
    makers, constants = program.producers(), program.constants()
    waiting, seen = [program.outputs[0].name], set()
    bend = None
    while waiting and bend is None:
        op = makers.get(waiting.pop())
        if op is None or id(op) in seen or op.kind in WEIGHTED:
            continue
        seen.add(id(op))
        computed = [ref.name for ref in op.refs() if ref.name not in constants]
        straight = op.kind in STRAIGHT and (op.kind not in ("mul", "real_div") or len(computed) < 2)
        bend = None if straight else op
        waiting += computed
    return Tail(bend, _last_layer(program.outputs[0].name, makers))


def _last_layer(name: str, makers: Mapping[str, Op]) -> KerasLayer | None:
    """Return the Keras layer of the operation that makes the value `name`, or of one before."""
    while name in makers:
        op = makers[name]
        if op.layer is not None:
            return op.layer
        name = next((ref.name for ref in op.refs()), "")
    return None
