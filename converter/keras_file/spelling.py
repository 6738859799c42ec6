"""The tables that bring a layer of any earlier Keras to today's spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from converter.errors import KerasFileError
from converter.keras_file import keras1
from converter.keras_file.bytecode import without_code
from converter.keras_file.inference import PASSES, at_inference


@dataclass(frozen=True)
class Origin:
    """The Keras that wrote a file: its version, such as "2.3.0-tf", and its backend."""

    version: str
    backend: str

    @property
    def major(self) -> int:
        """1, 2 or 3; 2 for TensorFlow.js, which calls its version "tfjs-layers 1.3"."""
        return self.number[0]

    @property
    def number(self) -> tuple[int, int]:
        """Major and minor version."""
        found = re.match(r"(\d+)(?:\.(\d+))?", self.version)
        return (int(found[1]), int(found[2] or 0)) if found else (2, 4)

    @property
    def is_tensorflow_js(self) -> bool:
        """Whether the model was made in TensorFlow.js, not converted for it."""
        return self.version.startswith("tfjs")

    @property
    def is_separate_package(self) -> bool:
        """Whether it was Keras 1, or Keras 2 up to 2.3 outside of TensorFlow."""
        return self.number < (2, 4) and "-tf" not in self.version


CLASSES = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Custom>CustomScaleLayer": "CustomScaleLayer",
    "SyncBatchNormalization": "BatchNormalization",
    "DenseV1": "Dense",
    "FlattenV1": "Flatten",
    "GRUV2": "GRU",
    "LSTMV2": "LSTM",
    "ThresholdedReLU": "ReLU",
}
"""Class of an earlier Keras -> today's class that computes the same."""

ARGUMENTS = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "ReLU": {"theta": "threshold"},
}
"""Today's class -> argument of an earlier Keras -> today's argument."""

UNUSED = {
    "batch_input_shape", "batch_size", "input_dtype", "input_shape", "lora_alpha", "lora_rank",
    "seed",
}  # fmt: skip
"""Arguments that are read elsewhere, or say nothing about what a trained layer computes."""

ANYTHING = object()

WITHOUT_EFFECT: Mapping[str, Any] = {
    "fused": ANYTHING,  # how batch normalization is computed, not what
    "groups": 1,  # DepthwiseConv2D of TensorFlow 2.3 to 2.15
    "implementation": ANYTHING,  # how a recurrent layer is computed, not what
    "input_length": ANYTHING,  # of an Embedding: said again by its input
    "renorm": False,
    "renorm_momentum": ANYTHING,  # of a batch normalization, used where renorm is true
    "rms_scaling": False,  # of a layer normalization, until Keras made it a class of its own
    "synchronized": ANYTHING,  # batch normalization over several devices, in training
    "time_major": False,
}
"""Argument that some version of a layer lacks -> the value at which nothing is lost without it."""

MISSING: Mapping[str, Mapping[str, Any]] = {
    "GRU": {"reset_after": False},
    "GRUCell": {"reset_after": False},
}
"""Class -> argument that files before Keras 3 may lack -> what was meant, if not the default."""

IDLE_CLASSES = ("AddLoss", "AddMetric")
"""Layers of tf.keras that add a term to the loss; nothing reads their output."""

ACTIVATIONS = {
    "log_softmax_v2": "log_softmax",
    "relu_v2": "relu",
    "softmax_v2": "softmax",
    "swish": "silu",
}
"""Stored name of an activation -> today's. TensorFlow's own functions go by their inner name."""

EARLY_ACTIVATIONS = {"hard_sigmoid": "hard_sigmoid_of_keras_2"}
"""Activations whose formula changed with Keras 3."""


