"""The story of a conversion: load, trace, lower, mark, verify, save."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter import gradient_path, head, metadata, mlmodel, notes, parity, updatable, validate
from converter.compile_settings import CompileSettings, Loss
from converter.errors import (
    InvalidModelError,
    KerasFileError,
    ParityError,
    UsageError,
)
from converter.files import check_paths, replacing
from converter.fuse import fuse
from converter.gradient_path import Candidate
from converter.head import CROSS_ENTROPY, Head
from converter.image_input import Leading, leading_rescaling
from converter.interface import ImageInput, Interface, Labels
from converter.load import load, output_names
from converter.lower import Lowered, interface_shape, lower
from converter.program import Array, KerasLayer, Program, without_dead_ops
from converter.recipe import Recipe
from converter.report import Report, describe_features, layer_rows
from converter.trace import trace
from converter.training import training

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
        loaded = load(
            recipe.model, allow_unsafe=recipe.allow_unsafe, input_shape=recipe.input_shape
        )
    prepared = prepare(loaded.model, loaded.compile_settings, recipe, step)
    del loaded
    return write(prepared, target, recipe, step)


@dataclass
class Prepared:
    """A marked network in memory, and what it must predict for which inputs."""

    spec: mlmodel.Message | None
    interface: Interface
    inputs: dict[str, Array]
    expected: Array | None
    training: Any
    loss: str
    notes: tuple[str, ...]


def prepare(
    model: Any,
    settings: CompileSettings | None,
    recipe: Recipe,
    step: Step = nothing_shown,
) -> Prepared:
    """Return the updatable network for the live Keras `model`, with Keras's own predictions.

    Raises:
        MakeUpdatableError: the model cannot be converted, or the chosen layers cannot learn.
    """
    index, output = _chosen_output(model, recipe)
    with step("trace"):
        program = _one_output(fuse(trace(model, recipe.input_shape)), index)
    leading = leading_rescaling(program)
    interface, program = _interface(model, program, leading, recipe)
    loss = _loss(settings, output, recipe)
    with step("lower"):
        chosen, lowered, end = _lowered(program, interface, loss, recipe.layers)
    plan, said = training(recipe, settings), list(notes.about(model, chosen, settings, lowered.net))
    if end.binary is not None:
        plan, binary = notes.binary_head(plan, end.binary, chosen, recipe)
        said.append(binary)
    said += notes.about_loss(end, lowered.net, _labels_given(recipe))
    inputs, expected = _expectation(model, index, interface, lowered, end, leading, recipe)
    with step("write"):
        spec = _marked(lowered, interface, end, chosen, plan)
        metadata.describe(spec, recipe)
    return Prepared(spec, interface, inputs, expected, plan, end.loss, (*plan.notes, *said))


def write(prepared: Prepared, target: Path, recipe: Recipe, step: Step = nothing_shown) -> Report:
    """Write `prepared` to `target` after reading it back and comparing it with Keras.

    Raises:
        ParityError: the written model predicts something else; no file is left.
        OutputError: the file cannot be written.
    """
    data = mlmodel.serialize(prepared.spec)
    prepared.spec = None  # the written model takes its place: big models need the memory
    gc.collect()
    gap = None
    with replacing(target) as temporary:
        temporary.write_bytes(data)
        del data
        written = mlmodel.read(temporary)
        with step("verify"):
            warnings = _validated(written)
            if prepared.expected is not None:
                gap = _verified(written, prepared, recipe.tolerance)
        prepared.notes += warnings
        return _report(written, prepared, temporary.stat().st_size, gap)


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


def _loss(settings: CompileSettings | None, output: str, recipe: Recipe) -> Loss | None:
    if recipe.loss:  # whoever asks for cross-entropy on a linear output means logits
        return Loss(recipe.loss, {"from_logits": True})
    return settings.loss_of(output) if settings else None


def _lowered(
    program: Program, interface: Interface, loss: Loss | None, patterns: tuple[str, ...]
) -> tuple[list[KerasLayer], Lowered, Head]:
    """Lower `program` and attach its head; the layers that learn are chosen first or by default."""
    if patterns:
        chosen = gradient_path.chosen_layers(program, patterns)
    else:
        chosen = gradient_path.default_choice(_attempt(program, interface, loss, [])[2])
    lowered, end, found = _attempt(program, interface, loss, chosen)
    gradient_path.check_choice(found, chosen)
    return chosen, lowered, end


def _attempt(
    program: Program, interface: Interface, loss: Loss | None, updatable: list[KerasLayer]
) -> tuple[Lowered, Head, list[Candidate]]:
    """Lower `program` for `updatable` to learn; tell which layers a gradient reaches then."""
    lowered = lower(program, interface, updatable)
    end = head.attach(lowered.net, lowered.output, loss)
    return lowered, end, gradient_path.candidates(lowered.net, end.blob.name)


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
    interface, program = _interface(model, program, leading_rescaling(program), recipe)
    with step("lower"):
        return _attempt(program, interface, loss or _loss(settings, output, recipe), [])[2]


def _marked(
    lowered: Lowered, interface: Interface, end: Head, chosen: list[KerasLayer], plan: Any
) -> mlmodel.Message:
    """Put in the weights and everything that makes the network updatable; return the model."""
    net, builder = lowered.net, lowered.net.builder
    names = [name for name, weighted in net.weighted.items() if weighted.keras in chosen]
    for weighted in net.weighted.values():
        weighted.bind()
    updatable.rename_blob(builder, end.blob.name, interface.output)
    shape = interface_shape(end.blob)
    updatable.set_interface(builder, interface, shape)
    updatable.mark(builder, names, end.loss, interface.output, shape, plan)
    return builder.spec


def _interface(
    model: Any, program: Program, leading: Leading | None, recipe: Recipe
) -> tuple[Interface, Program]:
    """Return the names, image input and labels; and the program without what the image takes."""
    image = _image(program, recipe)
    if image and leading and recipe.scale is None and recipe.bias is None:
        scale = leading.scale
        if np.all(scale == scale[0]):
            bias = tuple(leading.bias.tolist())
            bias = bias[::-1] if image.colour == "bgr" else bias
            image = ImageInput(image.colour, float(scale[0]), bias)
            program = leading.program
    labels = _labels(recipe)
    output = recipe.output_name or ("classProbability" if labels else "output")
    interface = Interface(_input_names(model, recipe), output, image, labels, recipe.label_name)
    if len({*interface.inputs, output, interface.label}) < len(interface.inputs) + 2:
        raise UsageError("inputs, output and label must have different names")
    return interface, program


def _image(program: Program, recipe: Recipe) -> ImageInput | None:
    if recipe.image is None:
        if recipe.scale is not None or recipe.bias is not None:
            raise UsageError(
                "--scale and --bias are for image inputs; add --image rgb, bgr or gray"
            )
        return None
    shape = program.inputs[0].shape[1:]
    channels = 1 if recipe.image == "gray" else 3
    if len(program.inputs) > 1 or shape[2:] not in ((channels,), (1,) * (channels == 1) and ()):
        raise UsageError(
            f"--image {recipe.image} needs one input of {channels} channel(s), "
            f"but the model takes {', '.join(str(ref.shape[1:]) for ref in program.inputs)}"
        )
    bias = recipe.bias or (0.0,)
    if len(bias) not in (1, channels):
        raise UsageError(f"--bias has {len(bias)} numbers for {channels} channel(s)")
    return ImageInput(recipe.image, 1.0 if recipe.scale is None else recipe.scale, bias)


def _input_names(model: Any, recipe: Recipe) -> tuple[str, ...]:
    if len(model.inputs) > 1:
        if recipe.input_name:
            raise UsageError("--input-name is for models with one input")
        return tuple(tensor.name for tensor in model.inputs)
    usual = "image" if len(model.inputs[0].shape) == 4 else "input"
    return (recipe.input_name or usual,)


def _labels_given(recipe: Recipe) -> bool:
    return recipe.classes is not None


def _labels(recipe: Recipe) -> Labels | None:
    if recipe.classes is None:
        return None
    if not isinstance(recipe.classes, Path):
        labels: Labels = recipe.classes
    else:
        labels = read_labels(recipe.classes)
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise UsageError(f"class label '{twice}' is given twice")
    return labels


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the class labels in the file `path`, one a line; empty lines are ignored.

    Raises:
        UsageError: the file cannot be read or holds no label.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as class labels ({error})") from error
    labels = tuple(line.strip() for line in lines if line.strip())
    if not labels:
        raise UsageError(f"{path}: holds no class label")
    return labels


def _expectation(
    model: Any, index: int, interface: Interface, lowered: Lowered, end: Head,
    leading: Leading | None, recipe: Recipe,
) -> tuple[dict[str, Array], Array | None]:  # fmt: skip
    """Return inputs for the Core ML model and what it must predict, or None if not to verify."""
    if interface.labels and len(interface.labels) != end.blob.channels:
        raise UsageError(
            f"{len(interface.labels)} class labels for {end.blob.channels} outputs of the model"
        )
    if not recipe.verify:
        return {}, None
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if recipe.input_shape:
        shapes = [recipe.input_shape]
    image = interface.image
    highest = 256.0 if image else 1 / float(np.abs(leading.scale).max()) if leading else 1.0
    batch = parity.samples(shapes, highest, pixels=image is not None)
    axes = [blob.axes for blob in lowered.inputs]
    given = {
        name: x if image else parity.core_ml_array(x, letters)
        for name, x, letters in zip(interface.inputs, batch, axes, strict=True)
    }
    if image:
        own = recipe.scale is None and recipe.bias is None
        as_keras = ImageInput(image.colour) if own else image
        batch = [parity.keras_pixels(batch[0], as_keras)]
    raw = parity.keras_predictions(model, batch, index)
    flat = raw.reshape(len(raw), -1) if end.blob.chw[1:] == (1, 1) else raw
    return given, end.expected(flat)


def _validated(written: mlmodel.Message) -> tuple[str, ...]:
    """Return the warnings about the written model.

    Raises:
        InvalidModelError: Core ML would refuse it.
    """
    found = validate.findings(written)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        raise InvalidModelError(
            f"the converted model would not work: {errors[0].text()}; nothing was written; "
            "please report this model"
        )
    return tuple(finding.text() for finding in found)


def _verified(written: mlmodel.Message, prepared: Prepared, tolerance: float) -> float:
    found = parity.predict(written, prepared.inputs, prepared.interface.output)
    assert prepared.expected is not None
    is_class = prepared.loss == CROSS_ENTROPY
    compare = parity.difference_of_probabilities if is_class else parity.difference
    gap = compare(prepared.expected, found)
    if gap > tolerance:
        raise ParityError(
            f"the converted model differs from Keras by {gap:.1e} of the output's range (allowed "
            f"{tolerance:.0e}); nothing was written; please report this model, or raise --tolerance"
        )
    return gap


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
