"""The story of a conversion: load, trace, lower, mark, verify, save."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.conversion import metadata
from converter.conversion.interface import choose_interface
from converter.conversion.report import Report, layer_rows
from converter.coreml import mlmodel
from converter.coreml.inspection import describe_features
from converter.coreml.interface import Interface
from converter.errors import KerasFileError, UnsupportedError, UsageError
from converter.files import check_paths, replacing
from converter.keras_file.compiled import CompileSettings, Loss
from converter.learning import choice, head, marking, notes
from converter.learning.choice import Candidate
from converter.learning.head import Head
from converter.learning.settings import Training, training
from converter.load import LoadedModel, load, output_names
from converter.lower.walk import Lowered, interface_shape, lower
from converter.proof.predictions import expectation, validated, verified
from converter.proof.update import update_checked
from converter.recipe import Recipe
from converter.trace.fuse import fuse
from converter.trace.leading import leading_rescaling
from converter.trace.program import Array, KerasLayer, Program, without_dead_ops
from converter.trace.tracing import trace

Step = Callable[[str], AbstractContextManager[Any]]
"""Called with the name of each step; the step runs inside the context it returns."""


def nothing_shown(step: str) -> AbstractContextManager[None]:
    """Show nothing while a step runs."""
    return nullcontext()


def convert_file(recipe: Recipe, step: Step = nothing_shown) -> Report:
    """Convert the Keras file that `recipe` names and write the ``.mlmodel``.

    Nothing is written unless every step succeeds, and the written bytes are what was verified.

    Raises:
        MakeUpdatableError: in one line, what is wrong and what to do.
    """
    target = recipe.destination()
    check_paths(recipe.model, target)
    with step("load"):
        loaded = load_source(recipe)
    prepared = prepare(loaded.model, loaded.compile_settings, recipe, step, loaded.scaled)
    prepared.notes += tuple(loaded.notes)
    twin = loaded.model if recipe.verify_update else None
    del loaded  # big models need the memory
    return write(prepared, target, recipe, step, twin)


def load_source(recipe: Recipe) -> LoadedModel:
    """Load the Keras file that `recipe` names, as `recipe` says.

    Raises:
        KerasFileError: the file cannot be read, or not without running code stored in it.
        UnsupportedError: the model is larger than a ``.mlmodel`` can be.
    """
    return load(
        recipe.model,
        allow_unsafe=recipe.allow_unsafe,
        input_shape=recipe.input_shape,
        lambda_scaling=_scaling(recipe),
        check=_check_unread,
    )


@dataclass
class Prepared:
    """A marked network, the weights that go into its file, and what it must then predict."""

    spec: mlmodel.Message
    weights: list[tuple[mlmodel.Message, Array]]
    interface: Interface
    inputs: dict[str, Array]
    expected: Array | None
    training: Training
    loss: str
    notes: tuple[str, ...]


def prepare(
    model: Any,
    settings: CompileSettings | None,
    recipe: Recipe,
    step: Step = nothing_shown,
    scaled: bool = False,
) -> Prepared:
    """Return the updatable network for the live Keras `model`, with Keras's own predictions.

    `scaled` says that the scale and bias of `recipe` are in the model already.

    Raises:
        MakeUpdatableError: the model cannot be converted, or the chosen layers cannot learn.
    """
    given, recipe = recipe, _without_scaling(recipe) if scaled else recipe
    index, output = _chosen_output(model, recipe)
    with step("trace"):
        program = _one_output(fuse(trace(model, recipe.input_shape)), index)
    _check_size(weight.shape for weight in program.weights.values())
    leading = leading_rescaling(program)
    interface, program = choose_interface(model, program, leading, recipe)
    loss = _loss(settings, output, recipe)
    with step("lower"):
        chosen, lowered, end = _lowered(program, interface, loss, recipe.layers)
    plan, said = training(recipe, settings), list(notes.about(model, chosen, settings, lowered.net))
    if end.binary is not None:
        plan, binary = notes.binary_head(plan, end.binary, chosen, recipe)
        said.append(binary)
    said += notes.about_loss(end, lowered.net, recipe.classes is not None)
    inputs, expected = expectation(model, index, interface, lowered, end, leading, recipe)
    with step("write"):
        spec, weights = _marked(lowered, interface, end, chosen, plan)
        metadata.describe(spec, given)
    return Prepared(
        spec, weights, interface, inputs, expected, plan, end.loss, (*plan.notes, *said)
    )  # fmt: skip


def write(
    prepared: Prepared,
    target: Path,
    recipe: Recipe,
    step: Step = nothing_shown,
    twin: Any | None = None,
) -> Report:
    """Write `prepared` to `target` after reading it back and comparing it with Keras.

    With `twin`, the live Keras model or a copy of it, an update step is compared, too; that trains
    the twin.

    Raises:
        ParityError: the written model predicts or learns something else; no file is left.
        OutputError: the file cannot be written.
    """
    gap = None
    with replacing(target) as temporary:
        mlmodel.write_with(prepared.spec, prepared.weights, temporary)
        prepared.weights.clear()
        gc.collect()  # Keras's weights make room for those of the written model
        written = mlmodel.read(temporary)
        with step("verify"):
            prepared.notes += validated(written)
            if prepared.expected is not None:
                gap, said = verified(
                    written, prepared.inputs, prepared.interface.output, prepared.expected, recipe,
                    prepared.loss,
                )  # fmt: skip
                prepared.notes += said
        if twin is not None:
            with step("verify_update"):
                prepared.notes += (update_checked(written, twin),)
        return _report(written, prepared, temporary.stat().st_size, gap)


def _scaling(recipe: Recipe) -> tuple[float, float | tuple[float, ...]] | None:
    """Return the scale and bias of `recipe`, or None if it has neither."""
    if recipe.scale is None and recipe.bias is None:
        return None
    bias = recipe.bias or (0.0,)
    return 1.0 if recipe.scale is None else recipe.scale, bias[0] if len(bias) == 1 else bias


def _without_scaling(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"scale": None, "bias": None})


def _chosen_output(model: Any, recipe: Recipe) -> tuple[int, str]:
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


def _check_unread(model: Any) -> None:
    """Refuse a model that is too large before its weights are read, unless a part is chosen."""
    if len(model.outputs) == 1:
        _check_size(tuple(variable.shape) for variable in model.weights)


def _check_size(shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse, before the long work starts, what no model file could hold."""
    size = 4 * sum(math.prod(shape) for shape in shapes)
    if size > mlmodel.LARGEST_MESSAGE:
        raise UnsupportedError(
            f"the model has {size / 1e9:.1f} GB of weights, but a Core ML model file holds at most "
            "2.1 GB; convert a smaller model"
        )


