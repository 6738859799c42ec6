"""A mean image does not fit the image that it is subtracted from.

What: a `meanImage` in the preprocessing that is empty, or has another number of values than the
image input that it belongs to has channels × height × width.
Why: Apple's validator does not look at it. There is nothing to subtract, or it is not known from
which pixel.
Fix: store one value for each channel and pixel, or remove the step.
Source: `NeuralNetworkMeanImage` in `NeuralNetwork.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.shapes import declared_shape, describe, volume
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("S313", "mean-image", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each mean image that is empty or of another size than its input."""
    if model.net is None:
        return
    for step in model.net.preprocessing:
        if step.WhichOneof("preprocessor") != "meanImage":
            continue
        values, fix = len(step.meanImage.meanImage), "store one value for each channel and pixel"
        if not values:
            yield RULE.found("the mean image of the preprocessing is empty", fix)
            continue
        for feature in model.description.input:
            belongs = step.featureName in ("", feature.name)
            shape = declared_shape(feature.type)
            if not belongs or shape is None or feature.type.WhichOneof("Type") != "imageType":
                continue
            if volume(shape) not in (None, values):
                message = f"the mean image has {values} values, input {quoted(feature.name)} is "
                yield RULE.found(message + describe(shape), fix)
