"""SavedModels: the messages they are written in, and one operation of TensorFlow at a time.

``tf.saved_model.load`` runs what a file tells it to: the graph that restores it, initializers, and
whatever its functions hold. So nothing here loads or imports a graph. An operation is called by its
name through ``tf.raw_ops``, with the inputs and attributes that the caller hands over. No public
name leads to the messages, or to what inputs and outputs an operation has.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import op_def_registry

from converter.backend.tensorflow import tf

__all__ = [
    "Operation",
    "SavedModel",
    "keep_logits",
    "operation",
    "plain_attribute",
]


@dataclass(frozen=True)
class Operation:
    """A kind of operation that TensorFlow knows: what it takes and what it gives.

    `parameters` are the names of its inputs and attributes -> those of the function in
    ``tf.raw_ops``, some of which are called otherwise. Attributes that follow from the inputs are
    not among them.
    """

    definition: Any
    parameters: Mapping[str, str]

    def complete(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Return `attributes` with the defaults of those that are left out."""
        known = self.definition.attr
        defaults = {one.name: one.default_value for one in known if one.HasField("default_value")}
        return {**defaults, **attributes}

    def places(self, attributes: Mapping[str, Any]) -> dict[str, int]:
        """Return the number of the first tensor of each of its outputs, by the output's name."""
        found, place = {}, 0
        for output in self.definition.output_arg:
            found[output.name] = place
            place += _tensors(output, attributes)
        return found

    def run(self, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> list[Any]:
        """Return the outputs for `inputs`, tensors or arrays: computed, or put into a graph.

        Raises:
            Exception: whatever TensorFlow raises of inputs that do not fit.
        """
        given, left = {}, list(inputs)
        for argument in self.definition.input_arg:
            many = argument.number_attr or argument.type_list_attr
            count = _tensors(argument, attributes)
            part, left = left[:count], left[count:]
            given[self.parameters[argument.name]] = part if many else part[0]
        for name, value in attributes.items():
            if name in self.parameters:
                given[self.parameters[name]] = plain_attribute(value)
        found = getattr(tf.raw_ops, self.definition.name)(**given)
        if isinstance(found, (list, tuple)):
            return list(found)
        return [found]


def _tensors(argument: Any, attributes: Mapping[str, Any]) -> int:
    """Return of how many tensors an input or an output consists."""
    if argument.number_attr:
        return int(attributes[argument.number_attr].i)
    if argument.type_list_attr:
        return len(attributes[argument.type_list_attr].list.type)
    return 1


@cache
def operation(kind: str) -> Operation | None:
    """Return the operation called `kind`, None if TensorFlow has none or keeps it to itself."""
    definition, function = op_def_registry.get(kind), getattr(tf.raw_ops, kind, None)
    if definition is None or function is None:
        return None
    arguments = definition.input_arg
    inferred = {
        name for one in arguments for name in (one.type_attr, one.number_attr, one.type_list_attr)
    }
    own = [one.name for one in arguments]
    own += [one.name for one in definition.attr if one.name not in inferred]
    theirs = [name for name in inspect.signature(function).parameters if name != "name"]
    others = iter([name for name in theirs if name not in own])
    names = {name: name if name in theirs else next(others, name) for name in own}
    return Operation(definition, names)


def plain_attribute(value: Any) -> Any:
    """Return an attribute of an operation as ``tf.raw_ops`` takes it."""
    kind = value.WhichOneof("value")
    if kind == "list":
        return [PLAIN[name](part) for name in PLAIN for part in getattr(value.list, name)]
    return PLAIN[kind](getattr(value, kind))


def _text(value: bytes) -> Any:
    return value.decode("utf-8", "replace")


PLAIN: Mapping[str, Any] = {
    "s": _text,
    "i": int,
    "f": float,
    "b": bool,
    "type": tf.as_dtype,
    "shape": tf.TensorShape,
}
"""Field of an attribute -> what makes it a value of Python. Functions and tensors have none."""


def keep_logits(output: Any, logits: Any) -> None:
    """Let `output`, a sigmoid or softmax of `logits`, tell them, as Keras's own functions do.

    See `converter.backend.keras.logits_of`.
    """
    output._keras_logits = logits
