"""Small updatable models of every interface, made with coremltools' ``NeuralNetworkBuilder``."""

import contextlib
import io

import numpy as np

from converter.backend.coremltools import NeuralNetworkBuilder, SgdParams, datatypes


def build(labels=None, image=None, regression=False, frozen=True, classes=3, batch_sizes=(4, 8)):
    """Return a model with layers ``first`` and ``second``; `second` learns, `first` if not frozen.

    The input is ``[1, 4, 4]``, or an `image` of that size: "gray", "rgb" or "bgr".
    """
    random = np.random.default_rng(3)
    channels = 3 if image in ("rgb", "bgr") else 1
    output = "classProbability" if labels else "output"
    builder = NeuralNetworkBuilder(
        [("image", datatypes.Array(channels, 4, 4))],
        [(output, datatypes.Array(classes))],
        mode="classifier" if labels else None,
    )
    kernel = random.normal(size=(2, 2, channels, 2)).astype(np.float32)
    builder.add_convolution(
        "first", channels, 2, 2, 2, 1, 1, "valid", 1, kernel, np.zeros(2, np.float32), True,
        input_name="image", output_name="first",
    )  # fmt: skip
    builder.add_activation("first__activation", "RELU", "first", "first__activation")
    builder.add_flatten("flatten", 0, "first__activation", "flatten")
    weights = random.normal(size=(classes, 18)).astype(np.float32)
    last = output if regression else "second"
    builder.add_inner_product(
        "second", weights, np.zeros(classes, np.float32), 18, classes, True, "flatten", last
    )
    if not regression:
        builder.add_softmax("second__softmax", "second", output)
    if image:
        builder.set_pre_processing_parameters(
            image_input_names=["image"], is_bgr=image == "bgr", image_scale=1 / 255
        )
    if labels:
        builder.set_class_labels(list(labels), "classLabel", output)
    with contextlib.redirect_stdout(io.StringIO()):
        builder.make_updatable(["second"] if frozen else ["first", "second"])
        if regression:
            builder.set_mean_squared_error_loss("loss", (output, datatypes.Array(classes)))
        else:
            builder.set_categorical_cross_entropy_loss("loss", output)
    sgd = SgdParams(lr=0.1, batch=batch_sizes[0])
    sgd.set_lr(0.1, 0.0, 1.0)
    sgd.set_momentum(0.5, 0.0, 1.0)
    sgd.set_batch(batch_sizes[0], list(batch_sizes))
    builder.set_sgd_optimizer(sgd)
    builder.set_epochs(2, [1, 2, 5])
    builder.spec.specificationVersion = 4
    return builder.spec


INTERFACES = {
    "array": {},
    "image": {"image": "bgr", "frozen": False},
    "string_classifier": {"labels": ("cat", "dog", "owl"), "image": "rgb"},
    "integer_classifier": {"labels": (7, 8, 9)},
    "regressor": {"regression": True, "classes": 2, "frozen": False},
}
