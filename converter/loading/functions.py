"""Functions of TensorFlow and Keras that were called on tensors of a functional model.

A file names them; only names listed here are ever looked up, and none takes code or touches a file.
"""

from __future__ import annotations

import base64
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any

from converter.backend.keras import function_class
from converter.backend.tensorflow import keras, tf
from converter.errors import KerasFileError
from converter.keras_file import StoredLayer, decoded

TENSORFLOW_FUNCTIONS = {
    "abs", "add_n", "argmax", "cast", "clip_by_value", "concat", "expand_dims", "gather",
    "identity", "matmul", "maximum", "minimum", "ones_like", "pad", "repeat", "reshape", "reverse",
    "roll", "shape", "split", "squeeze", "stack", "stop_gradient", "strided_slice", "tile",
    "transpose", "unstack", "where", "zeros_like",
    "compat.v1.concat", "compat.v1.expand_dims", "compat.v1.gather", "compat.v1.nn.softmax",
    "compat.v1.pad", "compat.v1.reduce_max", "compat.v1.reduce_mean", "compat.v1.reduce_sum",
    "compat.v1.shape", "compat.v1.space_to_depth", "compat.v1.depth_to_space",
    "compat.v1.squeeze", "compat.v1.transpose", "compat.v1.where",
    "image.central_crop", "image.crop_to_bounding_box", "image.per_image_standardization",
    "image.resize", "image.rgb_to_grayscale", "linalg.l2_normalize", "linalg.matmul",
    "math.abs", "math.add", "math.add_n", "math.argmax", "math.ceil", "math.divide", "math.erf",
    "math.divide_no_nan", "math.exp", "math.floor", "math.greater", "math.greater_equal",
    "math.l2_normalize", "math.less", "math.less_equal", "math.log", "math.log_sigmoid",
    "math.maximum", "math.minimum", "math.multiply", "math.negative", "math.pow",
    "math.reciprocal", "math.reduce_max", "math.reduce_mean", "math.reduce_min",
    "math.reduce_prod", "math.reduce_std", "math.reduce_sum", "math.reduce_variance",
    "math.round", "math.rsqrt", "math.scalar_mul", "math.sigmoid", "math.softplus",
    "math.softsign", "math.sqrt", "math.square", "math.squared_difference", "math.subtract",
    "math.tanh", "math.truediv",
    "nn.avg_pool", "nn.avg_pool2d", "nn.bias_add", "nn.depth_to_space", "nn.elu", "nn.gelu",
    "nn.l2_normalize", "nn.leaky_relu", "nn.log_softmax", "nn.local_response_normalization",
    "nn.max_pool", "nn.max_pool2d", "nn.relu", "nn.relu6", "nn.selu", "nn.sigmoid", "nn.silu",
    "nn.softmax", "nn.softplus", "nn.softsign", "nn.space_to_depth", "nn.swish", "nn.tanh",
}  # fmt: skip
"""Functions below ``tf`` that Keras 2 stores by name, as TFOpLambda layers."""

OPERATORS: Mapping[str, Callable[..., Any]] = {
    "__operators__.add": lambda x, y, name=None: x + y,
    "__operators__.getitem": lambda x, slice_spec: x[_key(slice_spec, len(x.shape))],
}
"""Python's operators on tensors, which Keras 2 stores under names that TensorFlow does not have."""

RAW_OPS = {
    "Abs", "Add", "AddV2", "AvgPool", "BiasAdd", "Cast", "ConcatV2", "DepthToSpace", "Elu", "Erf",
    "Exp", "ExpandDims", "GatherV2", "Greater", "GreaterEqual", "Identity", "LeakyRelu", "Less",
    "LessEqual", "Log", "LogSoftmax", "MatMul", "Max", "Maximum", "MaxPool", "Mean", "Min",
    "Minimum", "Mul", "Neg", "Pack", "Pad", "PadV2", "Pow", "Prod", "RealDiv", "Reciprocal", "Relu",
    "Relu6", "Reshape", "ResizeBilinear", "ResizeNearestNeighbor", "ReverseV2", "Roll", "Rsqrt",
    "Select", "SelectV2", "Selu", "Shape", "Sigmoid", "Softmax", "Softplus", "Softsign",
    "SpaceToDepth", "Split", "SplitV", "Sqrt", "Square", "SquaredDifference", "Squeeze",
    "StridedSlice", "Sub", "Sum", "Tanh", "Tile", "Transpose", "Unpack",
}  # fmt: skip
"""Nodes of a TensorFlow graph that tf.keras 2.0 to 2.3 stored, as TensorFlowOpLayers."""

