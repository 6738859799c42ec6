"""Losses and optimizers have one name each, whatever the file calls them."""

import pytest

from converter.keras_file.compiled import CompileSettings, compile_settings


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("mse", "mean_squared_error"),
        ("MeanSquaredError", "mean_squared_error"),
        ("KLDivergence", "kl_divergence"),
        ("LogCosh", "log_cosh"),
        ({"class_name": "function", "config": "binary_crossentropy"}, "binary_crossentropy"),
        ({"class_name": "Huber", "config": {"delta": 2.0}}, "huber"),
        ({"class_name": "Focal", "config": {}, "registered_name": "pkg>Focal"}, "pkg>Focal"),
    ],
)
def test_spellings_of_losses(stored, name):
    assert compile_settings({"loss": stored, "optimizer": "adam"}, ["y"]).loss == name


def test_spellings_of_optimizers():
    def read(stored):
        settings = compile_settings({"loss": "mse", "optimizer_config": stored}, ["y"])
        return settings.optimizer, settings.optimizer_config

    assert read({"class_name": "Custom>Adam", "config": {"lr": 0.0010000000474974513}}) == (
        "Adam",
        {"learning_rate": 0.001},
    )
    inner = {"class_name": "SGD", "config": {"learning_rate": 0.1}}
    assert read({"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": inner}}) == (
        "SGD",
        {"learning_rate": 0.1},
    )


def test_nothing_comes_of_nothing():
    assert compile_settings(None, ["y"]) is None
    assert compile_settings({}, ["y"]) is None
    assert CompileSettings().loss_of("y") is None
