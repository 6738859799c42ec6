import pytest

from converter.errors import TrainingError, UsageError
from converter.runtime import settings
from tests.runtime.updatable import adam, digits, sgd


def test_stored_settings():
    found = settings(digits(optimizer=sgd(0.1, 0.5)))
    assert found.optimizer == "sgdOptimizer"
    assert found.numbers == {"learning_rate": 0.1, "momentum": 0.5}
    assert (found.epochs, found.batch_size, found.shuffle, found.seed) == (2, 16, True, 0)


def test_stored_settings_of_adam():
    found = settings(digits(optimizer=adam()))
    assert found.optimizer == "adamOptimizer"
    assert set(found.numbers) == {"learning_rate", "beta_1", "beta_2", "epsilon"}
    assert found.numbers["beta_2"] == 0.999


def test_chosen_settings_replace_stored_ones():
    found = settings(digits(), epochs=5, batch_size=4, learning_rate=0.5, shuffle=False, seed=-3)
    assert (found.epochs, found.batch_size, found.shuffle, found.seed) == (5, 4, False, -3)
    assert found.numbers["learning_rate"] == 0.5


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"learning_rate": 1.5}, "learning_rate 1.5: the model allows 0 to 1"),
        ({"learning_rate": -0.1}, "the model allows 0 to 1"),
        ({"learning_rate": float("nan")}, "the model allows"),
        ({"momentum": 2.0}, "momentum 2"),
        ({"momentum": 1.0}, "momentum 1 must be below 1"),
        ({"learning_rate": 0.0}, "learning_rate 0 means that nothing is learned"),
        ({"batch_size": 5}, "batch_size 5: the model allows 1, 4, 10, 16"),
        ({"epochs": 21}, "epochs 21: the model allows 20 values from 1 to 20"),
        ({"epochs": 0}, "epochs 0"),
        ({"beta_1": 0.5}, "beta_1 is no number of this model's optimizer, SGD"),
    ],
)
def test_values_that_core_ml_refuses(chosen, message):
    with pytest.raises(UsageError, match=message):
        settings(digits(), **chosen)


def test_a_range_of_whole_numbers():
    model = digits()
    epochs = model.neuralNetwork.updateParams.epochs
    epochs.range.minValue, epochs.range.maxValue = 2, 7
    assert settings(model, epochs=7).epochs == 7
    with pytest.raises(UsageError, match="epochs 8: the model allows 2 to 7"):
        settings(model, epochs=8)


def test_values_without_limits_are_free():
    model = digits()
    optimizer = model.neuralNetwork.updateParams.optimizer.sgdOptimizer
    optimizer.learningRate.ClearField("range")
    optimizer.miniBatchSize.ClearField("set")
    found = settings(model, learning_rate=30.0, batch_size=1000)
    assert (found.numbers["learning_rate"], found.batch_size) == (30.0, 1000)


def test_a_model_without_optimizer():
    model = digits()
    model.neuralNetwork.updateParams.ClearField("optimizer")
    with pytest.raises(TrainingError, match="no optimizer"):
        settings(model)