RENAMED_ATTRIBUTES = {"squeeze_dims": "axis"}
"""Attribute of a node -> argument of the function in ``tf.raw_ops``."""


class TensorFlowFunction(keras.Operation):  # type: ignore[misc]
    """Stands for a TFOpLambda or TensorFlowOpLayer: one function of TensorFlow, under its name."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        super().__init__(name=name)
        self.function = function

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function makes of tensors or numbers."""
        return self.function(*args, **kwargs)


def operation(stored: StoredLayer) -> Any | None:
    """Return the function call that `stored` stands for, or None if it is an ordinary layer.

    Raises:
        KerasFileError: the function is not one of those listed here.
    """
    if stored.kind in ("TFOpLambda", "SlicingOpLambda"):
        return TensorFlowFunction(_tensorflow_function(stored), stored.name)
    if stored.kind == "TensorFlowOpLayer":
        return TensorFlowFunction(_raw_op(stored), stored.name)
    if not stored.is_function:
        return None
    found = function_class(stored.kind)
    if found is None:
        return None
    arguments = {key: part for key, part in stored.arguments.items() if key != "name"}
    made: Any = found(**decoded(arguments))
    made.name = stored.name
    return made


def _tensorflow_function(stored: StoredLayer) -> Callable[..., Any]:
    name = stored.arguments["function"]
    if name in OPERATORS:
        return OPERATORS[name]
    if name not in TENSORFLOW_FUNCTIONS:
        raise KerasFileError(f"calls the TensorFlow function tf.{name}, which is not known here")

    def function(*args: Any, **kwargs: Any) -> Any:
        # Looked up when called: the trace replaces some functions of TensorFlow by plainer ones.
        return operator.attrgetter(name)(tf)(*args, **kwargs)

    return function


def _key(slice_spec: Any, rank: int) -> Any:
    """Return what stands in the brackets behind a tensor of `rank`; of a shape, a number may."""
    key = tuple(slice_spec) if isinstance(slice_spec, list) else (slice_spec,)
    if rank > 1 and key[0] not in (slice(None), None, ...):
        raise ValueError(f"takes some of the samples only, not all of them: {key[0]}")
    return key


def _raw_op(stored: StoredLayer) -> Callable[..., Any]:
    """Return a function of tensors for one node of a graph; some of its inputs are constants."""
    node = stored.arguments["node_def"]
    if node["op"] not in RAW_OPS:
        raise KerasFileError(f"calls the TensorFlow op {node['op']}, which is not known here")
    op = getattr(tf.raw_ops, node["op"])
    names = [name for name in inspect.signature(op).parameters if name != "name"]
    attributes = {
        RENAMED_ATTRIBUTES.get(key, key): _attribute(part)
        for key, part in (node.get("attr") or {}).items()
    }
    settings = {key: part for key, part in attributes.items() if key in names}
    constants = {int(index): part for index, part in stored.arguments["constants"].items()}
    count = len(node["input"])

    def call(tensors: Any) -> Any:
        rest = iter(tensors if isinstance(tensors, list) else [tensors])
        inputs = [constants[i] if i in constants else next(rest) for i in range(count)]
        if node["op"] == "ConcatV2":  # all but the last are one list
            inputs = [inputs[:-1], inputs[-1]]
        elif node["op"] == "Pack":  # all of them are
            inputs = [inputs]
        return op(**dict(zip(names, inputs, strict=False)), **settings)

    return call


def _attribute(stored: Mapping[str, Any]) -> Any:
    """Return an ``AttrValue`` of TensorFlow's protobuf, stored as JSON."""
    ((kind, content),) = stored.items()
    if kind == "list":
        ((kind, parts),) = content.items() if content else (("i", []),)
        return [_attribute({kind: part}) for part in parts]
    if kind == "type":
        return tf.dtypes.as_dtype(content.removeprefix("DT_").lower())
    if kind == "s":
        return base64.b64decode(content).decode()
    return {"i": int, "f": float, "b": bool}[kind](content)