def to_today(
    class_name: str, config: Mapping[str, Any], origin: Origin
) -> tuple[str, dict[str, Any]]:
    """Return class and arguments as today's Keras spells them; activations stay plain names.

    Initializers are dropped: every weight comes from the file.

    Raises:
        KerasFileError: an argument had a meaning that today's Keras cannot express.
    """
    arguments = dict(config)
    if quantization := arguments.pop("quantization_config", None):
        mode = str(quantization.get("class_name")).removesuffix("QuantizationConfig").lower()
        raise KerasFileError(quantized(mode))
    if class_name == "Lambda":
        return without_code(config) or (class_name, arguments)
    if origin.major == 1:
        class_name, arguments = keras1.to_keras2(class_name, arguments)
    class_name = CLASSES.get(class_name, class_name)
    class_name, arguments = at_inference(class_name, arguments, origin.number)
    for old, new in ARGUMENTS.get(class_name, {}).items():
        if old in arguments:
            arguments[new] = arguments.pop(old)
    if origin.major < 3:
        arguments = {**MISSING.get(class_name, {}), **arguments}
    _check_upsampling(class_name, arguments, origin)
    _check_padding(arguments, origin)
    if class_name == "BatchNormalization" and isinstance(arguments.get("axis"), list):
        (arguments["axis"],) = arguments["axis"]  # tf.keras 2 stores a list of one
    return class_name, {
        key: _activation(value, origin) if key.endswith("activation") else value
        for key, value in arguments.items()
        if key not in UNUSED and not key.endswith("_initializer")
    }


def _activation(value: Any, origin: Origin) -> Any:
    """Return the name of an activation function, or the JSON of a layer used as one."""
    if isinstance(value, Mapping) and isinstance(value.get("config"), str):
        value = value["config"]  # {"class_name": "function", "config": "relu"}
    if not isinstance(value, str):
        return value
    if origin.major < 3:
        value = EARLY_ACTIVATIONS.get(value, value)
    return ACTIVATIONS.get(value, value)


def _check_upsampling(class_name: str, arguments: Mapping[str, Any], origin: Origin) -> None:
    """Bilinear upsampling had its pixel centres elsewhere before TensorFlow 2.

    It has in TensorFlow.js (tfjs-layers: UpSampling2D, Resizing), where resizing aligns corners.
    """
    interpolation = arguments.get("interpolation", "nearest")
    is_bilinear = class_name == "UpSampling2D" and interpolation != "nearest"
    if origin.is_tensorflow_js and (is_bilinear or class_name == "Resizing"):
        raise KerasFileError(
            "resizes, which TensorFlow.js computes differently from Keras, so that it cannot be "
            "read exactly; export a model without this layer"
        )
    if is_bilinear and origin.is_separate_package:
        raise KerasFileError(
            f"upsamples with interpolation={interpolation!r}, which Keras {origin.version} "
            "computed differently from today's; save the model with a newer Keras"
        )


def _check_padding(arguments: Mapping[str, Any], origin: Origin) -> None:
    """On Theano, Keras padded both sides alike where TensorFlow pads the far side more."""
    if origin.backend != "theano" or arguments.get("padding") != "same":
        return
    sizes, strides = (
        value if isinstance(value, list) else [value or 1]
        for value in (
            arguments.get("kernel_size") or arguments.get("pool_size"),
            arguments.get("strides"),
        )
    )
    if any(stride > 1 for stride in strides) or any(size % 2 == 0 for size in sizes):
        raise KerasFileError(
            "was trained on Theano, where padding='same' with strides or even kernel sizes meant "
            "other pixels than on TensorFlow; it cannot be read exactly"
        )


def has_no_effect(class_name: str, argument: str, value: Any) -> bool:
    """Tell whether an argument that today's class does not know can be left out.

    None says nothing. What is left of random augmentation at inference is the identity. A penalty
    or constraint of weights that the layer does not have (any more) never had one.
    """
    if value is None or class_name in PASSES:
        return True
    if argument.endswith(("_regularizer", "_constraint")):
        return True
    return WITHOUT_EFFECT.get(argument, ...) in (ANYTHING, value)


FLOATS = ("float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def quantized(mode: str) -> str:
    """Return what to say of a layer whose weights are whole numbers of `mode`, such as int8."""
    return f"is quantized to {mode}; convert the float32 model that it was made from"


def dtype_name(stored: Any) -> str:
    """Return the name of a data type or dtype policy, however it is stored.

    Raises:
        KerasFileError: the layer is quantized.
    """
    if isinstance(stored, Mapping):
        config = stored.get("config") or {}
        if "mode" in config or "Quantized" in str(stored.get("class_name")):
            mode = config.get("mode") or str(config.get("name")).split("_from_")[0]
            raise KerasFileError(quantized(mode))
        stored = config.get("name") or config.get("source_name") or stored.get("class_name")
    name = str(stored or "float32")
    if "_from_" in name or "Quantized" in name:
        raise KerasFileError(quantized(name.split("_from_")[0]))
    return name
