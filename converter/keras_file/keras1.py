"""Keras 1 (2015 to 2017): its layers in the spelling of Keras 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converter.errors import KerasFileError

CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
}
"""Class of Keras 1 -> the class of Keras 2 that computes the same."""

MERGES = {
    "ave": "Average",
    "concat": "Concatenate",
    "max": "Maximum",
    "mul": "Multiply",
    "sum": "Add",
}
"""Mode of the layer Merge -> class of Keras 2."""

ARGUMENTS = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "filter_length": "kernel_size",
    "nb_filter": "filters",
    "pool_length": "pool_size",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
"""Argument of Keras 1 -> argument of Keras 2, whatever the class."""

ARGUMENTS_OF = {
    "Dense": {"output_dim": "units"},
    "Dropout": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "UpSampling1D": {"length": "size"},
}
"""Class of Keras 2 -> argument of Keras 1 -> argument of Keras 2."""

UNUSED = {"gamma_init", "beta_init", "init", "input_length"}
"""How weights start does not matter: they come from the file. Lengths follow from the input."""

DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}

REFUSED = (
    "Convolution3D", "Deconvolution2D", "GRU", "Highway", "LSTM", "LocallyConnected1D",
    "LocallyConnected2D", "MaxoutDense", "ParametricSoftplus", "SReLU", "SimpleRNN",
    "TimeDistributedDense",
)  # fmt: skip
"""Classes whose weights or meaning changed after Keras 1 beyond a change of names."""


def to_keras2(class_name: str, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return class and arguments in the spelling of Keras 2.

    https://github.com/keras-team/keras/wiki/Keras-2.0-release-notes lists the changes.

    Raises:
        KerasFileError: the layer computed something that Keras 2 has no layer for.
    """
    if class_name in REFUSED:
        raise KerasFileError("is a layer of Keras 1 that cannot be read; save it with Keras 2")
    if class_name == "Merge":
        return _merge(config)
    class_name = CLASSES.get(class_name, class_name)
    names = ARGUMENTS | ARGUMENTS_OF.get(class_name, {})
    new = {names.get(key, key): value for key, value in config.items() if key not in UNUSED}
    if class_name != "Embedding":
        new.pop("input_dim", None)  # said again by batch_input_shape
    if "nb_row" in new:
        new["kernel_size"] = [new.pop("nb_row"), new.pop("nb_col")]
    if "data_format" in new:
        new["data_format"] = DATA_FORMATS.get(new["data_format"], new["data_format"])
    if new.pop("mode", 0) != 0:
        raise KerasFileError("is a batch normalization with mode other than 0, which Keras 2 lost")
    if class_name == "ZeroPadding2D" and len(new["padding"]) == 4:
        top, bottom, left, right = new["padding"]
        new["padding"] = [[top, bottom], [left, right]]
    return class_name, new


def _merge(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    mode = config.get("mode")
    if mode not in MERGES or "layers" in config:
        raise KerasFileError(
            f"is a Merge (mode {mode!r}) that cannot be read; save it with Keras 2"
        )
    arguments = {"name": config["name"]}
    if mode == "concat":
        arguments["axis"] = config["concat_axis"]
    return MERGES[mode], arguments


SILENT_ABOUT_FORMAT = (
    "AveragePooling2D", "Cropping2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D",
    "MaxPooling2D", "SpatialDropout2D", "UpSampling2D", "ZeroPadding2D",
)  # fmt: skip
"""Layers that some versions of Keras 1 stored without their ``dim_ordering``."""

THEANO_NOTE = (
    "a Keras 1 file with channels first does not say whether Theano or TensorFlow trained it; it "
    "is read as TensorFlow's, and after Theano all convolution kernels would be mirrored"
)
