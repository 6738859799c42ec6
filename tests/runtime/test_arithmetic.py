"""Every way to count, against numbers computed by hand: W[0][0] and b[0] after small trainings."""

from dataclasses import replace

import numpy as np
import pytest

from converter.arithmetic import COREML, KERAS, OPTIONS, Reduction
from converter.calibration.prediction import predicted
from converter.errors import TrainingError
from converter.runtime import ArraySamples, Labelled, settings, train
from converter.runtime.batches import order
from converter.runtime.optimizers import SGD, Adam, optimizer
from tests.runtime.calibrated import BY_NAME, learned
from tests.runtime.helpers import random
from tests.runtime.updatable import adam, digits, floats_of, line, mnist, sgd

pytestmark = pytest.mark.slow

WEIGHT, BIAS = 0, 6

SQUARED_ERROR = {
    Reduction("mean", "mean"): 0.5145833,
    Reduction("mean", "mean", 0.5): 0.5072917,
    Reduction("mean", "sum"): 0.5437500,
    Reduction("mean", "sum", 0.5): 0.5218750,
    Reduction("sum", "mean"): 0.5729167,
    Reduction("sum", "mean", 0.5): 0.5364583,
    Reduction("sum", "sum"): 0.7187500,
    Reduction("sum", "sum", 0.5): 0.6093750,
}
CROSS_ENTROPY = {
    Reduction("mean", "sum"): 0.5062784,
    Reduction("sum", "sum"): 0.5313919,
    Reduction("mean", "mean"): 0.5020928,
    Reduction("sum", "mean"): 0.5104640,
}
LAST_BATCH = {
    "own_mean": (0.5369575, 0.2705241),
    "full_size": (0.5235330, 0.2600846),
    "dropped": (0.5145833, 0.2531250),
    "zeros": (0.5235330, 0.2537565),
    "last_repeated": (0.5205512, 0.2660482),
    "wrapped": (0.5335894, 0.2700499),
    "stale": (0.5357465, 0.2609549),
}
MOMENTUM = {
    "classic": 0.5602599,
    "rate_outside": 0.5602599,
    "nesterov": 0.5715414,
    "dampened": 0.5305577,
    "first_undamped": 0.5429947,
    "ignored": 0.5424648,
}
ADAM = {
    "uncorrected_root": 0.6420607,
    "corrected_root": 0.6623503,
    "inside_corrected_root": 0.6433536,
    "inside_uncorrected_root": 0.6126033,
    "no_correction": 0.6565209,
    "no_correction_inside_root": 0.6245647,
    "step_per_epoch": 0.6471442,
}
ORDER = {"given": 0.5815791, "libc++": 0.5840926}
TOLD = {"last_batch": 1.0045332, "mean_of_batches": 0.9607301, "mean_of_samples": 0.9419574}


def exactly(number):
    return pytest.approx(number, abs=3e-7)


def as_predicted(name, **choices):
    """Return what `learned` does, once it is sure that NumPy comes to the same in every weight."""
    found, history = learned(name, **choices)
    expected = predicted(BY_NAME[name], replace(KERAS, **choices))
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-6)
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-6)
    np.testing.assert_array_equal(found.sizes, expected.sizes)
    return found, history


@pytest.mark.parametrize("reduction", SQUARED_ERROR, ids=str)
def test_the_squared_error(reduction):
    found, history = as_predicted("T1", squared_error=reduction)
    assert found.weights[WEIGHT] == exactly(SQUARED_ERROR[reduction])
    factor = reduction.scale(5, 3) * 15
    assert history.epochs[0].loss == pytest.approx(0.9169271 * factor, rel=1e-6)


@pytest.mark.parametrize("reduction", CROSS_ENTROPY, ids=str)
def test_the_cross_entropy(reduction):
    found, history = as_predicted("T5", cross_entropy=reduction)
    assert found.weights[WEIGHT] == exactly(CROSS_ENTROPY[reduction])
    factor = reduction.scale(5, 3) * 5
    assert history.epochs[0].loss == pytest.approx(1.0000570 * factor, rel=1e-6)


@pytest.mark.parametrize("way", LAST_BATCH)
def test_the_last_mini_batch(way):
    found, _ = as_predicted("T2", last_batch=way)
    assert found.weights[[WEIGHT, BIAS]] == exactly(np.array(LAST_BATCH[way]))


@pytest.mark.parametrize(
    ("way", "number"), {"own_mean": 0.4601121, "full_size": 0.4878119, "zeros": 0.4878119}.items()
)
def test_the_last_mini_batch_of_classes(way, number):
    assert as_predicted("T6", last_batch=way)[0].weights[WEIGHT] == exactly(number)


@pytest.mark.parametrize("form", MOMENTUM)
def test_momentum(form):
    assert as_predicted("T3", momentum=form)[0].weights[WEIGHT] == exactly(MOMENTUM[form])


@pytest.mark.parametrize("form", ADAM)
def test_adam(form):
    assert as_predicted("T4", adam=form)[0].weights[WEIGHT] == exactly(ADAM[form])


@pytest.mark.parametrize("way", ORDER)
def test_the_order(way):
    assert as_predicted("T7", order=way)[0].weights[WEIGHT] == exactly(ORDER[way])


