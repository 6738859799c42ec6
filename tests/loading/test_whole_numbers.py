"""Sizes that a file gives as 270.0: read as the integers that they are, wherever they stand."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from converter.loading import load
from tests.loading.test_today import lively

L = keras.layers


def floats(stored):
    """Return JSON with a float for every integer."""
    if isinstance(stored, int) and not isinstance(stored, bool):
        return float(stored)
    if isinstance(stored, list):
        return [floats(part) for part in stored]
    if isinstance(stored, dict):
        return {key: floats(part) for key, part in stored.items()}
    return stored


def saved(model, path):
    """Save `model` with a float for every integer of its architecture."""
    model.save(path)
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            file.attrs["model_config"] = json.dumps(floats(config))
        return path
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = json.dumps(floats(json.loads(members["config.json"]))).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def images():
    return keras.Sequential([
        keras.Input((9, 9, 3)), L.Conv2D(4, 3, strides=2, padding="same"), L.ZeroPadding2D((1, 2)),
        L.DepthwiseConv2D(3, depth_multiplier=2), L.SeparableConv2D(3, 2), L.MaxPooling2D(2, 1),
        L.UpSampling2D(2), L.Cropping2D(((1, 0), (0, 1))), L.Conv2DTranspose(2, 3, strides=2),
        L.Resizing(5, 6), L.BatchNormalization(axis=-1), L.LayerNormalization(axis=[-1]),
        L.Permute((2, 1, 3)), L.ReLU(max_value=6), L.Flatten(), L.Dense(5),
    ])  # fmt: skip


def signals():
    return keras.Sequential([
        keras.Input((12, 3)), L.Conv1D(4, 3, dilation_rate=2), L.AveragePooling1D(2),
        L.Normalization(mean=[1.0, 2.0, 0.0, 1.0], variance=[1.0, 2.0, 4.0, 1.0]),
        L.Reshape((-1, 2)), L.GlobalAveragePooling1D(), L.RepeatVector(3), L.Flatten(),
        L.Dropout(0.5), L.Rescaling(2.0, 1.0), L.EinsumDense("ab,bc->ac", output_shape=6),
    ])  # fmt: skip


def functions():
    x = keras.Input((6, 4))
    y = keras.ops.concatenate([x, 2.0 * keras.ops.maximum(x, 0.0)], axis=-1)
    y = keras.ops.reshape(keras.ops.transpose(y, (0, 2, 1)), (-1, 48))
    return keras.Model(x, L.Dense(3)(keras.ops.clip(y, -1.0, 1.0)[:, 2:40:2]))


@pytest.mark.parametrize("made", [images, signals, functions])
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_predictions_stay(made, suffix, tmp_path):
    model = lively(made())
    x = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    loaded = load(saved(model, tmp_path / f"model{suffix}"))
    np.testing.assert_array_equal(loaded.model(x), model(x))


def test_numbers_of_functions_keep_their_type():
    from converter.keras_file.calls import to_call

    call = to_call(["x", 0.0, 0.0, {"y": 2.0, "axis": -1.0}])
    assert (call.args[0].call, call.kwargs["axis"]) == (0, -1)
    assert isinstance(call.kwargs["axis"], int)
    assert isinstance(call.kwargs["y"], float)
