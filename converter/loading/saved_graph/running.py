"""Running a flat graph, one operation at a time, and looking at it before anything runs.

An operation whose inputs are all known numbers, such as the sizes that a ``Reshape`` computes,
gives known numbers. So a graph that is traced arrives at coremltools without arithmetic on sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.backend.keras import in_one_line
from converter.backend.saved_model import keep_logits
from converter.backend.tensorflow import tf
from converter.errors import KerasFileError
from converter.loading.saved_graph.flat import Graph, Node, Value

LARGEST_VALUE = 2**28
"""Numbers in one array of one sample; an image of 224 by 224 becomes 3 million in a VGG16."""

LARGEST_SUM = 2**31
"""Numbers in all of them together."""

FLOATS = ("float32", "float64", "float16", "bfloat16")
NORMALIZATIONS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
SHARPENING = ("Sigmoid", "Softmax")


@dataclass(frozen=True)
class Fact:
    """What is known of a value without running anything, for one sample.

    `varies` tells whether it depends on the model's input.
    """

    shape: tuple[int, ...]
    dtype: str
    varies: bool


def run(node: Node, inputs: Sequence[Any]) -> list[Any]:
    """Return the outputs of `node` for `inputs`, which are tensors, or arrays of known numbers.

    What follows from known numbers alone is known, an array.
    """
    if node.kind == "Const":
        return [_constant(node)]
    if node.kind in SIZES:
        stored = node.attributes.get("out_type")
        kind = tf.as_dtype(stored.type if stored else tf.int32).as_numpy_dtype
        return [np.array(SIZES[node.kind](tuple(one.shape)), kind) for one in inputs]
    if _is_known(inputs):
        with tf.init_scope():  # although a graph is being traced
            return [np.asarray(tensor) for tensor in _run(node, inputs)]
    return _run(node, inputs)


SIZES: Mapping[str, Callable[[Sequence[int]], Any]] = {
    "Rank": len,
    "Shape": tuple,
    "ShapeN": tuple,
    "Size": math.prod,
}
"""What follows from the shape alone, which is always known here."""


def _is_known(inputs: Sequence[Any]) -> bool:
    return all(isinstance(one, np.ndarray) for one in inputs)


def _run(node: Node, inputs: Sequence[Any]) -> list[Any]:
    if node.kind in NORMALIZATIONS:
        return _normalized(node, *inputs)
    found = node.operation.run(inputs, node.attributes)
    if node.kind in SHARPENING:
        keep_logits(found[0], inputs[0])
    return found


def _constant(node: Node) -> npt.NDArray[Any]:
    """Return the array of a constant, whose size was checked."""
    found: npt.NDArray[Any] = np.asarray(tf.make_ndarray(node.attributes["value"].tensor))
    return found


def _normalized(node: Node, x: Any, scale: Any, offset: Any, mean: Any, variance: Any) -> list[Any]:
    """Return `x` normalized as Keras spells it out, of which every step is known to coremltools."""
    factor = scale * tf.math.rsqrt(variance + node.attributes["epsilon"].f)
    shift = offset - mean * factor
    if node.attributes["data_format"].s == b"NCHW":
        factor, shift = factor[:, None, None], shift[:, None, None]
    return [x * factor + shift]


def looked_at(
    graph: Graph, inputs: Mapping[str, Any], variables: Mapping[str, Any]
) -> dict[Value, Fact]:
    """Return what is known of each value of `graph` for one sample; no operation on it is run.

    `inputs` and `variables` are the specs of the inputs by name, with all sizes, and of the
    variables.

    Raises:
        KerasFileError: an operation does not fit what it takes, or makes more numbers than any
            network, or how many is not known before it runs.
    """
    facts: dict[Value, Fact] = {}

    def look(*tensors: Any) -> Any:
        names = [*(f"input {name}" for name in inputs), *variables]
        values = {Value(name): tensor for name, tensor in zip(names, tensors, strict=True)}
        for value, tensor in values.items():
            facts[value] = _fact(tensor, value.maker.startswith("input "))
        total = 0
        for node in graph.nodes:
            total += _look(node, values, facts)
            if total > LARGEST_SUM:
                raise KerasFileError("computes more numbers for one sample than any network does")
        return tf.constant(0)

    tf.function(look, autograph=False).get_concrete_function(*inputs.values(), *variables.values())
    return facts


def _look(node: Node, values: dict[Value, Any], facts: dict[Value, Fact]) -> int:
    """Put `node` into the graph being looked at; return how many numbers it makes."""
    _check_usable(node)
    inputs = [values[value] for value in node.inputs]
    if node.kind == "Const":
        found = run(node, inputs)
    else:
        found = _put(node, inputs)
        for tensor in found:
            _check_size(node, tensor.shape.as_list() if tensor.shape.rank is not None else [None])
        if node.kind in SIZES or _is_known(inputs):
            found = run(node, inputs)
    varies = any(facts[value].varies for value in node.inputs)
    for place, tensor in enumerate(found):
        values[Value(node.name, place)] = tensor
        known = isinstance(tensor, np.ndarray)
        facts[Value(node.name, place)] = _fact(tensor, varies and not known)
    return sum(math.prod(tensor.shape) for tensor in found)


def _put(node: Node, inputs: Sequence[Any]) -> list[Any]:
    """Return the outputs of `node` as tensors of the graph that is being traced."""
    try:
        return _run(node, [tf.convert_to_tensor(one) for one in inputs])
    except Exception as error:  # whatever TensorFlow raises
        raise KerasFileError(
            f"its operation '{node.kind}' ({node.name}) does not fit what it takes: "
            f"{in_one_line(error)}"
        ) from error


def _fact(tensor: Any, varies: bool) -> Fact:
    dtype = tf.as_dtype(tensor.dtype).name
    return Fact(tuple(int(size) for size in tensor.shape), dtype, varies)


def _check_usable(node: Node) -> None:
    """Refuse what an attribute makes of an operation: a constant too large, or training."""
    if node.kind == "Const":
        tensor = node.attributes["value"].tensor
        if tf.as_dtype(tensor.dtype).name not in NUMBERS:
            raise KerasFileError(f"its constant {node.name} holds no numbers")
        _check_size(node, [dim.size for dim in tensor.tensor_shape.dim])
    if node.kind in NORMALIZATIONS and node.attributes["is_training"].b:
        raise KerasFileError(
            f"its batch normalization {node.name} is in training mode; export the signature for "
            "predictions: training=False"
        )


NUMBERS = (
    *FLOATS, "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip


def _check_size(node: Node, shape: Iterable[int | None]) -> None:
    sizes = list(shape)
    if None in sizes:
        raise KerasFileError(
            f"how large the result of its operation '{node.kind}' ({node.name}) is depends on the "
            "values of the input; export a signature of layers alone"
        )
    if math.prod(size or 0 for size in sizes) > LARGEST_VALUE:
        raise KerasFileError(
            f"its operation '{node.kind}' ({node.name}) makes an array of shape "
            f"{tuple(sizes)}, larger than any network needs"
        )
