"""MIL operation -> Core ML layer: one plain function per operation, one row per function.

An emitter takes ``(op, net)``, adds layers to the network and returns the blob that stands for
the operation's output. Its docstring names the Keras layers it serves, the Core ML layer it
becomes, and the restriction, and is the source of the table of operations in `docs/layers.md`.
"""

from __future__ import annotations

from collections.abc import Callable

from converter.lower.blob import Blob
from converter.lower.emit import (
    activation,
    elementwise,
    linear,
    normalization,
    pooling,
    reorder,
    shape,
)
from converter.lower.net import Net, Value
from converter.trace.program import Op

Emitter = Callable[[Op, Net], "Value | tuple[Blob, ...]"]

EMITTERS: dict[str, Emitter] = {
    # layers with weights
    "conv": linear.conv,
    "conv_transpose": linear.conv_transpose,
    "matmul": linear.matmul,
    # activations
    "elu": activation.elu,
    "gelu": activation.gelu,
    "leaky_relu": activation.leaky_relu,
    "piecewise_linear": activation.piecewise_linear,
    "prelu": activation.prelu,
    "relu": activation.relu,
    "relu6": elementwise.relu6,
    "sigmoid": activation.sigmoid,
    "sigmoid_hard": activation.sigmoid_hard,
    "softmax": activation.softmax,
    "softplus": activation.softplus,
    "softsign": activation.softsign,
    "tanh": activation.tanh,
    "thresholded_relu": activation.thresholded_relu,
    # normalization
    "group_norm": normalization.group_norm,
    # pooling and reductions
    "avg_pool": pooling.avg_pool,
    "max_pool": pooling.max_pool,
    "reduce_log_sum_exp": pooling.reduce_log_sum_exp,
    "reduce_max": pooling.reduce_max,
    "reduce_mean": pooling.reduce_mean,
    "reduce_min": pooling.reduce_min,
    "reduce_sum": pooling.reduce_sum,
    # arithmetic
    "abs": elementwise.abs,
    "add": elementwise.add,
    "exp": elementwise.exp,
    "inverse": elementwise.inverse,
    "log": elementwise.log,
    "maximum": elementwise.maximum,
    "minimum": elementwise.minimum,
    "mul": elementwise.mul,
    "pow": elementwise.pow,
    "real_div": elementwise.real_div,
    "rsqrt": elementwise.rsqrt,
    "sqrt": elementwise.sqrt,
    "square": elementwise.square,
    "sub": elementwise.sub,
    # shape
    "cast": shape.identity,
    "concat": shape.concat,
    "depth_to_space": shape.depth_to_space,
    "expand_dims": shape.expand_dims,
    "gather": reorder.gather,
    "identity": shape.identity,
    "pad": shape.pad,
    "reshape": shape.reshape,
    "reverse": reorder.reverse,
    "slice_by_index": shape.slice_by_index,
    "space_to_depth": shape.space_to_depth,
    "split": shape.split,
    "squeeze": shape.squeeze,
    "stack": shape.stack,
    "tile": shape.tile,
    "transpose": shape.transpose,
    "upsample_nearest_neighbor": shape.upsample_nearest_neighbor,
}
"""MIL op -> its emitter."""

ON_FACTORS = {"expand_dims", "reshape", "squeeze", "transpose"}
"""The operations that take values of more axes than a blob has."""
