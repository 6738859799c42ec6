"""How the layers learn: optimizer, epochs, batches, shuffling."""

import pytest

from converter.backend.tensorflow import keras
from converter.errors import UnsupportedError, UsageError
from converter.keras_file.compiled import CompileSettings
from converter.learning.settings import training
from converter.recipe import Choice, Range, Recipe
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


def plan(config=None, **options):
    compiled = CompileSettings("SGD", {"learning_rate": 0.1, "momentum": 0.0, **(config or {})})
    return training(Recipe(model="model.h5", **options), compiled)


def number(found, name="learning_rate"):
    return found.numbers[name].default, found.numbers[name].lowest, found.numbers[name].highest


def test_a_compiled_rate_above_one_widens_the_range():
    assert number(plan({"learning_rate": 2.5})) == (2.5, 0.0, 2.5)
    assert number(plan()) == (0.1, 0.0, 1.0)
    assert number(plan(learning_rate=3.0)) == (3.0, 0.0, 3.0)


def test_a_range_of_ones_own():
    assert number(plan(learning_rate=Range(min=0.05, max=0.2))) == (0.1, 0.05, 0.2)
    assert number(plan(learning_rate=Range(default=0.2, min=0.1, max=0.2))) == (0.2, 0.1, 0.2)
    assert number(plan(learning_rate=Range(default=0.1, min=0.1, max=0.2))) == (0.1, 0.1, 0.2)
    for outside in (Range(min=0.11, max=0.2), Range(min=0.01, max=0.09)):
        with pytest.raises(UsageError, match=r"learning_rate 0\.1 is not within"):
            plan(learning_rate=outside)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"min": 0.1, "max": 0.1}, "0.1 is not less than max, 0.1"),
        ({"min": 0.2, "max": 0.1}, "0.2 is not less than max"),
        ({"default": 0.3, "min": 0.1, "max": 0.2}, "0.3 is not in 0.1 … 0.2"),
        ({"default": 0.05, "min": 0.1, "max": 0.2}, "0.05 is not in 0.1 … 0.2"),
    ],
)
def test_ranges_that_are_none(values, words):
    with pytest.raises(ValueError, match=words):
        Range(**values)


def test_counts_of_ones_own():
    assert plan().epochs.default == 10
    assert (
        plan(epochs=Choice(allowed=(30, 20))).epochs
        == plan(epochs=Choice(default=30, allowed=(20, 30))).epochs
    )
    assert plan(epochs=Choice(allowed=(30, 20))).epochs.allowed == (20, 30)
    assert plan(epochs=Choice(min=5, max=10)).epochs.default == 10
    assert plan(epochs=Choice(min=5, max=5)).epochs.allowed == (5,)
    assert plan(epochs=Choice(default=3)).epochs.default == 3
    with pytest.raises(ValueError, match="7 is not in 5 … 6"):
        Choice(default=7, min=5, max=6)
    with pytest.raises(ValueError, match="6 is more than max, 5"):
        Choice(min=6, max=5)


@pytest.mark.parametrize(
    ("optimizer", "key", "value"),
    [("sgd", "beta_1", 0.8), ("sgd", "beta_2", 0.9), ("sgd", "epsilon", 1e-5),
     ("adam", "momentum", 0.5)],
)  # fmt: skip
def test_a_number_of_the_other_optimizer_is_refused(optimizer, key, value):
    words = f"^{key} is not a parameter of the optimizer {optimizer}$"
    with pytest.raises(UsageError, match=words):
        plan(optimizer=optimizer, **{key: value})
    (other,) = {"sgd", "adam"} - {optimizer}
    assert plan(optimizer=other, **{key: value}).numbers[key].default == value


def test_the_compiled_optimizer_decides_where_none_is_asked_for():
    with pytest.raises(UsageError, match="beta_1 is not a parameter of the optimizer sgd"):
        plan(beta_1=0.8)
    assert plan(momentum=0.8).numbers["momentum"].default == 0.8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learning_rate": 0.0}, "learning_rate 0 means that nothing is learned; it must be more"),
        ({"learning_rate": -0.5}, "learning_rate -0.5 is negative; it must be more than 0"),
        ({"momentum": 1.0}, "momentum 1 must be below 1"),
        ({"momentum": Range(default=1.0, min=0.0, max=1.0)}, "momentum 1 must be below 1"),
        ({"optimizer": "adam", "epsilon": -1e-3}, "epsilon -0.001 is negative; it must be 0 or"),
    ],
)
def test_a_number_asked_for_that_cannot_work_is_refused(options, words):
    with pytest.raises(UsageError) as caught:
        plan(**options)
    assert str(caught.value).startswith(words)


def test_numbers_at_the_edge_work():
    assert plan(momentum=0.0).numbers["momentum"].default == 0.0
    assert plan(optimizer="adam", epsilon=0.0).numbers["epsilon"].default == 0.0


@pytest.mark.parametrize(("key", "most"), [("epochs", 100), ("batch_size", 512)])
def test_a_default_of_its_own_is_among_those_allowed(key, most):
    found = getattr(plan(**{key: Choice(default=most)}), key)
    assert (found.default, found.allowed[-1]) == (most, most)
    words = rf"^{key} {most + 1} is not among the allowed \[1, 2, 3, .*, {most}\]$"
    with pytest.raises(UsageError, match=words):
        plan(**{key: Choice(default=most + 1)})
    wider = getattr(plan(**{key: most + 1}), key)  # a number alone is allowed beside the usual
    assert (wider.default, wider.allowed[-2:]) == (most + 1, (most, most + 1))
