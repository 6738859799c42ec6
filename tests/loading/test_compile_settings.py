"""Compile settings come out of the raw JSON under today's names."""

import keras
import pytest

from converter.keras_file.compiled import Loss, compile_settings
from converter.learning import unspoken
from converter.loading import compile_settings_of, load
from tests.paths import MODELS, ZOO


def settings_of(name):
    return load(ZOO / name).compile_settings


@pytest.mark.parametrize(
    ("name", "optimizer", "config", "loss"),
    [
        (
            "keras122_sequential.h5",
            "SGD",
            {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True},
            "categorical_crossentropy",
        ),
        ("keras208_sequential.h5", "Adam", {"learning_rate": 0.002}, "categorical_crossentropy"),
        ("keras224_sequential.h5", "RMSprop", {"learning_rate": 1e-4}, "binary_crossentropy"),
        (
            "tf213_zip_sequential.keras",
            "AdamW",
            {"weight_decay": 0.01},
            "categorical_crossentropy",
        ),
        ("keras305_zip.keras", "SGD", {"momentum": 0.9}, "categorical_crossentropy"),
        ("keras315_hdf5_nested.h5", "Adam", {"learning_rate": 3e-4}, "mean_squared_error"),
    ],
)
def test_of_files(name, optimizer, config, loss):
    settings = settings_of(name)
    assert settings.optimizer == optimizer
    assert config.items() <= settings.optimizer_config.items()
    assert settings.loss == loss
    assert not settings.output_losses


def test_of_losses_with_arguments():
    assert settings_of("tf21_sequential.h5").loss_config["from_logits"] is True
    assert settings_of("tf28_normalization.h5").loss_config["label_smoothing"] == 0.1
    assert settings_of("tf24_transfer.h5").loss == "binary_crossentropy"


def test_a_schedule_stays_a_mapping():
    config = settings_of("tf211_hdf5_named_keras.keras").optimizer_config
    assert config["learning_rate"]["class_name"] == "ExponentialDecay"
    assert config["amsgrad"] is True


def test_of_several_outputs():
    settings = settings_of("keras224_three_outputs.h5")
    assert settings.loss is None
    assert settings.loss_of("age") == Loss("mean_squared_error")
    assert settings.loss_of("nobody") is None
    assert settings.others == {"loss_weights": {"kind": 1.0, "age": 0.5, "alive": 0.2}}
    by_position = settings_of("keras305_hdf5_functional.h5")
    assert by_position.output_losses == {
        "a": Loss("mean_squared_error"),
        "dense": Loss("categorical_crossentropy"),
    }


def test_of_weights_in_a_list_which_are_those_of_the_outputs_in_order():
    stored = {"loss": "mse", "loss_weights": [0.5, 1.0]}
    settings = compile_settings(stored, ["a", "b"])
    assert settings.others == {"loss_weights": {"a": 0.5, "b": 1.0}}
    assert list(unspoken.of_compile(settings, "a")) == [unspoken.lacking("loss weights")]
    assert not list(unspoken.of_compile(settings, "b"))


def test_of_files_that_were_not_compiled():
    assert settings_of("keras208_no_compile.h5") is None
    assert settings_of("tf24_teachable.h5") is None


def test_the_example_models_say_how_they_were_compiled():
    for name, rate in (("lenet.h5", 1e-3), ("cats_dogs.keras", 5e-4)):
        settings = load(MODELS / name).compile_settings
        assert settings.optimizer == "Adam"
        assert settings.optimizer_config["learning_rate"] == rate
        assert settings.loss == "categorical_crossentropy"


def model():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="out")])


def test_of_a_live_model():
    live = model()
    assert compile_settings_of(live) is None
    live.compile("sgd", "mse")
    assert compile_settings_of(live).optimizer == "SGD"
    assert compile_settings_of(live).optimizer_config["learning_rate"] == 0.01
    live.optimizer.learning_rate = 0.5
    assert compile_settings_of(live).optimizer_config["learning_rate"] == 0.5
    live.compile(
        keras.optimizers.Adam(1e-4, beta_1=0.8), keras.losses.CategoricalCrossentropy(True)
    )
    settings = compile_settings_of(live)
    assert settings.optimizer_config["beta_1"] == 0.8
    assert settings.loss == "categorical_crossentropy"
    assert settings.loss_config["from_logits"] is True


def my_loss(truth, prediction):
    return keras.ops.mean(truth - prediction)


def test_a_loss_of_ones_own_goes_by_its_name(tmp_path):
    live = model()
    live.compile("adam", my_loss)
    assert compile_settings_of(live).loss == "my_loss"
    for name in ("own.h5", "own.keras"):
        live.save(tmp_path / name)
        assert load(tmp_path / name).compile_settings.loss == "my_loss"


class Constant(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.25


class Own(keras.optimizers.SGD):
    def get_config(self):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("optimizer", "name", "rate"),
    [
        (
            lambda: keras.optimizers.SGD(Constant()), "SGD",
            {"class_name": "Constant", "config": {}},
        ),
        (lambda: Own(0.5), "Own", 0.5),
    ],
)  # fmt: skip
def test_an_optimizer_that_cannot_be_stored_is_told_by_its_class(optimizer, name, rate):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer(), "mse")
    settings = compile_settings_of(model)
    assert settings.optimizer == name
    assert settings.optimizer_config == {"learning_rate": rate}
    assert settings.loss == "mean_squared_error"


class Untold(keras.Sequential):
    """A model that keeps to itself how it was compiled."""

    def get_compile_config(self):
        return None


def test_a_model_that_does_not_tell_how_it_was_compiled_has_no_settings():
    for made, known in ((keras.Sequential, "SGD"), (Untold, None)):
        live = made([keras.Input((3,)), keras.layers.Dense(2)])
        live.compile("sgd", "mse")
        assert live.compiled
        assert getattr(compile_settings_of(live), "optimizer", None) == known
