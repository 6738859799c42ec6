"""Samples that can be seen, and what a model says of them, before and after a training."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from converter.coreml.mlmodel import Message
from converter.page.document import Section, data_address
from converter.page.parts import STYLE, joined, paragraphs
from converter.page.rendering import render
from converter.runtime import Answers, Samples
from converter.runtime.backend import Array, Integers

MOST_PICTURES = 12

LARGEST_SIDE = 96
"""Pixels of a picture on the page; larger ones are made smaller, so that the page stays small."""


@dataclass(frozen=True)
class Card:
    """A picture, and what is said of it; `before` and `after` are in words."""

    address: str
    alt: str
    width: int
    height: int
    true: str
    said: tuple[tuple[str, str], ...]


def samples(
    model: Message, given: Samples, after: Answers, before: Answers | None = None
) -> list[Section]:
    """Return the section, none if the input of `model` is no picture.

    Those whose class has changed come first, of the others those that are wrong now.
    """
    name = picture_input(model)
    if name is None:
        return []
    chosen = told_first(after, before)
    pictures = pixels(given.take(chosen)[name], model, name)
    cards = [
        _card(picture, int(number), after, before)
        for picture, number in zip(pictures, chosen, strict=True)
    ]
    body = [paragraphs([_about(chosen, after, before)]), render("samples.html.j2", cards=cards)]
    title = "Samples before and after" if before else "Samples"
    return [Section(title, joined(body), STYLE)]


def picture_input(model: Message) -> str | None:
    """Return the input of `model` that can be seen: an image, or an array of 1 or 3 channels."""
    inputs = list(model.description.input)
    if len(inputs) != 1:
        return None
    kind = inputs[0].type.WhichOneof("Type")
    shape = [int(size) for size in inputs[0].type.multiArrayType.shape]
    is_array = len(shape) == 3 and shape[0] in (1, 3) and min(shape[1:]) > 1
    return inputs[0].name if kind == "imageType" or is_array else None


def told_first(after: Answers, before: Answers | None) -> Integers:
    """Return the samples to show: whose class has changed, then the wrong ones, then the others."""
    changed = np.zeros(len(after.true), bool)
    if before is not None:
        changed = _named(before) != _named(after)
    order = np.lexsort((-after.certainty, after.right, ~changed))
    return np.asarray(order[:MOST_PICTURES])


def _named(answers: Answers) -> Array:
    """Return the predicted classes by name: before, there may have been others."""
    return np.array(answers.classes, object)[answers.predicted]


def pixels(taken: Array, model: Message, name: str) -> Array:
    """Return ``[N, H, W, 1 or 3]``, 8 bits, of samples as the input `name` takes them.

    Arrays from 0 to 1 or from 0 to 255 are shown as such, any others between their least and
    their greatest value.
    """
    array = np.asarray(taken, np.float32)
    feature = next(each for each in model.description.input if each.name == name)
    if feature.type.WhichOneof("Type") != "imageType":
        array = array.transpose(0, 2, 3, 1)
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if high <= 1 else 255.0
    scaled = (array - low) * (255 / ((high - low) or 1))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)


def _card(picture: Array, number: int, after: Answers, before: Answers | None) -> Card:
    address, width, height = _picture(picture)
    said = [("before", _said(before, number))] if before else []
    said.append(("after" if before else "predicted", _said(after, number)))
    true = after.classes[after.true[number]]
    return Card(address, f"sample {number}, class {true}", width, height, true, tuple(said))


def _picture(picture: Array) -> tuple[str, int, int]:
    """Return a picture as an address, with the width and height that it is seen in."""
    from PIL import Image

    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    enlarged = max(1, LARGEST_SIDE // max(image.size))
    width, height = (enlarged * size for size in image.size)
    return data_address(data.getvalue(), "image/png"), width, height


def _said(answers: Answers, number: int) -> str:
    """Return the class that a model names for a sample, and whether that is right."""
    name = answers.classes[answers.predicted[number]]
    verdict = "right" if answers.right[number] else "wrong"
    return f"{name} ({100 * answers.certainty[number]:.0f} %), {verdict}"


def _about(chosen: Integers, after: Answers, before: Answers | None) -> str:
    if before is None:
        return f"{len(chosen)} of {len(after.true):,} samples, those with a wrong class first."
    changed = int((_named(before) != _named(after)).sum())
    better = int((after.right & ~before.right).sum())
    worse = int((before.right & ~after.right).sum())
    return (
        f"The training has changed the class of {changed:,} of {len(after.true):,} samples: "
        f"{better:,} became right, {worse:,} wrong. {len(chosen)} are shown, the changed ones "
        "first."
    )
