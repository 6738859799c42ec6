"""What a model learned goes into its Keras file again, and Keras then predicts the same."""

import zipfile

import h5py
import numpy as np
import pytest

import converter
from converter import cli
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from converter.errors import (
    KerasFileError,
    NotUpdatableError,
    OutputError,
    ParityError,
    UnsupportedError,
)
from converter.loading import load
from tests.lower.oracle import sequential
from tests.paths import MODELS, ZOO
from tests.runtime.updatable import MNIST

pytestmark = pytest.mark.slow

L = keras.layers
LENET = MODELS / "lenet.h5"
CROSS = "categorical_crossentropy"


def compiled(loss, *layers, shape=(6, 6, 2)):
    model = sequential(shape, *layers)
    model.compile(keras.optimizers.Adam(0.002), loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def head(units=3):
    return L.Dense(units, activation="softmax", name="head")


def flat():
    return L.Flatten(name="flat")


MODELS_OF = {
    "sigmoid": lambda: compiled(
        "binary_crossentropy", flat(), L.Dense(4, "relu", name="dense"),
        L.Dense(1, activation="sigmoid", name="head"),
    ),
    "signal": lambda: compiled(
        CROSS, L.Conv1D(4, 3, activation="relu", name="conv"), flat(), head(), shape=(9, 2),
    ),
    "over pixels": lambda: compiled(
        CROSS, L.Dense(3, "relu", name="pixels"), flat(), head(),
    ),
    "normalized": lambda: compiled(
        CROSS, L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="norm"), L.ReLU(), flat(),
        head(),
    ),
    "normalized, no bias": lambda: compiled(
        CROSS, L.Conv2D(4, 3, use_bias=False, name="conv"), L.BatchNormalization(name="norm"),
        L.ReLU(), flat(), head(),
    ),
    "normalized before": lambda: compiled(
        CROSS, L.Conv2D(4, 3, activation="relu", name="conv"), L.BatchNormalization(name="norm"),
        flat(), head(),
    ),
}  # fmt: skip
"""Name -> a model in which all layers with kernels learn."""

IN_KERAS = {
    "sigmoid": {"dense/kernel": (72, 4), "head/kernel": (4, 1), "head/bias": (1,)},
    "signal": {"conv/kernel": (3, 2, 4)},
    "over pixels": {"pixels/kernel": (2, 3)},
    "normalized": {"conv/kernel": (3, 3, 2, 4), "conv/bias": (4,)},
    "normalized, no bias": {"conv/kernel": (3, 3, 2, 4), "conv/bias": (4,)},
    "normalized before": {"head/kernel": (64, 3)},
}
"""Name -> shapes in Keras of weights that learn."""


def learned(model, seed=0):
    """Let `model` have other weights, as if it had been trained."""
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.normal(size=w.shape) * 0.2 for w in model.get_weights()])
    return model


def inputs(model, count=8):
    return np.random.default_rng(1).random((count, *model.inputs[0].shape[1:])).astype(np.float32)


def inputs_of(source):
    return inputs(keras.models.load_model(source))


def answers(model, x):
    """Return what the Core ML `model` answers, as Keras's last layer would."""
    found = model.predict(x)["output"]
    is_unit = model.get_weights()[-1].shape == (1,)
    return found[:, 1:] if is_unit else found


def assert_equal_in_keras(path, model):
    """Check that the file at `path`, read by Keras, predicts what the Core ML `model` does."""
    twin = keras.models.load_model(path)
    x = inputs(twin)
    expected = answers(model, x)
    np.testing.assert_allclose(twin.predict(x, verbose=0), expected, atol=1e-5 * np.ptp(expected))
    return twin


@pytest.fixture(scope="module", params=MODELS_OF)
def case(request, tmp_path_factory):
    """Return the name, the Keras file, a Core ML model with other weights, and what came of it."""
    folder = tmp_path_factory.mktemp("extraction")
    source, target = folder / "model.keras", folder / "personal.keras"
    MODELS_OF[request.param]().save(source)
    model = learned(converter.convert(source, layers=["*"], verify=False))
    assert model.extract(source, target).parity < 1e-5
    return request.param, source, model, target


