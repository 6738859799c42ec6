"""Layers that only training needs, and those that act at inference: as Keras does it."""

import inspect
import json

import h5py
import keras
import numpy as np
import pytest

from converter.errors import KerasFileError
from converter.keras_file.inference import ACTS, GONE, PASSES
from converter.loading import load
from tests.loading.test_today import lively

L = keras.layers
ARGUMENTS = {
    "CenterCrop": {"height": 6, "width": 5}, "MaxNumBoundingBoxes": {"max_number": 3},
    "RandomCrop": {"height": 6, "width": 5}, "RandomPosterization": {"factor": 4},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.2}, "Rescaling": {"scale": 0.5},
    "GaussianNoise": {"stddev": 1},
    "Resizing": {"height": 6, "width": 5}, "Normalization": {"mean": 1.0, "variance": 4.0},
}  # fmt: skip
for name in ("AlphaDropout", "Dropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D",
             "SpatialDropout3D"):  # fmt: skip
    ARGUMENTS[name] = {"rate": 0.5}
for name in ("RandomBrightness", "RandomColorDegeneration", "RandomContrast", "RandomHue",
             "RandomRotation", "RandomSaturation", "RandomSharpness"):  # fmt: skip
    ARGUMENTS[name] = {"factor": 0.2}
"""What the constructors ask for."""

OTHERS = {
    "CategoryEncoding",
    "Discretization",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "MelSpectrogram",
    "Pipeline",
    "STFTSpectrogram",
    "StringLookup",
    "TextVectorization",
}
"""Layers in the same modules that are for words, categories or sound, or hold other layers."""

SHAPES = {"SpatialDropout1D": (9, 7), "SpatialDropout3D": (9, 7, 4, 3)}


def of_keras():
    """Return by name the classes of the installed Keras that augment, regularize or prepare."""
    modules = ("keras.src.layers.preprocessing.", "keras.src.layers.regularization.")
    return {
        name: found
        for name, found in vars(L).items()
        if inspect.isclass(found) and found.__module__.startswith(modules) and name not in OTHERS
    }


def pictures(shape):
    return np.random.default_rng(2).uniform(0, 255, (2, *shape)).astype(np.float32)


TABLE = (PASSES | set(ACTS)) - GONE - {"StochasticDepth"}
VERSION = tuple(map(int, keras.__version__.split(".")[:2]))


def test_the_table_knows_every_class_of_the_installed_keras():
    assert set(of_keras()) <= TABLE


@pytest.mark.skipif(VERSION < (3, 15), reason=f"Keras {keras.__version__} has fewer layers")
def test_the_table_knows_no_other_class():
    assert set(of_keras()) == TABLE


@pytest.mark.parametrize("name", sorted(of_keras()))
def test_what_passes_is_the_identity_and_what_acts_is_not(name):
    layer = of_keras()[name](**ARGUMENTS.get(name, {}))
    x = pictures(SHAPES.get(name, (9, 7, 3)))
    y = np.asarray(layer(x, training=False))
    same = y.shape == x.shape and np.allclose(x, y)
    assert same == (name in PASSES or name == "RandomCrop")  # of this Keras, since 3.8


def written_by(version, model, path):
    model.save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = version
        if "keras_version" in file["model_weights"].attrs:
            file["model_weights"].attrs["keras_version"] = version
    return path


@pytest.mark.parametrize("name", sorted(set(of_keras()) & PASSES - {"Equalization"}))
def test_what_passes_is_read_from_a_file(name, tmp_path):
    shape = SHAPES.get(name, (9, 7, 3))
    layer = of_keras()[name](**ARGUMENTS.get(name, {}), name="only")
    model = keras.Sequential([keras.Input(shape), layer])
    model.save(tmp_path / "model.keras")
    x = pictures(shape)
    try:
        model(x, training=False)
    except KeyError:
        pytest.skip(f"{name} of Keras {keras.__version__} cannot be called in a model")
    np.testing.assert_array_equal(load(tmp_path / "model.keras").model(x, training=False), x)


def cropping(layer):
    return lively(keras.Sequential([
        keras.Input((9, 7, 3)), layer, L.GlobalAveragePooling2D(), L.Dense(4),
    ]))  # fmt: skip


def smart(x, height, width):
    return np.asarray(keras.preprocessing.image.smart_resize(x, (height, width)))


def shorter_side(x, height, width):
    """Keras 2.6 by hand, for pictures of 9 x 7 pixels that become 6 x 5: 7 to 5 makes 9 to 6."""
    assert (x.shape[1:3], height, width) == ((9, 7), 6, 5)
    return np.asarray(keras.ops.image.resize(x, (6, 5)))


def off_centre(x, height, width):
    """Keras 3.7 by hand: the largest window, 8 x 7, begins at 0, 0; so does that of 6 x 5."""
    assert (x.shape[1:3], height, width) == ((9, 7), 6, 5)
    return x[:, :6, :5]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.4.0", shorter_side), ("2.6.0", shorter_side), ("2.7.0", smart), ("2.15.0", smart),
        ("3.5.0", smart), ("3.7.0", off_centre), (keras.__version__, lambda x, height, width: x),
    ],
)  # fmt: skip
def test_random_crop_does_what_it_did_in_the_version_that_wrote_it(version, expected, tmp_path):
    model = cropping(L.RandomCrop(6, 5, name="crop"))
    x = pictures((9, 7, 3))
    y = model.layers[-1](expected(x, 6, 5).mean((1, 2)))
    loaded = load(written_by(version, model, tmp_path / "model.h5"))
    np.testing.assert_allclose(loaded.model(x, training=False), y, rtol=1e-4, atol=1e-2)


def test_shorter_side_crop_crops_the_longer_side():
    from converter.loading.cropping import ShorterSideCrop

    x = pictures((4, 12, 3))
    np.testing.assert_allclose(ShorterSideCrop(4, 5)(x), x[:, :, 3:8])
    assert ShorterSideCrop(2, 2)(x).shape == (2, 2, 2, 3)


def as_keras_2(model, path, change):
    written_by("2.15.0", model, path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            change(layer)
            layer.pop("module", None)
        file.attrs["model_config"] = json.dumps(config)
    return path


@pytest.mark.parametrize("kind", sorted(GONE))
def test_classes_that_keras_3_has_no_more(kind, tmp_path):
    model = cropping(L.RandomContrast(0.2, name="gone"))

    def change(layer):
        if layer["config"].get("name") == "gone":
            layer["class_name"] = kind

    x = pictures((9, 7, 3))
    loaded = load(as_keras_2(model, tmp_path / "model.h5", change))
    np.testing.assert_array_equal(loaded.model(x), model(x, training=False))


@pytest.mark.parametrize(
    "layer", [L.Dropout(0.5), L.GaussianNoise(1.0), L.BatchNormalization(), L.RandomFlip()]
)
def test_a_layer_called_in_training_mode_is_refused(layer, tmp_path):
    x = keras.Input((9, 7, 3))
    model = keras.Model(x, L.Dense(2)(layer(x)))

    def change(stored):
        for node in stored["inbound_nodes"]:
            if stored["config"]["name"] == layer.name:
                node["kwargs"]["training"] = True

    path = as_keras_2(model, tmp_path / "model.h5", change)
    with pytest.raises(KerasFileError, match=rf"layer '{layer.name}' .* called with training=True"):
        load(path)
