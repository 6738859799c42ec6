"""What the installed Keras writes is read back exactly, in both formats."""

import zipfile

import keras
import numpy as np
import pytest

from converter.loading import load

L = keras.layers


def lively(model, seed=0):
    """Give every weight its own seeded value, so that a swap of two would show."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        if "var" in variable.name or "gamma" in variable.name:
            variable.assign(random.uniform(0.8, 1.2, variable.shape))
        else:
            spread = 1 / np.sqrt(np.prod(variable.shape[:-1]) or 1)
            variable.assign(random.normal(0, spread, variable.shape))
    return model


def backbone():
    """MobileNetV3 has functions of ``keras.ops`` in its graph, and squeeze-and-excite."""
    base = keras.applications.MobileNetV3Small((48, 48, 3), weights=None, include_top=False)
    base.trainable = False
    image = keras.Input((48, 48, 3))
    x = L.GlobalAveragePooling2D()(base(image, training=False))
    return keras.Model(image, L.Dense(3, activation="softmax")(x))


def all_weighted_layers():
    """Every kind of layer of a CNN that has weights, in one graph."""
    image = keras.Input((12, 12, 4))
    x = L.Conv2D(8, 3, groups=2, padding="same")(image)
    x = L.PReLU(shared_axes=[1, 2])(L.BatchNormalization(center=False)(x))
    x = L.GroupNormalization(4)(L.DepthwiseConv2D(3, depth_multiplier=2)(x))
    x = L.LayerNormalization()(L.SeparableConv2D(6, 3, activation="gelu")(x))
    x = L.UnitNormalization()(L.Conv2DTranspose(5, 2, strides=2)(x))
    x = L.Reshape((16, 80))(x)
    x = L.Concatenate()(
        [L.Conv1D(4, 3, padding="same")(x), L.SeparableConv1D(4, 3, padding="same")(x)]
    )
    x = L.MultiHeadAttention(2, 4)(x, x)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    x = L.TimeDistributed(L.Dense(3))(x)
    return keras.Model(image, L.EinsumDense("ab,bc->ac", 2, bias_axes="c")(L.Flatten()(x)))


@pytest.fixture(scope="module", params=[backbone, all_weighted_layers])
def model(request):
    return lively(request.param())


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_round_trip(tmp_path, model, suffix):
    path = tmp_path / f"model{suffix}"
    model.save(path)
    loaded = load(path).model
    assert len(loaded.weights) == len(model.weights) > 20
    x = np.random.default_rng(1).uniform(0, 255, (2, *model.input_shape[1:])).astype("float32")
    expected = model(x, training=False).numpy()
    assert np.ptp(expected) > 1e-3
    assert np.abs(loaded(x, training=False).numpy() - expected).max() <= 1e-6 * np.ptp(expected)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert len(loaded.trainable_weights) == len(model.trainable_weights)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_was_packed_again_is_the_same_model(tmp_path, method):
    """Whoever unzips a ``.keras`` to look into it, and zips it again, compresses its arrays."""
    model = lively(
        keras.Sequential([keras.Input((6, 5, 2)), L.Conv2D(3, 2), L.BatchNormalization()])
    )
    model.save(tmp_path / "model.keras")
    with (
        zipfile.ZipFile(tmp_path / "model.keras") as old,
        zipfile.ZipFile(tmp_path / "again.keras", "w", method) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
        sizes = {info.filename: (info.compress_size, info.file_size) for info in new.infolist()}
    assert sizes["model.weights.h5"][0] < sizes["model.weights.h5"][1]
    found = load(tmp_path / "again.keras").model
    for ours, theirs in zip(found.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
