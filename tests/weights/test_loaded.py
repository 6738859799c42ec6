"""Saved models opened in Python: the same kind of object as from a conversion."""

from pathlib import Path

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from converter.errors import DataError, ModelFileError, OutputError, UsageError
from converter.weights import tensors
from tests.paths import MODELS
from tests.runtime.updatable import MNIST, digits
from tests.weights import espresso

LENET = MODELS / "lenet.h5"


@pytest.fixture(scope="module")
def lenet():
    return converter.convert(LENET, layers=["dense_6"])


@pytest.fixture
def loaded(lenet, tmp_path):
    return converter.load(lenet.save(tmp_path / "lenet.mlmodel"))


@pytest.fixture
def stranger(tmp_path):
    """A model of another tool."""
    mlmodel.write(digits(layers=("head",)), tmp_path / "digits.mlmodel")
    return converter.load(tmp_path / "digits.mlmodel")


def test_dir_lists_the_public_names_and_no_room_hides_one():
    assert {*converter.__all__, "__version__"} == set(dir(converter))
    assert {"UpdatableModel", "average", "convert", "load", "study"} <= set(dir(converter))
    rooms = {path.stem for path in Path(converter.__file__).parent.iterdir()}
    assert not rooms & set(converter.__all__)  # Python binds an imported room to its name


def test_a_loaded_model_is_the_one_that_was_saved(lenet, loaded):
    assert type(loaded) is type(lenet)
    assert loaded.spec == lenet.spec
    assert loaded.recipe.layers == ("dense_6",)
    assert loaded.report.layers == lenet.report.layers
    assert loaded.report.loss == lenet.report.loss
    assert loaded.validate() == lenet.validate() == []
    assert repr(loaded).startswith("<UpdatableModel 'lenet': dense_6 learn by adam, 2.")
    assert list(loaded.weights) == ["dense_6/kernel", "dense_6/bias"]
    twin = keras.models.load_model(LENET).get_layer("dense_6")
    for ours, theirs in zip(loaded.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_it_trains_evaluates_and_predicts(stranger, tmp_path):
    with np.load(MNIST) as stored:
        x, y = stored["x_train"][:64] / 255, stored["y_train"][:64]
    assert stranger.recipe is None
    before = stranger.evaluate(x, y)
    trained = stranger.train(x, y, epochs=10)
    after = trained.evaluate(x, y)
    assert after.loss < before.loss
    assert after.accuracy == np.mean(trained.predict(x)["y"].argmax(axis=1) == y)
    again = converter.load(trained.save(tmp_path / "trained.mlmodel"))
    assert again.evaluate(x, y).loss == pytest.approx(after.loss)
    assert "head learn by sgd" in repr(again)


def test_it_is_verified_against_the_keras_model_that_is_given(loaded, stranger):
    assert loaded.verify(steps=1, samples=4, against=LENET).passed()
    with pytest.raises(UsageError, match="does not carry its Keras model; give it: against"):
        loaded.verify()
    with pytest.raises(UsageError, match="give it: against"):
        stranger.verify()


def test_it_is_not_saved_over_its_file(loaded, tmp_path):
    with pytest.raises(OutputError, match="is the same file as the input"):
        loaded.save(tmp_path / "lenet.mlmodel")


def test_weights_are_copies_and_are_set_as_in_keras(stranger):
    weights = stranger.get_weights()
    weights[0] += 1
    assert not np.array_equal(weights[0], stranger.weights["head/kernel"])
    stranger.set_weights(weights)
    np.testing.assert_array_equal(weights[0], stranger.weights["head/kernel"])
    stranger.set_weights({"head/kernel": weights[0] * 0, "head/bias": weights[1]})
    assert not stranger.weights["head/kernel"].any()


WRONG = {
    "too few": (
        lambda w: w[:1],
        "weights: holds 1 arrays, but the model has 2: head/kernel",
    ),
    "shape": (lambda w: [w[0].T, w[1]], r"'head/kernel': has the shape \[10, 16\], not \[16, 10\]"),
    "ragged": (lambda w: [[[1], [1, 2]], w[1]], "'head/kernel': "),
    "nothing": (lambda w: [None, w[1]], "'head/kernel': holds object, not numbers"),
    "NaN": (lambda w: [w[0] * np.nan, w[1]], "holds a value that is no finite number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_weights_that_do_not_fit_are_refused(name, stranger):
    change, words = WRONG[name]
    before = stranger.spec.SerializeToString()
    with pytest.raises(DataError, match=words):
        stranger.set_weights(change(stranger.get_weights()))
    assert stranger.spec.SerializeToString() == before


def test_models_are_averaged_and_adopted(stranger, tmp_path):
    paths = []
    for number in (1, 4):
        stranger.set_weights([np.full_like(w, number) for w in stranger.get_weights()])
        paths.append(stranger.save(tmp_path / f"{number}.mlmodel"))
    mean = converter.average(paths, weights=np.array([2, 1]))
    assert all((array == 2).all() for array in mean.get_weights())
    folder = espresso.write(mean.spec, tmp_path / "mean.mlmodelc")
    assert stranger.adopt(folder).spec == mean.spec
    with pytest.raises(UsageError, match=r"^weights: 1 numbers for 2 models"):
        converter.average(paths, weights=[1])
    with pytest.raises(UsageError, match=r"^weights: are no numbers"):
        converter.average(paths, weights=["a", "b"])


def test_what_is_no_model_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"none\.mlmodel: cannot be read"):
        converter.load(tmp_path / "none.mlmodel")
    folder = espresso.write(digits(), tmp_path / "p.mlmodelc")
    with pytest.raises(ModelFileError, match="is a compiled model, not a "):
        converter.load(folder)


def test_a_model_that_does_not_learn_has_no_weights_to_set(tmp_path):
    spec = digits()
    for layer in spec.neuralNetwork.layers:
        layer.isUpdatable = False
    spec.isUpdatable = False
    mlmodel.write(spec, tmp_path / "frozen.mlmodel")
    frozen = converter.load(tmp_path / "frozen.mlmodel")
    assert "nothing learns" in repr(frozen)
    with pytest.raises(converter.api.MakeUpdatableError, match="is not updatable"):
        frozen.get_weights()
    assert len(tensors.weights(frozen.spec, frozen=True)) == 6
    assert Path(tmp_path / "frozen.mlmodel").exists()
