"""The Keras model of a conversion, traced as its recipe wants it: one output, names, an image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from converter.conversion.interface import choose_interface
from converter.errors import KerasFileError, UsageError
from converter.keras_file.compiled import CompileSettings, Loss
from converter.learning.network import Traced
from converter.load import output_names
from converter.lower.values import Values
from converter.recipe import Recipe
from converter.trace.fuse import fuse
from converter.trace.leading import Constant, leading_arithmetic
from converter.trace.program import Program, without_dead_ops
from converter.trace.tracing import trace


def traced(model: Any, recipe: Recipe) -> Traced:
    """Return the output of the live Keras `model` that `recipe` chooses, as a program.

    Raises:
        KerasFileError: the model is subclassed, so that it has no outputs to choose from.
        UsageError: the recipe contradicts the model.
        UnsupportedError: the model does something that coremltools cannot read.
    """
    index, output = _chosen_output(model, recipe)
    program = _one_output(fuse(trace(model, recipe.input_shape)), index)
    leading = leading_arithmetic(program, _constants(program), gray=recipe.image == "gray")
    interface, program = choose_interface(model, program, leading, recipe)
    return Traced(program, interface, leading, index, output)


def _constants(program: Program) -> Constant:
    values = Values(program)
    return lambda operand: values.array(operand) if values.is_constant(operand) else None


def loss_of(traced: Traced, settings: CompileSettings | None, recipe: Recipe) -> Loss | None:
    """Return what is minimised: what `recipe` says, else what the model was compiled with."""
    if recipe.loss:  # whoever asks for cross-entropy on a linear output means logits
        return Loss(recipe.loss, {"from_logits": True})
    return settings.loss_of(traced.output) if settings else None


def _chosen_output(model: Any, recipe: Recipe) -> tuple[int, str]:
    """Return the place and the name of the output of `model` that `recipe` chooses."""
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise KerasFileError(
            "the model is subclassed: it does not say its inputs and outputs; "
            "rebuild it as a functional model around its layers"
        )
    names = output_names(model)
    if recipe.output is None and len(names) > 1:
        raise UsageError(
            f"the model has {len(names)} outputs ({', '.join(names)}); choose one with --output"
        )
    if recipe.output is not None and recipe.output not in names:
        raise UsageError(
            f"the model has no output '{recipe.output}'; its outputs: {', '.join(names)}"
        )
    name = recipe.output or names[0]
    return names.index(name), name


def _one_output(program: Program, index: int) -> Program:
    return without_dead_ops(replace(program, outputs=(program.outputs[index],)))