@pytest.mark.parametrize("what", TOLD)
def test_what_is_told_as_loss(what):
    found, history = as_predicted("T2", loss=what)
    assert history.epochs[0].loss == pytest.approx(TOLD[what], rel=1e-6)
    assert history.epochs[0].last_batch_loss == pytest.approx(1.0045332, rel=1e-6)
    np.testing.assert_allclose(found.losses, [[0.9169271, 1.0045332]], rtol=1e-6)


def test_no_way_is_left_out():
    tables = {
        "last_batch": LAST_BATCH, "momentum": MOMENTUM, "adam": ADAM, "loss": TOLD,
        "squared_error": SQUARED_ERROR, "order": {"numpy": None, **ORDER},
    }  # fmt: skip
    assert {name: set(table) for name, table in tables.items()} == {
        name: set(OPTIONS[name]) for name in tables
    }


def test_the_default_has_the_fused_kernels():
    for made, kind in ((adam(), Adam), (sgd(momentum=0.5), SGD)):
        assert type(optimizer(settings(digits(optimizer=made)), [])) is kind
    assert settings(digits()).arithmetic == KERAS


def test_the_default_order_is_another_one_in_each_epoch_and_that_of_libcxx_is_not():
    chosen = settings(digits())
    assert order(chosen, 1, 9).tolist() != order(chosen, 2, 9).tolist()
    chosen = replace(chosen, arithmetic=replace(KERAS, order="libc++"))
    assert order(chosen, 1, 10).tolist() == [1, 6, 0, 3, 2, 5, 4, 9, 8, 7]
    assert order(chosen, 2, 10).tolist() == [1, 6, 0, 3, 2, 5, 4, 9, 8, 7]


def test_what_is_known_of_core_ml_moves_weights_as_the_default_does():
    counted = []
    for arithmetic in (KERAS, COREML):
        model = digits(optimizer=adam())
        counting = replace(settings(model), arithmetic=arithmetic)
        history = train(model, mnist(count=40), counting)
        counted.append((floats_of(model, "head").tolist(), history.epochs[-1]))
    assert counted[0][0] == counted[1][0]
    assert counted[0][1].loss != counted[1][1].loss
    assert counted[0][1].last_batch_loss == counted[1][1].loss == counted[1][1].last_batch_loss


def trained(model, count, way, **choices):
    counting = replace(settings(model, **choices), arithmetic=replace(KERAS, last_batch=way))
    train(model, mnist(count=count), counting)
    return model


@pytest.mark.parametrize("way", ["dropped", "zeros", "last_repeated", "wrapped", "stale"])
def test_frozen_layers_see_what_fills_up_a_mini_batch(way):
    """Two epochs, so that what the frozen layers make of the samples is kept."""
    few = trained(digits(["head"]), 20, way, shuffle=False)
    same = digits(["head"])
    x, y = (part for part in (mnist(count=20).samples.arrays["image"], mnist(count=20).y))
    zero = np.zeros((12, 1, 28, 28), np.float32)
    fill = {
        "dropped": (x[:0], y[:0]),
        "zeros": (zero, np.zeros(12, int)),
        "last_repeated": (x[[19] * 12], y[[19] * 12]),
        "wrapped": (x[:12], y[:12]),
        "stale": (x[4:16], y[4:16]),
    }[way]
    kept = 16 if way == "dropped" else 20
    whole = Labelled(
        ArraySamples({"image": np.append(x[:kept], fill[0], 0)}), np.append(y[:kept], fill[1])
    )
    train(same, whole, settings(same, shuffle=False))
    np.testing.assert_allclose(floats_of(few, "head"), floats_of(same, "head"), atol=1e-6)


def test_dropping_the_only_mini_batch_is_refused_with_a_way_out():
    what = "12 samples are less than a mini-batch of 16, .*; give at least 16"
    with pytest.raises(TrainingError, match=what):
        trained(digits(["head"]), 12, "dropped")
    learned_something = trained(digits(["head"]), 16, "dropped")
    assert np.any(floats_of(learned_something, "head") != floats_of(digits(["head"]), "head"))


@pytest.mark.parametrize(
    ("made", "choices"),
    [(adam(), {"adam": "step_per_epoch"}), (sgd(momentum=0.5), {"momentum": "first_undamped"})],
    ids=["adam", "momentum"],
)
def test_other_forms_go_on_from_a_checkpoint(tmp_path, made, choices):
    """Their slots are all that they remember, epochs counted included."""
    data = Labelled(ArraySamples({"x": random(10, 3, seed=5)}), random(10, 2, seed=6))

    def after(epochs, state):
        model = line(optimizer=made)
        counting = replace(settings(model, epochs=epochs), arithmetic=replace(KERAS, **choices))
        train(model, data, counting, checkpoint=tmp_path / state)
        return floats_of(model, "dense").tolist()

    after(2, "interrupted")
    assert after(3, "interrupted") == after(3, "whole")


def test_a_checkpoint_of_another_arithmetic_is_refused(tmp_path):
    chosen, data = settings(digits(["head"])), mnist(count=16)
    train(digits(["head"]), data, chosen, checkpoint=tmp_path / "state")
    other = replace(chosen, arithmetic=replace(KERAS, order="given"))
    with pytest.raises(TrainingError, match="belongs to"):
        train(digits(["head"]), data, other, checkpoint=tmp_path / "state")