def test_weights_have_the_names_and_shapes_of_keras(case):
    name, _, model, _ = case
    shapes = {key: array.shape for key, array in model.weights.items()}
    assert IN_KERAS[name].items() <= shapes.items()


def test_keras_predicts_what_was_learned(case):
    _, _, model, target = case
    assert_equal_in_keras(target, model)


def test_lists_and_archives_of_weights_carry_all_that_was_learned(case, tmp_path):
    _, source, model, target = case
    model.save(tmp_path / "personal.mlmodel")
    shipped = converter.load(tmp_path / "personal.mlmodel")
    learned(shipped, seed=7)
    shipped.set_weights(model.get_weights())
    np.testing.assert_array_equal(shipped.predict(inputs_of(source))["output"],
                                  model.predict(inputs_of(source))["output"])  # fmt: skip
    shipped.extract(source, tmp_path / "again.keras")
    first, again = (keras.models.load_model(path) for path in (target, tmp_path / "again.keras"))
    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    paths = [tmp_path / name for name in ("other.mlmodel", "w.npz", "set.mlmodel")]
    learned(converter.load(tmp_path / "personal.mlmodel"), seed=8).save(paths[0])
    assert cli.run(["weights", "get", str(tmp_path / "personal.mlmodel"), "-o", str(paths[1])]) == 0
    assert cli.run(["weights", "set", str(paths[0]), str(paths[1]), "-o", str(paths[2])]) == 0
    for name, array in converter.load(paths[2]).weights.items():
        np.testing.assert_array_equal(array, model.weights[name])


def test_all_else_in_the_zip_stays_as_it_is(case):
    _, source, _, target = case
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target) as new:
        assert new.namelist() == old.namelist()
        for name in old.namelist():
            assert new.getinfo(name).date_time == old.getinfo(name).date_time
            assert (new.read(name) == old.read(name)) == (name != "model.weights.h5")


def datasets(path):
    """Return all arrays in an HDF5 file by name, and all attributes."""
    arrays, attributes = {}, {}

    def visit(name, item):
        attributes[name] = {key: np.asarray(value).tolist() for key, value in item.attrs.items()}
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
        attributes[""] = dict(file.attrs)
    return arrays, attributes


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    """LeNet's dense layers, trained on digits turned upside down."""
    with np.load(MNIST) as stored:
        x, y = stored["x_train"][:96, ::-1] / 255, stored["y_train"][:96]
    return converter.convert(LENET, layers=["dense_5", "dense_6"]).train(x, y, epochs=1)


def test_a_trained_lenet_goes_into_its_file_and_nothing_else_changes(lenet, tmp_path):
    target = tmp_path / "personal.h5"
    found = lenet.extract(LENET, target)
    assert found.variables == (
        "dense_5/kernel", "dense_5/bias", "dense_6/kernel", "dense_6/bias",
    )  # fmt: skip
    assert_equal_in_keras(target, lenet)
    (old, said), (new, said_now) = datasets(LENET), datasets(target)
    assert said == said_now
    assert list(old) == list(new)
    changed = {name for name in old if not np.array_equal(old[name], new[name])}
    assert {name.split("/")[1] for name in changed} == {"dense_5", "dense_6"}
    (kernel,) = [new[name] for name in changed if "dense_6" in name and "kernel" in name]
    np.testing.assert_array_equal(kernel, lenet.weights["dense_6/kernel"])


def test_in_the_other_format_the_model_is_compiled_as_before(lenet, tmp_path):
    target = tmp_path / "personal.keras"
    found = lenet.extract(LENET, target)
    assert found.notes == (
        "Keras wrote the model anew; the optimizer starts without what it remembers of the "
        "training",
    )
    twin = assert_equal_in_keras(target, lenet)
    old, new = load(LENET), load(target)
    assert new.compile_settings == old.compile_settings
    assert [layer.name for layer in new.model.layers] == [layer.name for layer in old.model.layers]
    assert isinstance(twin.get_layer("dense_5").kernel_initializer, keras.initializers.Initializer)
    assert "Unwritten" not in zipfile.ZipFile(target).read("config.json").decode()


