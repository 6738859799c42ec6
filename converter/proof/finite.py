"""Numbers that are none: which weight of a Keras model, or which layer's answer, is not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converter.backend.keras import layers_inside, own_variables, watched_calls
from converter.errors import ParityError, UnsupportedError
from converter.keras_file.names import own_name
from converter.proof.keras_model import keras_outputs
from converter.trace.program import Array, Program


def check_weights(program: Program) -> None:
    """Check that all weights that `program` reads are numbers.

    Raises:
        UnsupportedError: one is not; the message names the layer and the variable.
    """
    read = {ref.name for op in program.ops for ref in op.refs()}
    for name, weight in program.weights.items():
        if name in read and (what := _odd(weight.array())):
            raise UnsupportedError(
                f"{weight.owner}: its {weight.variable} holds {what}; nothing can be learned from "
                "there, train it again or load an earlier checkpoint"
            )


def check_answers(model: Any, inputs: Sequence[Array], answers: Array) -> None:
    """Check that what the Keras `model` answers to `inputs` are numbers.

    Raises:
        ParityError: they are not; the message names the first layer whose output is none.
    """
    if not _odd(answers):
        return
    found: list[str] = []
    with watched_calls(lambda layer, outputs: found.extend(_culprits(layer, outputs))):
        keras_outputs(model, inputs)
    where = found[0] if found else "it"
    raise ParityError(
        f"the Keras model itself does not answer random inputs with numbers: {where}; nothing was "
        "written"
    )


def check_layers(model: Any) -> None:
    """Check that all weights of the Keras `model` are numbers.

    Raises:
        ParityError: one is not; the message names the layer and the variable.
    """
    for layer in layers_inside(model):
        for variable in own_variables(layer):
            if what := _odd(variable):
                raise ParityError(
                    f"the Keras model cannot be compared: the {variable.name} of layer "
                    f"'{own_name(layer.name)}' ({type(layer).__name__}) holds {what}"
                )


def _culprits(layer: Any, outputs: Sequence[Any]) -> list[str]:
    """Return what to say of a call of `layer` if its `outputs` are not all numbers."""
    odd = next((what for output in outputs if (what := _odd(output))), "")
    if not odd:
        return []
    name = f"layer '{own_name(layer.name)}' ({type(layer).__name__})"
    for variable in own_variables(layer):
        if what := _odd(variable):
            return [f"the {variable.name} of {name} holds {what}"]
    return [f"{name} gives {odd}"]


def _odd(values: Any) -> str:
    """Return "NaN" or "infinity" if `values` holds any, else an empty text."""
    array = np.asarray(values)
    if not array.size or array.dtype.kind != "f":
        return ""
    ends = float(array.min()), float(array.max())  # needs no memory, and NaN gets through
    if any(map(np.isnan, ends)):
        return "NaN"
    return "" if all(map(np.isfinite, ends)) else "infinity"
