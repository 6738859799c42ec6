"""Damaged files: refused in one line, unless the damage changes nothing of what is computed."""

import numpy as np
import pytest

from converter.loading import load
from tests.loading.changed import HDF5, ZIP, refusal, with_architecture
from tests.loading.test_zoo import fixture, predictions
from tests.paths import ZOO


@pytest.mark.parametrize("source", [HDF5, ZIP], ids=lambda path: path.suffix)
@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.95, 0.999])
def test_truncated_files(tmp_path, source, part):
    path = tmp_path / source.name
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert refusal(path) == "is damaged or truncated; copy or export it again"


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
def test_a_flipped_byte_in_a_zip_is_noticed(tmp_path, part):
    path = tmp_path / "model.keras"
    data = bytearray(ZIP.read_bytes())
    data[int(len(data) * part)] ^= 0xFF  # within the weights
    path.write_bytes(data)
    assert refusal(path) == "is damaged or truncated; copy or export it again"


KERAS_1, KERAS_2 = "keras122_functional.h5", "keras224_siamese.h5"
FUNCTIONS, SEQUENTIAL = "tf24_functions.h5", "tf215_hdf5.h5"
CONTRADICTION = "its description contradicts itself"
NO_TENSOR = "takes a tensor that no layer of the file gives"

REFUSED = [
    (KERAS_2, "2.config.layers.5.config", [], CONTRADICTION),
    (KERAS_2, "7.inbound_nodes.0.0", ["a", 0, 0], f"layer 'multiply_1' {NO_TENSOR}"),
    (KERAS_2, "2.config.layers.2.inbound_nodes.0.0", {"class_name": "Dense"}, CONTRADICTION),
    (KERAS_2, "7.class_name", "x", "layer 'multiply_1' (x) is of a class"),
    (FUNCTIONS, "15.config.function", 0, "layer 'tf.compat.v1.squeeze' (TFOpLambda) calls"),
    (FUNCTIONS, "7.inbound_nodes.0.3", [], CONTRADICTION),
    (FUNCTIONS, "14.class_name", 2.5, "layer 'tf.reshape' (2.5) cannot be made"),
    (FUNCTIONS, "2.inbound_nodes.0.3.paddings.3", ["a", 0, 0],
     f"layer 'tf.compat.v1.pad' {NO_TENSOR}"),
    (FUNCTIONS, "16.inbound_nodes.0.0.0", "x", f"layer 'tf.concat_1' {NO_TENSOR}"),
    (FUNCTIONS, "13.inbound_nodes.0.3.axis", "x",
     "layer 'tf.expand_dims' (TFOpLambda) does not fit its input"),
    (FUNCTIONS, "2.inbound_nodes", 0, f"layer 'conv' {NO_TENSOR}"),
    (FUNCTIONS, "1.inbound_nodes.0", None, CONTRADICTION),
    (FUNCTIONS, "3.config.kernel_constraint", [], "layer 'conv' (Conv2D) cannot be made"),
    (SEQUENTIAL, "5.class_name", None, "layer 'dense_6' (None) cannot be made"),
    (SEQUENTIAL, "3.config.dtype", "x", "layer 'flatten' (Flatten) cannot be made"),
    (SEQUENTIAL, "0", True, CONTRADICTION),
    (SEQUENTIAL, "3", ["a", 0, 0], CONTRADICTION),
    (SEQUENTIAL, "1", 1e9, CONTRADICTION),
    (SEQUENTIAL, "2.config.pool_size.0", True,
     "layer 'max_pooling2d' (MaxPooling2D) has pool_size=[True, 2], of which one is no number"),
    (SEQUENTIAL, "0.config.batch_input_shape.0", True,
     "layer 'conv2d_input' (InputLayer) has batch_input_shape=[True, 12, 12, 1], of which"),
    (KERAS_2, "2.config.layers.1.config.dilation_rate.0", True,
     "layer 'twin_conv' (Conv2D) has dilation_rate=[True, 1], of which one is no number"),
    (SEQUENTIAL, "4.config.name", None, "holds a layer (Dense) whose name is None, which is none"),
    (SEQUENTIAL, "2.config.name", {}, "holds a layer (MaxPooling2D) whose name is {}, which is"),
    *[
        (FUNCTIONS, f"12.inbound_nodes.0.3.{spot}", 0, "layer 'tf.__operators__.getitem' "
         "(SlicingOpLambda) does not fit its input: takes some of the samples only")
        for spot in ("slice_spec", "slice_spec.0")
    ],
    (SEQUENTIAL, "5.config.activity_regularizer", [], "layer 'dense_6' (Dense) cannot be made"),
    (KERAS_1, "10.config", 2.5, CONTRADICTION),
    (KERAS_1, "8.config.bias", 0,
     "layer 'separableconvolution2d_1' (SeparableConvolution2D) has 2 weights"),
    (KERAS_1, "12.class_name", 1e9,
     "layer 'globalaveragepooling2d_1' (1000000000.0) cannot be made"),
    (KERAS_1, "11.inbound_nodes.0.1.0", -1, CONTRADICTION),
]  # fmt: skip
"""File, what is damaged in its list of layers, what stands there instead, and what is said."""

WITHOUT_EFFECT = [
    (KERAS_1, "10.name", 1e9),
    (KERAS_1, "11.config.arguments", True),
    (KERAS_1, "8.name", {}),
    (KERAS_1, "5.config.arguments", 1e9),
    (KERAS_1, "9.config.output_shape", ["a", 0, 0]),
    (KERAS_1, "5.config.arguments", -1),
    (KERAS_2, "3.config.name", {"class_name": "Dense"}),
    (KERAS_2, "2.config.layers.4.config.kernel_initializer.config.distribution", ["a", 0, 0]),
    (KERAS_2, "5.config.name", ["a", 0, 0]),
    (KERAS_2, "2.config.layers.5.config.gamma_initializer.class_name", -1),
    (KERAS_2, "8.config.trainable", None),
    (SEQUENTIAL, "1.config.trainable", -1),
    (SEQUENTIAL, "5.config.bias_initializer.module", True),
    (FUNCTIONS, "15.inbound_nodes.0.3.name", []),
]  # fmt: skip
"""As above. Nothing that is computed depends on these, or what stands there instead is equal."""


def damaged(tmp_path, source, spot, instead):
    def damage(layers):
        *outer, last = (int(key) if key.isdigit() else key for key in spot.split("."))
        part = layers
        for key in outer:
            part = part[key]
        assert part[last] != instead or type(part[last]) is not type(instead)
        part[last] = instead

    return with_architecture(tmp_path, damage, ZOO / source)


@pytest.mark.parametrize(("source", "spot", "instead", "words"), REFUSED)
def test_a_damaged_description_is_refused(tmp_path, source, spot, instead, words):
    assert refusal(damaged(tmp_path, source, spot, instead)).startswith(words)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "spot", "instead"), WITHOUT_EFFECT)
def test_damage_without_effect_changes_no_array_and_no_prediction(tmp_path, source, spot, instead):
    whole = load(ZOO / source).model
    read = load(damaged(tmp_path, source, spot, instead)).model
    assert [layer.name for layer in read.layers] == [layer.name for layer in whole.layers]
    for ours, theirs in zip(read.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    inputs, _ = fixture(source)
    for ours, theirs in zip(predictions(read, inputs), predictions(whole, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)
