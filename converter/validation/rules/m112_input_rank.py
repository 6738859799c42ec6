"""An array input of a network has a number of axes that its shape mapping does not allow.

What: with the default RANK5 mapping, an array input that is neither [C] nor [C, H, W]; with exact
shapes, one without axes, or with flexible ranges for another number of axes.
Why: Core ML refuses the model. [N, C] or [N, H, W, C] from Python do not fit the classic form.
Fix: declare [C] or [C, H, W]; the batch is not part of the shape.
Source: `validateNeuralNetworkTopLevel` in `NeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M112", "input-rank", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each array input of a network with a wrong number of axes."""
    if model.net is None:
        return
    for feature in model.description.input:
        if feature.type.WhichOneof("Type") != "multiArrayType":
            continue
        array, name = feature.type.multiArrayType, quoted(feature.name)
        if not model.exact and not _is_classic(array):
            yield RULE.found(
                f"input {name} has shape {list(array.shape)}, neither [C] nor [C, H, W]",
                "declare one of the two; the batch is not part of the shape",
            )
        elif model.exact and not _is_exact(array):
            yield RULE.found(f"input {name} has no axes, or ranges for another number of them",
                             "declare its shape")  # fmt: skip


def _is_classic(array: Message) -> bool:
    if array.shape:
        return len(array.shape) in (1, 3)
    flexibility = array.WhichOneof("ShapeFlexibility")
    if flexibility == "enumeratedShapes":
        return all(len(option.shape) in (1, 3) for option in array.enumeratedShapes.shapes)
    return flexibility == "shapeRange" and len(array.shapeRange.sizeRanges) in (1, 3)


def _is_exact(array: Message) -> bool:
    if array.WhichOneof("ShapeFlexibility") == "shapeRange":
        return len(array.shape) == len(array.shapeRange.sizeRanges) > 0
    return bool(array.shape)
