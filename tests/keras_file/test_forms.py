"""A model that is no single file predicts what the library predicted that wrote it."""

import pytest

from converter import keras_file
from converter.keras_file import storage
from converter.loading import load
from tests.contents import contents
from tests.keras_file.forms import FORMS, ROWS, fixture, folder
from tests.loading.test_zoo import assert_equal_predictions


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_predictions_are_those_of_the_library(row, tmp_path):
    name, files = ROWS[row]
    inputs, expected = fixture(name)
    model, weights = files(tmp_path)
    before = contents(tmp_path)
    keras_file.check_kind(model, weights)
    loaded = load(model, weights=weights)
    assert_equal_predictions(loaded.model, inputs, [expected])
    assert loaded.notes == ()
    assert contents(tmp_path) == before


def test_a_saved_model_was_compiled_as_the_library_says(tmp_path):
    settings = load(folder("tf215_branching", tmp_path)).compile_settings
    assert (settings.optimizer, settings.loss) == ("SGD", "categorical_crossentropy")
    assert settings.optimizer_config["learning_rate"] == 0.05
    assert settings.optimizer_config["momentum"] == 0.9
    layers = load(FORMS / "tf215_branching.zip").model.get_layer("inside").layers
    assert [layer.trainable for layer in layers] == [False, True]


@pytest.mark.parametrize(
    ("name", "version"),
    [("tf115", "2.2.4-tf"), ("tf22", "2.3.0-tf"), ("tf24", "2.4.0"), ("tf215", "2.15.0")],
)
def test_the_json_is_what_an_h5_would_hold(name, version, tmp_path):
    stored = storage.read_json(folder(f"{name}_plain", tmp_path))
    assert stored.version == version
    assert stored.architecture["class_name"] == "Sequential"
    first = stored.architecture["config"]["layers"][0]["config"]
    assert first["batch_input_shape"] == [None, 8, 8, 2]


def test_the_architecture_of_keras_3_tells_how_it_was_compiled():
    stored = storage.read_json(FORMS / "keras315_apart.json")
    assert stored.training["loss"] == "categorical_crossentropy"
    assert storage.read_json(FORMS / "tf215_apart.json").training is None
