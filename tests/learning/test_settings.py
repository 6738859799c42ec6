"""How the layers learn: optimizer, epochs, batches, shuffling."""

import pytest

from converter.backend.tensorflow import keras
from converter.errors import UnsupportedError
from tests.converting import convert, small_cnn


def test_settings_of_compile_are_taken_over(tmp_path):
    optimizer = keras.optimizers.SGD(0.05, momentum=0.8, nesterov=True)
    spec, report = convert(small_cnn(optimizer=optimizer), tmp_path, epochs=3, batch_size=7)
    params = spec.neuralNetwork.updateParams
    sgd = params.optimizer.sgdOptimizer
    assert sgd.learningRate.defaultValue == pytest.approx(0.05)
    assert (sgd.learningRate.range.minValue, sgd.learningRate.range.maxValue) == (0, 1)
    assert sgd.momentum.defaultValue == pytest.approx(0.8)
    assert sgd.miniBatchSize.defaultValue == 7
    assert {1, 7, 32} <= set(sgd.miniBatchSize.set.values)
    assert params.epochs.defaultValue == 3
    assert set(range(1, 101)) <= set(params.epochs.set.values)
    assert params.shuffle.defaultValue
    assert any("Nesterov" in note for note in report.notes)


@pytest.mark.parametrize(
    ("optimizer", "flag", "usable"),
    [
        (lambda: keras.optimizers.SGD(0.0), "learning_rate", 0.1),
        (lambda: keras.optimizers.RMSprop(0.0), "learning_rate", 0.1),
        (lambda: keras.optimizers.SGD(0.1, momentum=1.0), "momentum", 0.9),
        (lambda: keras.optimizers.Adam(beta_1=1.0), "beta_1", 0.9),
        (lambda: keras.optimizers.Adam(epsilon=-1.0), "epsilon", 1e-7),
    ],
)
def test_a_stored_number_that_cannot_work_is_named_with_what_overrides_it(
    tmp_path, optimizer, flag, usable
):
    words = f"the model was compiled with {flag} .*--{flag.replace('_', '-')}$"
    with pytest.raises(UnsupportedError, match=words):
        convert(small_cnn(optimizer=optimizer()), tmp_path)
    convert(small_cnn(optimizer=optimizer()), tmp_path, **{flag: usable})  # the advice works


def test_defaults_without_compile_settings(tmp_path):
    spec, _ = convert(small_cnn(loss=None), tmp_path)
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == pytest.approx(1e-3)
    assert adam.beta1.defaultValue == pytest.approx(0.9)
    assert adam.eps.defaultValue == pytest.approx(1e-7)
    assert adam.miniBatchSize.defaultValue == 32
    assert spec.neuralNetwork.updateParams.epochs.defaultValue == 10


def test_no_shuffle_and_a_seed(tmp_path):
    spec, _ = convert(small_cnn(), tmp_path, shuffle=False, seed=5)
    params = spec.neuralNetwork.updateParams
    assert not params.shuffle.defaultValue
    assert params.seed.defaultValue == 5


def test_the_first_rate_of_a_schedule_is_kept(tmp_path):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.3, 10, 0.9)
    spec, _ = convert(small_cnn(optimizer=keras.optimizers.SGD(schedule)), tmp_path)
    sgd = spec.neuralNetwork.updateParams.optimizer.sgdOptimizer
    assert sgd.learningRate.defaultValue == pytest.approx(0.3)
