"""What a traced function reads from outside, as constants of its graph.

``tf.function`` puts small arrays that a model computes with into the graph. Larger ones, and
variables that are no weights of the model, become inputs of their own, of which whoever calls the
function knows nothing (``captured_inputs`` of a concrete function). There is no public way to have
them all as constants.
"""

from __future__ import annotations

from typing import Any

from converter.backend.tensorflow import tf

READS = "ReadVariableOp"


class CapturedError(Exception):
    """The operation named `args[0]` of the kind `args[1]` uses something that is no number."""


def with_constants(graph: Any, concrete: Any) -> Any:
    """Return `graph`, the definition of that of `concrete`, with what it captured as constants.

    Raises:
        CapturedError: it captured something else than arrays and variables, such as a table.
    """
    outside = concrete.captured_inputs
    if not outside:
        return graph
    inner = concrete.inputs[len(concrete.inputs) - len(outside) :]
    captured = {tensor.op.name: value for tensor, value in zip(inner, outside, strict=True)}
    resources = {name: v for name, v in captured.items() if v.dtype == tf.resource}
    for node in graph.node:
        if node.name in captured and node.name not in resources:
            _make_constant(node, captured[node.name])
        for name in node.input:
            if name.split(":")[0] not in resources:
                continue
            if node.op != READS:
                raise CapturedError(node.name, node.op)
            kind = tf.as_dtype(node.attr["dtype"].type)
            _make_constant(node, tf.raw_ops.ReadVariableOp(resource=resources[name], dtype=kind))
            break
    kept = [node for node in graph.node if node.name not in resources]
    del graph.node[:]
    graph.node.extend(kept)
    return graph


def _make_constant(node: Any, value: Any) -> None:
    """Let `node` be a constant of the same name."""
    shapes = node.attr["_output_shapes"]
    node.op = "Const"
    del node.input[:]
    node.attr.clear()
    node.attr["dtype"].type = value.dtype.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy()))
    node.attr["_output_shapes"].CopyFrom(shapes)
