"""The Keras model of a conversion, traced as its recipe wants it: one output, names, an image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from converter.backend.keras import layers_inside
from converter.conversion.interface import choose_interface
from converter.errors import KerasFileError, UnsupportedError, UsageError
from converter.keras_file.compiled import CompileSettings, Loss
from converter.keras_file.spelling import quantized
from converter.learning.head import CLASS_LOSSES, asked
from converter.learning.network import Traced
from converter.loading import output_names
from converter.lower.values import Values
from converter.proof.finite import check_weights
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
        UnsupportedError: the model does something that coremltools cannot read, is quantized, or
            holds a weight that is no number.
    """
    index, output = chosen_output(model, recipe)
    check_not_quantized(model)
    program = _one_output(fuse(trace(model, recipe.input_shape)), index)
    check_weights(program)
    leading = leading_arithmetic(program, _constants(program), gray=recipe.image == "gray")
    interface, program = choose_interface(model, program, leading, recipe)
    return Traced(program, interface, leading, index, output)


def check_not_quantized(model: Any) -> None:
    """Refuse a model whose weights are whole numbers with scales.

    Raises:
        UnsupportedError: a layer is quantized.
    """
    for layer in layers_inside(model):
        mode = getattr(layer, "quantization_mode", None)
        if mode:
            raise UnsupportedError(
                f"layer '{layer.name}' ({type(layer).__name__}) {quantized(mode)}"
            )


def _constants(program: Program) -> Constant:
    values = Values(program)
    return lambda operand: values.array(operand) if values.is_constant(operand) else None


def loss_of(traced: Traced, settings: CompileSettings | None, recipe: Recipe) -> Loss | None:
    """Return what is minimised: what `recipe` says, else what the model was compiled with."""
    return compiled_or_asked(traced.output, settings, recipe)


def compiled_or_asked(output: str, settings: CompileSettings | None, recipe: Recipe) -> Loss | None:
    """Return what is minimised at the model's output `output`."""
    compiled = settings.loss_of(output) if settings else None
    if recipe.loss is None or (compiled and _says_more(compiled, recipe.loss)):
        return compiled
    return asked(recipe.loss)


def _says_more(compiled: Loss, name: str) -> bool:
    """Return whether `compiled` is the loss `name`, on an output that it calls logits."""
    same = CLASS_LOSSES if name in CLASS_LOSSES else (name,)
    return compiled.name in same and bool(compiled.config.get("from_logits"))


def chosen_output(model: Any, recipe: Recipe) -> tuple[int, str]:
    """Return the place and the name of the output of `model` that `recipe` chooses.

    Raises:
        KerasFileError: the model is subclassed, so that it has no outputs to choose from.
        UsageError: there are several, and none is chosen, or one that does not exist.
    """
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise KerasFileError(
            "the model is subclassed: it does not say its inputs and outputs; export it, "
            "model.export('folder'), and convert the folder"
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
