"""With which rate a stored schedule starts."""

import pytest

from converter.learning.schedules import Start, start


def stored(name, **config):
    return {"module": "keras.optimizers.schedules", "class_name": name, "config": config}


STARTS = {
    "Keras's own": (
        stored("ExponentialDecay", initial_learning_rate=0.3, decay_steps=10, decay_rate=0.9),
        Start(0.3, "its first value"),
    ),
    "Keras's own from 0": (
        stored("CosineDecay", initial_learning_rate=0.0), Start(0.0, "its first value")
    ),
    "a warm-up": (
        stored("CosineDecay", initial_learning_rate=0.0, decay_steps=10, warmup_target=0.2),
        Start(0.2, "the rate that its warm-up reaches"),
    ),
    "rising": (
        stored("PolynomialDecay", initial_learning_rate=0.01, end_learning_rate=0.5, decay_steps=9),
        Start(0.5, "the rate that it rises to"),
    ),
    "level": (
        stored("PolynomialDecay", initial_learning_rate=0.5, end_learning_rate=0.5, decay_steps=9),
        Start(0.5, "its first value"),
    ),
    "pieces": (
        stored("PiecewiseConstantDecay", boundaries=[5], values=[0.1, 0.01]),
        Start(0.1, "its first value"),
    ),
    "pieces from 0": (
        stored("PiecewiseConstantDecay", boundaries=[5, 9], values=[0.0, 0.1, 0.01]),
        Start(0.1, "its first value above 0"),
    ),
    "one of the user's own": (stored("Mine", init_lr=0.05), Start(0.05, "its init_lr")),
    "one of the user's own from 0": (stored("Mine", init_lr=0.0, lr=0.02), Start(0.02, "its lr")),
    "one inside": (
        stored("WarmUp", after_warmup_lr_sched=stored("CosineDecay", initial_learning_rate=0.4)),
        Start(0.4, "its first value"),
    ),
    "no number": (stored("Mine", learning_rate=True), Start(None)),
    "no such argument": (stored("Mine", slope=0.3), Start(None)),
    "a function": ({"class_name": "function", "config": "warm_up"}, Start(None)),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_the_rate_that_a_schedule_starts_with(name):
    schedule, expected = STARTS[name]
    assert start(schedule) == expected
