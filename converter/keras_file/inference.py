"""What layers that only training needs do at inference: nothing, or what stands here.

Classes of ``keras.layers`` that augment, regularize or prepare images: 7 in Keras 1.2.2, 8 in
2.2.4, 21 in 2.15; those of 3.15 `tests/loading/test_inference.py` lists, and holds the table
against.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converter.errors import KerasFileError

PASSES = frozenset({
    # Regularization: Keras 1 to 3
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "StochasticDepth",
    # Augmentation: TensorFlow 2.2 to Keras 3
    "AugMix", "CutMix", "Equalization", "MaxNumBoundingBoxes", "MixUp", "RandAugment",
    "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast",
    "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur",
    "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert", "RandomPerspective",
    "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomWidth", "RandomZoom", "Solarization",
})  # fmt: skip
"""Classes whose layers give back what they are given, unless they train."""

ACTS: Mapping[str, str] = {
    "AutoContrast": "stretches the contrast of each picture",
    "CenterCrop": "crops, or resizes a smaller picture",
    "ContrastLimitedAdaptiveHistogramEqualization": "equalizes the histogram of each picture",
    "Normalization": "subtracts a mean and divides by a deviation",
    "RandomCrop": "resizes and crops around the centre, until Keras 3.7",
    "Rescaling": "scales and shifts",
    "Resizing": "resizes, and may crop or pad to keep the aspect ratio",
}
"""Classes whose layers act at inference, too -> what they do then. Built as Keras does it; what
Core ML's classic layers cannot express is refused under the name of the layer."""

GONE = frozenset({"RandomHeight", "RandomWidth"})
"""Classes of `PASSES` that Keras 3 has no more."""

AS_IDENTITY = GONE | {"Equalization"}
"""Classes that are built as Identity: Keras 3.15 cannot call an Equalization in a graph."""

FORCED = PASSES | {"BatchNormalization", "RandomCrop"}
"""Classes whose layers act otherwise where a model of Keras 1 or 2 calls them in training mode."""


def at_inference(
    class_name: str, arguments: Mapping[str, Any], version: tuple[int, int]
) -> tuple[str, dict[str, Any]]:
    """Return class and arguments of what a layer, written by Keras `version`, does at inference."""
    if class_name in AS_IDENTITY:
        return "Identity", {"name": arguments.get("name")}
    if class_name == "RandomCrop" and version < (3, 8):
        kept = ("name", "height", "width", "data_format", "dtype")
        sizes = {key: arguments[key] for key in kept if key in arguments}
        if version >= (3, 6):
            return "WindowCrop", sizes
        if version < (2, 7):
            return "ShorterSideCrop", sizes
        return "Resizing", {**sizes, "crop_to_aspect_ratio": True}
    return class_name, dict(arguments)


def refuse_training_mode(class_name: str, kwargs: Mapping[str, Any], major: int) -> None:
    """Refuse a layer that a model calls with ``training=True``: Keras 1 and 2 obey at inference.

    Keras 3 overrules it by the mode in which the model is called.

    Raises:
        KerasFileError: the layer acts at random, or by the statistics of the batch.
    """
    if major < 3 and class_name in FORCED and kwargs.get("training") in (True, 1):
        raise KerasFileError(
            "is called with training=True, so it works as in training even in predictions, which "
            "Core ML cannot; build the model without training=True and save it again"
        )
