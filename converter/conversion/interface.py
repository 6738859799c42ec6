"""What the model shows to the app: by the options, else by the Keras model itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from converter.conversion import scaling
from converter.coreml.interface import ImageInput, Interface, Labels
from converter.errors import UsageError
from converter.keras_file.names import own_name
from converter.learning.network import Network
from converter.recipe import Recipe
from converter.recipe.labels import read_labels
from converter.trace.leading import Leading
from converter.trace.program import Program


def choose_interface(
    model: Any, program: Program, leading: Leading | None, recipe: Recipe
) -> tuple[Interface, Program]:
    """Return the names, image input and labels; and the program without what the image takes.

    Raises:
        UsageError: the options contradict the model or each other.
    """
    image, pixels = _image(program, recipe), None
    if image and leading:
        if scaling.is_given(recipe):
            scaling.refuse_doubling(leading, recipe)
        pixels = scaling.together(image, leading)
        image, program = _with_leading(image, leading, scaling.is_given(recipe))
    labels = labels_of(recipe)
    output = recipe.output_name or ("classProbability" if labels else "output")
    names = _input_names(model, recipe)
    interface = Interface(names, output, image, labels, recipe.label_name, pixels)
    if len({*interface.inputs, output, interface.label}) < len(interface.inputs) + 2:
        raise UsageError("inputs, output and label must have different names")
    return interface, program


def check_interface(network: Network) -> None:
    """Check that the lowered `network` gives the classes of its interface.

    Raises:
        UsageError: it gives more or fewer classes than there are labels.
    """
    interface = network.traced.interface
    classes = network.end.blob.channels
    if interface.labels and len(interface.labels) != classes:
        raise UsageError(f"{len(interface.labels)} class labels for {classes} outputs of the model")


def _with_leading(
    image: ImageInput, leading: Leading, is_scaled: bool
) -> tuple[ImageInput, Program]:
    """Return `image` with what the model does to its pixels first, and the rest of the model.

    A reversal of the colours becomes the other colour order. An image input has one scale for all
    channels; where the model has several, or the image `is_scaled` already, they stay in the model.
    """
    if leading.is_arithmetic and (is_scaled or not leading.is_uniform):
        return image, leading.whole
    if leading.is_arithmetic:
        bias = tuple(leading.bias.tolist())
        in_order = bias[::-1] if image.colour == "bgr" else bias
        image = replace(image, scale=float(leading.scale[0]), bias=in_order)
    if not leading.is_reversed:
        return image, leading.unscaled
    return replace(image, colour=OTHER_ORDER[image.colour]), leading.program


OTHER_ORDER = {"rgb": "bgr", "bgr": "rgb"}


def _image(program: Program, recipe: Recipe) -> ImageInput | None:
    """Return the image input that `recipe` asks for, with its own scale and bias."""
    if recipe.image is None:
        if scaling.is_given(recipe):
            fitting = [colour for colour in ("rgb", "bgr", "gray") if _takes(program, colour)]
            advice = f"add --image {' or '.join(fitting)}" if fitting else "leave them out"
            raise UsageError(f"--scale and --bias are for image inputs; {advice}")
        return None
    channels = ImageInput(recipe.image).channels
    if len(program.inputs) > 1:
        raise UsageError(
            f"--image {recipe.image} is for models with one input, and this one has "
            f"{len(program.inputs)}; leave it out: each takes an array, whose values the app scales"
        )
    if not _takes(program, recipe.image):
        raise UsageError(
            f"--image {recipe.image} needs one input of {channels} channel(s), "
            f"but the model takes {', '.join(str(ref.shape[1:]) for ref in program.inputs)}"
        )
    bias = recipe.bias or (0.0,)
    if len(bias) not in (1, channels):
        raise UsageError(f"--bias has {len(bias)} numbers for {channels} channel(s)")
    return ImageInput(recipe.image, 1.0 if recipe.scale is None else recipe.scale, bias)


def _takes(program: Program, colour: str) -> bool:
    """Tell whether the only input, ``[H, W, C]``, or ``[H, W]`` if gray, may be such an image."""
    if len(program.inputs) > 1:
        return False
    shape, channels = program.inputs[0].shape[1:], ImageInput(colour).channels
    return shape[2:] == (channels,) or (channels == 1 and len(shape) == 2)


def _input_names(model: Any, recipe: Recipe) -> tuple[str, ...]:
    if len(model.inputs) > 1:
        if recipe.input_name:
            raise UsageError("--input-name is for models with one input")
        return tuple(own_name(tensor.name) for tensor in model.inputs)
    usual = "image" if len(model.inputs[0].shape) == 4 else "input"
    return (recipe.input_name or usual,)


def labels_of(recipe: Recipe) -> Labels | None:
    """Return the class labels that `recipe` names, or that stand in the file it names.

    Raises:
        UsageError: one is given twice, or the file cannot be read.
    """
    if recipe.classes is None:
        return None
    classes = recipe.classes
    labels: Labels = read_labels(classes) if isinstance(classes, Path) else classes
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise UsageError(f"class label '{twice}' is given twice")
    return labels