def test_what_went_through_get_and_set_is_extracted_as_well(lenet, tmp_path):
    shipped = converter.convert(LENET, layers=["dense_5", "dense_6"], verify=False)
    shipped.set_weights(lenet.get_weights())
    shipped.save(tmp_path / "set.mlmodel")
    loaded = converter.load(tmp_path / "set.mlmodel")
    loaded.extract(LENET, tmp_path / "set.h5")
    assert_equal_in_keras(tmp_path / "set.h5", lenet)


def test_a_whole_lenet_goes_into_keras(tmp_path):
    model = converter.convert(LENET, layers=["*"], verify=False)
    rng = np.random.default_rng(0)
    weights = model.get_weights()
    model.set_weights([w + rng.normal(size=w.shape) * 0.1 * w.std() for w in weights])
    model.extract(LENET, tmp_path / "whole.h5")
    assert_equal_in_keras(tmp_path / "whole.h5", model)


NEW = {
    "new_head": ({"new_head": "glorot", "classes": ["a", "b", "c", "d"]}, 4),
    "spare": ({"spare_classes": 2, "classes": ["a", "b", "c"]}, 5),
}


@pytest.mark.parametrize("name", NEW)
def test_new_classes_become_a_layer_of_that_size(name, tmp_path):
    options, classes = NEW[name]
    source, target = tmp_path / "model.h5", tmp_path / "personal.keras"
    compiled("sparse_categorical_crossentropy", flat(), L.Dense(4, "tanh"), head()).save(source)
    model = learned(converter.convert(source, verify=False, **options))
    model.extract(source, target)
    twin = keras.models.load_model(target)
    assert twin.get_layer("head").units == classes
    assert twin.loss == "sparse_categorical_crossentropy"
    assert twin.optimizer.learning_rate.numpy() == pytest.approx(0.002)
    x = inputs(twin)
    np.testing.assert_allclose(
        twin.predict(x, verbose=0), model.predict(x)["classProbability"], atol=1e-5
    )


def converted(folder, *layers, loss=CROSS, **options):
    source = folder / "model.keras"
    model = compiled(loss, *layers)
    model.save(source)
    return source, learned(converter.convert(source, layers=["*"], verify=False, **options))


def test_a_factor_of_zero_cannot_be_undone(tmp_path):
    norm = L.BatchNormalization(name="norm")
    source = tmp_path / "model.keras"
    model = compiled(CROSS, L.Conv2D(4, 3, name="conv"), norm, L.ReLU(), flat(), head())
    norm.gamma.assign([1, 0, 1, 1])
    model.save(source)
    trained = learned(converter.convert(source, layers=["*"], verify=False))
    with pytest.raises(UnsupportedError, match=r"layer 'conv' .* layer 'norm' .*, is zero"):
        trained.extract(source, tmp_path / "out.keras")
    assert not (tmp_path / "out.keras").exists()


def test_a_bias_without_a_place_is_refused(tmp_path):
    source, model = converted(
        tmp_path, L.Conv2D(4, 3, use_bias=False, name="conv"),
        L.BatchNormalization(center=False, name="norm"), L.ReLU(), flat(), head(),
    )  # fmt: skip
    with pytest.raises(
        UnsupportedError, match=r"layer 'conv' .*: has learned a bias, but has none"
    ):
        model.extract(source, tmp_path / "out.keras")