def _loss(settings: CompileSettings | None, output: str, recipe: Recipe) -> Loss | None:
    if recipe.loss:  # whoever asks for cross-entropy on a linear output means logits
        return Loss(recipe.loss, {"from_logits": True})
    return settings.loss_of(output) if settings else None


def _lowered(
    program: Program, interface: Interface, loss: Loss | None, patterns: tuple[str, ...]
) -> tuple[list[KerasLayer], Lowered, Head]:
    """Lower `program` and attach its head; the layers that learn are chosen first or by default."""
    if patterns:
        chosen = choice.chosen_layers(program, patterns)
    else:
        chosen = choice.default_choice(_attempt(program, interface, loss, [])[2])
    lowered, end, found = _attempt(program, interface, loss, chosen)
    choice.check_choice(found, chosen)
    return chosen, lowered, end


def _attempt(
    program: Program, interface: Interface, loss: Loss | None, updatable: list[KerasLayer]
) -> tuple[Lowered, Head, list[Candidate]]:
    """Lower `program` for `updatable` to learn; tell which layers a gradient reaches then."""
    lowered = lower(program, interface, updatable)
    end = head.attach(lowered.net, lowered.output, loss)
    return lowered, end, choice.candidates(lowered.net, end.blob.name)


def candidates(
    model: Any,
    settings: CompileSettings | None,
    recipe: Recipe,
    loss: Loss | None = None,
    step: Step = nothing_shown,
) -> list[Candidate]:
    """Return every layer of the live Keras `model` with a kernel, and whether it may learn.

    `loss` stands in for the one of `settings` or `recipe`.

    Raises:
        MakeUpdatableError: the model cannot be converted at all.
    """
    index, output = _chosen_output(model, recipe)
    with step("trace"):
        program = _one_output(fuse(trace(model, recipe.input_shape)), index)
    interface, program = choose_interface(model, program, leading_rescaling(program), recipe)
    with step("lower"):
        return _attempt(program, interface, loss or _loss(settings, output, recipe), [])[2]


def _marked(
    lowered: Lowered, interface: Interface, end: Head, chosen: list[KerasLayer], plan: Training
) -> tuple[mlmodel.Message, list[tuple[mlmodel.Message, Array]]]:
    """Put in everything that makes the network updatable; return the model, and its weights."""
    net, builder = lowered.net, lowered.net.builder
    names = [name for name, weighted in net.weighted.items() if weighted.keras in chosen]
    weights = [weighted.bind() for weighted in net.weighted.values()]
    marking.rename_blob(builder, end.blob.name, interface.output)
    shape = interface_shape(end.blob)
    marking.set_interface(builder, interface, shape)
    marking.mark(builder, names, end.loss, interface.output, shape, plan)
    return builder.spec, weights


def _report(written: mlmodel.Message, prepared: Prepared, size: int, gap: float | None) -> Report:
    description = written.description
    return Report(
        layers=layer_rows(written),
        inputs=describe_features(description.input),
        outputs=describe_features(description.output),
        training_inputs=describe_features(description.trainingInput),
        loss=prepared.loss,
        training=prepared.training,
        size=size,
        parity=gap,
        notes=prepared.notes,
    )
