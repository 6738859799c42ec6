"""Keras model -> traced program whose weights are inputs.

The model is called once under ``tf.function`` with every float variable of rank one and more as
an argument, and the concrete function goes through coremltools' TensorFlow frontend. So nothing is
folded, dropped or copied, and every operation still knows the Keras variable it reads.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from converter.backend.captures import CapturedError
from converter.backend.keras import failures_noted, in_one_line, layers_inside
from converter.backend.mil import mil_program
from converter.backend.steps import steps_together
from converter.backend.tensorflow import arranged, keras, stored_values, tf
from converter.backend.tf_ops import plain_operations
from converter.errors import MakeUpdatableError, UnsupportedError, UsageError
from converter.trace.layer_table import LayerTable, keras_layer
from converter.trace.program import KerasLayer, Op, Operand, Program, Ref, Weight, without_dead_ops
from converter.trace.refused import refuse_layers

Shape = tuple[int, ...]


def trace(model: Any, input_shape: Shape | None = None) -> Program:
    """Return the operations of the built Keras `model` for one sample, in inference mode.

    `input_shape`, without the batch axis, fills dimensions that the model leaves open.

    Raises:
        UsageError: dimensions of the input stay unknown.
        UnsupportedError: the model does something that coremltools cannot read.
    """
    refuse_layers(model)
    _refuse_half_precision(model)
    inputs = [_input_spec(i, tensor, input_shape) for i, tensor in enumerate(model.inputs)]
    layers = LayerTable(model)
    try:
        return _traced(model, layers, inputs, _symbolic_variables(model))
    except UnsupportedError:
        # Some operations want their kernel as a constant. Layers that use them are known (see
        # `_symbolic_variables`), code of the user's own is not.
        vectors = [v for v in _symbolic_variables(model) if len(v.shape) < 2]
        return _traced(model, layers, inputs, vectors)


def _refuse_half_precision(model: Any) -> None:
    for layer in layers_inside(model):
        dtype = getattr(layer, "compute_dtype", "float32")
        if dtype not in ("float32", "uint8", "int32"):
            raise UnsupportedError(
                f"{keras_layer(layer)}: computes in {dtype}, but Core ML learns in "
                "float32 only; save the model and convert the file, which is read as float32"
            )


def _input_spec(index: int, tensor: Any, given: Shape | None) -> Any:
    shape = tuple(tensor.shape)[1:]
    if None in shape:
        stored = ",".join("?" if n is None else str(n) for n in shape)
        if given is None:
            example = ",".join(str(n or 224) for n in shape)
            raise UsageError(
                f"the model leaves dimensions of its input open ({stored}); "
                f"give them: --input-shape {example}"
            )
        if len(given) != len(shape) or any(
            n not in (None, g) for n, g in zip(shape, given, strict=True)
        ):
            raise UsageError(
                f"--input-shape {','.join(map(str, given))} does not fit the model's ({stored})"
            )
        shape = given
    return tf.TensorSpec((1, *shape), tensor.dtype, name=f"x{index}")


def _symbolic_variables(model: Any) -> list[Any]:
    """Return the variables that become arguments: float arrays, but not scalars.

    Kernels of transposed and dilated convolutions stay constants: MIL asks for it.
    """
    constant = {
        id(variable)
        for layer in layers_inside(model)
        if isinstance(layer, (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose))
        or getattr(layer, "is_transposed", False)  # of a graph of TensorFlow
        or _is_dilated(layer)
        for variable in layer.variables
        if len(variable.shape) > 1
    }
    return [
        variable
        for variable in model.variables
        if variable.dtype in ("float16", "bfloat16", "float32", "float64")
        and len(variable.shape) > 0
        and id(variable) not in constant
    ]


def _is_dilated(layer: Any) -> bool:
    rate = getattr(layer, "dilation_rate", 1)
    return any(n != 1 for n in (rate if isinstance(rate, (tuple, list)) else (rate,)))


def _traced(
    model: Any, layers: LayerTable, inputs: Sequence[Any], variables: Sequence[Any]
) -> Program:
    position = {id(variable): i for i, variable in enumerate(variables)}
    constants = {id(v): np.asarray(v) for v in model.variables if id(v) not in position}

    def call(*arguments: Any) -> list[Any]:
        values, weights = arguments[: len(inputs)], arguments[len(inputs) :]

        def bound(group: Sequence[Any]) -> list[Any]:
            return [
                weights[position[id(v)]] if id(v) in position else tf.constant(constants[id(v)])
                for v in group
            ]

        with layers.tagging(), plain_operations(), steps_together():
            outputs, _ = model.stateless_call(
                bound(model.trainable_variables),
                bound(model.non_trainable_variables),
                arranged(model, values),
                training=False,
            )
        return [tf.identity(output) for output in keras.tree.flatten(outputs)]

    failed: list[Any] = []
    weight_specs = [tf.TensorSpec(v.shape, v.dtype, name=f"w{i}") for i, v in enumerate(variables)]
    try:
        with warnings.catch_warnings(), failures_noted(failed):
            warnings.simplefilter("ignore")  # of the model Keras has warned whoever made it
            concrete = tf.function(call, autograph=False).get_concrete_function(
                *inputs, *weight_specs
            )
    except MakeUpdatableError:
        raise
    except Exception as error:  # whatever Keras, or a layer of the user's own, raises
        raise _uncallable(model, error, failed) from error
    main = _to_mil(concrete, layers).functions["main"]
    weights = {
        f"w{i}": Weight(
            tuple(variable.shape), layers.owner(variable), variable.name, _reader(variable)
        )
        for i, variable in enumerate(variables)
    }
    return _program(main, inputs, weights, layers)


def _reader(variable: Any) -> Callable[[], Any]:
    def read() -> Any:
        return np.asarray(stored_values(variable), np.float32)

    return read


def _to_mil(concrete: Any, layers: LayerTable) -> Any:
    try:
        return mil_program(concrete)
    except CapturedError as error:
        name, kind = error.args
        raise UnsupportedError(
            f"{layers.of(name) or 'the model'}: its TensorFlow operation '{kind}' reads something "
            "that is neither an array nor a variable; replace the layer before converting"
        ) from error
    except Exception as error:
        raise _unsupported(str(error), layers) from error


def _uncallable(model: Any, error: Exception, failed: Sequence[Any]) -> UnsupportedError:
    """Return what to say of a model that Keras built, but cannot call: `failed` is the layer."""
    for layer in layers_inside(model):
        if isinstance(error, ValueError) and isinstance(layer, keras.layers.RandomCrop):
            return UnsupportedError(
                f"{keras_layer(layer)}: does not crop at inference in Keras {keras.__version__}, "
                "so the layers behind it get pictures of another size than they were built for; "
                "replace it by CenterCrop or Resizing"
            )
    reason = in_one_line(error)
    if failed:
        return UnsupportedError(f"{keras_layer(failed[0])}: Keras cannot call it: {reason}")
    return UnsupportedError(f"Keras cannot call the model on one sample: {reason}")


def _unsupported(message: str, layers: LayerTable) -> UnsupportedError:
    layer = layers.of(message)
    where = str(layer) if layer else "the model"
    missing = re.search(r"TF op '(\w+)' not implemented", message)
    reason = (
        f"its TensorFlow operation '{missing[1]}' is unknown to coremltools"
        if missing
        else f"coremltools cannot convert it ({' '.join(message.split())[:200]})"
    )
    return UnsupportedError(f"{where}: {reason}; replace the layer before converting")


def _program(
    main: Any, specs: Sequence[Any], weights: dict[str, Weight], layers: LayerTable
) -> Program:
    names: dict[int, str] = {id(var): name for name, var in main.inputs.items()}

    def ref(var: Any) -> Ref:
        # MIL's own names are not unique: an identity may carry the name of what it copies.
        return Ref(names.setdefault(id(var), f"v{len(names)}"), tuple(var.shape))

    def operand(var: Any) -> Operand:
        if isinstance(var, (tuple, list)):
            return tuple(operand(part) for part in var)  # type: ignore[misc]
        if var.val is not None:
            return var.val if isinstance(var.val, str) else np.asarray(var.val)
        return ref(var)

    ops = [
        Op(
            mil.op_type,
            {key: operand(var) for key, var in mil.inputs.items() if var is not None},
            tuple(ref(var) for var in mil.outputs),
            layers.of(mil.name),
        )
        for mil in main.operations
        if any(var.val is None for var in mil.outputs)
    ]
    inputs = tuple(  # MIL drops those that nothing reads
        ref(main.inputs[spec.name]) if spec.name in main.inputs else Ref(spec.name, (*spec.shape,))
        for spec in specs
    )
    outputs = tuple(ref(var) for var in main.outputs)
    return without_dead_ops(
        Program(inputs, outputs, tuple(_with_all_layers(ops)), weights, layers.all())
    )


def _with_all_layers(ops: Sequence[Op]) -> list[Op]:
    """Give operations that coremltools added inside a TensorFlow operation that one's layer.

    Only the last operation of such a group keeps the name, so the layer is found by going from
    reader to producer.
    """
    layer_of_value: dict[str, KerasLayer | None] = {}
    found = []
    for op in reversed(ops):
        layer = op.layer or next(
            (layer_of_value[r.name] for r in op.outputs if r.name in layer_of_value), None
        )
        for ref in op.refs():
            layer_of_value[ref.name] = layer
        found.append(Op(op.kind, op.inputs, op.outputs, layer))
    return found[::-1]