def test_another_keras_file_is_refused(tmp_path):
    source, model = converted(tmp_path, L.Dense(3, "relu", name="pixels"), flat(), head())
    other = tmp_path / "other.keras"
    changed = keras.models.load_model(source)
    changed.layers[0].kernel.assign(changed.layers[0].kernel + 1)
    changed.save(other)
    model.extract(other, tmp_path / "out.keras")  # all that differs has learned
    compiled(CROSS, flat(), head()).save(other)
    with pytest.raises(NotUpdatableError, match=r"is not the one .* layer 'pixels' learns"):
        model.extract(other, tmp_path / "out2.keras")
    assert not (tmp_path / "out2.keras").exists()


def test_frozen_weights_that_differ_show_in_the_predictions(tmp_path):
    source = tmp_path / "model.keras"
    keras_model = compiled(CROSS, L.Conv2D(4, 3, activation="relu", name="conv"), flat(), head())
    keras_model.save(source)
    model = converter.convert(source, layers=["head"], verify=False)
    keras_model.layers[0].kernel.assign(keras_model.layers[0].kernel + 0.1)
    keras_model.save(source)
    with pytest.raises(ParityError, match="does not predict what the model does"):
        model.extract(source, tmp_path / "out.keras")
    assert not (tmp_path / "out.keras").exists()


def test_the_files_are_looked_at_before_anything_is_done(lenet, tmp_path):
    with pytest.raises(KerasFileError, match="there is no such file"):
        lenet.extract(tmp_path / "none.h5", tmp_path / "out.h5")
    copy = tmp_path / "lenet.h5"
    copy.write_bytes(LENET.read_bytes())
    with pytest.raises(OutputError, match="is the same file as the input into"):
        lenet.extract(copy, copy)
    with pytest.raises(OutputError, match=r"must end in \.keras or \.h5 or \.hdf5"):
        lenet.extract(copy, tmp_path / "out.mlmodel")
    assert copy.read_bytes() == LENET.read_bytes()


def test_a_model_of_another_tool_goes_in_by_the_names_of_its_layers(tmp_path):
    converted(tmp_path, L.Dense(3, "relu", name="pixels"), flat(), head())
    keras_file = tmp_path / "plain.keras"
    plain = compiled(CROSS, flat(), L.Dense(4, "relu", name="dense"), head())
    plain.save(keras_file)
    spec = converter.convert(keras_file, layers=["*"], verify=False).spec
    spec.description.metadata.userDefined.clear()
    mlmodel.write(spec, tmp_path / "stranger.mlmodel")
    stranger = learned(converter.load(tmp_path / "stranger.mlmodel"))
    assert stranger.recipe is None
    stranger.extract(keras_file, tmp_path / "out.keras")
    assert_equal_in_keras(tmp_path / "out.keras", stranger)
    with pytest.raises(NotUpdatableError, match="it has no 'dense/kernel' of shape"):
        stranger.extract(tmp_path / "model.keras", tmp_path / "out2.keras")


OLD = ("keras224_theano.h5", "tf28_slashes.h5")
"""Files of old versions, whose arrays stand otherwise."""


@pytest.mark.parametrize("name", OLD)
def test_files_of_old_versions_get_their_weights_as_they_store_them(name, tmp_path):
    source, target = ZOO / name, tmp_path / f"out{ZOO.joinpath(name).suffix}"
    model = converter.convert(source, verify=False)
    weights = model.get_weights()
    model.set_weights([w * 1.25 for w in weights])
    assert model.extract(source, target).parity < 1e-5
    again = converter.convert(target, verify=False)
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


REFUSED = {
    ("tf28_slashes.h5", ".keras"): "would lose the name of layer 'in/steps'",
}


@pytest.mark.parametrize(("name", "ending"), REFUSED)
def test_what_the_other_format_cannot_hold_is_refused(name, ending, tmp_path):
    model = converter.convert(ZOO / name, loss=CROSS, verify=False)
    with pytest.raises(UnsupportedError, match=REFUSED[name, ending]) as error:
        model.extract(ZOO / name, tmp_path / f"out{ending}")
    assert str(error.value).endswith("; write it in the format that it has")
    assert list(tmp_path.iterdir()) == []
