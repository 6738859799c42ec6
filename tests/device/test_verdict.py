"""From what the child left to a verdict. The answers here are made up: Core ML ran nowhere."""

import copy

import numpy as np
import pytest

from converter.device.checks import Check
from converter.device.child import Ending
from converter.device.comparing import Agreement, Expected, relative
from converter.device.verdict import Outcome, concluded, judge

STORED = {
    "0.weights": np.array([1.0, 2.0, 3.0], np.float32),
    "1.weights": np.array([4.0, 5.0], np.float32),
    "1.biases": np.array([0.0], np.float32),
}
EXPECTED = Expected(["conv", "dense"], [1], STORED, epochs=1)
AGREES = Agreement(1e-6, 2e-6)
F = np.float32
NAN, INFINITY = float("nan"), float("inf")


def told(*epochs, batch=0.5, end=None):
    """Return what Core ML tells: epochs of one mini-batch, their losses, the one at the end."""
    events = []
    for number, loss in enumerate(epochs):
        events += [("mini-batch end", number, 0, batch), ("epoch end", number, None, loss)]
    events.append(("completion", None, None, end))
    names = ("event", "epoch", "mini_batch", "loss")
    return [dict(zip(names, each, strict=True)) for each in events]


def good():
    moved = {"1.weights": np.array([4.5, 5.5], np.float32), "1.biases": np.zeros(1, np.float32)}
    scores = np.array([[0.1, 0.9], [0.7, 0.3]])
    arrays = {
        "before.1.weights": STORED["1.weights"],
        "before.1.biases": STORED["1.biases"],
        **{f"after.{k}": v for k, v in moved.items()},
        **{f"reloaded.{k}": v for k, v in moved.items()},
        "frozen.0.weights": STORED["0.weights"],
        "predicted.before.0": scores,
        "predicted.after.0": scores + 0.1,
        "predicted.reloaded.0": scores + 0.1,
    }
    answer = {"stage": "done", "completed": True, "told": told(0.5), "error": None, "system": "m"}
    return Ending(0, "", answer, arrays)


def changed(answer=None, arrays=None, without=()):
    ending = copy.deepcopy(good())
    kept = {n: a for n, a in ending.arrays.items() if not n.startswith(tuple(without) or "\0")}
    return Ending(0, "", ending.answer | (answer or {}), kept | (arrays or {}))


def test_a_complete_answer_passes():
    verdict = judge(EXPECTED, good(), AGREES)
    assert verdict.outcome is Outcome.PASSED, verdict.reason
    assert verdict.reason == "Core ML updated 1 layers; all 10 checks are met"
    assert verdict.facts == {"told": told(0.5), "system": "m"}
    assert verdict.as_dict()["checks"][0]["passed"] is True


@pytest.mark.parametrize(("passed", "outcome"), [(True, "passed"), (False, "failed")])
def test_a_verdict_keeps_the_arrays_behind_it(passed, outcome):
    check, arrays = Check("it moves", passed, "0.5"), {"answers": np.ones(2)}
    verdict = concluded((check,), "Core ML did it", {}, arrays)
    assert (verdict.outcome.value, verdict.arrays) == (outcome, arrays)
    assert concluded((check,), "Core ML did it", {}).arrays == {}


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ([0.0, 4.0], [0.0, 5.0], 0.25), ([2.0, 2.0], [2.0, 2.5], 0.5), ([], [], NAN),
        (None, [1.0], NAN), ([1.0], None, NAN), ([1.0], [1.0, 1.0], NAN),
        ([INFINITY, 0.0], [1.0, 0.0], NAN), ([1.0, 0.0], [1.0, NAN], NAN),
    ],
)  # fmt: skip
def test_a_difference_is_a_share_of_the_range_where_there_is_something_to_compare(
    one, other, share
):
    arrays = (None if values is None else np.array(values, np.float32) for values in (one, other))
    assert relative(*arrays) == pytest.approx(share, nan_ok=True)


def test_without_the_reference_runtime_its_predictions_are_unknown_and_nothing_fails():
    verdict = judge(EXPECTED, good(), None, "TensorFlow is not installed")
    assert verdict.outcome is Outcome.PASSED
    (unknown,) = [check for check in verdict.checks if check.passed is None]
    assert unknown.seen == "TensorFlow is not installed"
    assert verdict.reason == (
        "Core ML updated 1 layers; 9 checks are met, "
        "not known is: predictions are those of the reference runtime"
    )


BAD = {
    "not completed": ({"answer": {"completed": False}}, "task completed"),
    "state unknown": ({"answer": {"completed": None}}, "task completed"),
    "no epoch": ({"answer": {"told": []}}, "ordered has ended: 0 of 1 epochs"),
    "two epochs": ({"answer": {"told": told(0.5, 0.4)}}, "ordered has ended: 2 of 1 epochs"),
    "loss": ({"answer": {"told": told(NAN)}}, "every loss is a number"),
    "infinite loss": ({"answer": {"told": told(INFINITY)}}, "every loss is a number"),
    "an epoch without a loss": ({"answer": {"told": told(None)}}, "every loss is a number"),
    "loss of a mini-batch": ({"answer": {"told": told(0.5, batch=NAN)}}, "every loss is a number"),
    "loss at the end": ({"answer": {"told": told(0.5, end=NAN)}}, "every loss is a number"),
    "before": ({"arrays": {"before.1.weights": np.array([4, 6], F)}}, "differ: dense weights"),
    "unchanged": ({"arrays": {"after.1.weights": STORED["1.weights"],
                              "reloaded.1.weights": STORED["1.weights"]}},
                  "dense has not changed"),
    "not finite": ({"arrays": {"after.1.weights": np.array([4, np.nan], F)}},
                   "dense is not finite"),
    "not finite, the bias": ({"arrays": {"after.1.biases": np.array([np.nan], F),
                                         "reloaded.1.biases": np.array([np.nan], F)}},
                             "dense is not finite"),
    "infinite": ({"arrays": {"after.1.weights": np.array([4, np.inf], F)}}, "dense is not finite"),
    "only the bias": ({"arrays": {"after.1.weights": STORED["1.weights"],
                                  "reloaded.1.weights": STORED["1.weights"],
                                  "after.1.biases": np.ones(1, F),
                                  "reloaded.1.biases": np.ones(1, F)}},
                      "dense has changed its biases only"),
    "one output is no number": ({"arrays": {"predicted.after.1": np.array([[1.0], [np.nan]]),
                                            "predicted.reloaded.1": np.array([[1.0], [np.nan]])}},
                                "the written model predicts"),
    "reloaded predicts a little else": (
        {"arrays": {"predicted.reloaded.0": good().arrays["predicted.after.0"] + 0.8 * 1.02e-4}},
        "the written model predicts",
    ),
    "no after": ({"without": ["after."]}, "Core ML did not give dense"),
    "no biases after": ({"without": ["after.1.biases"]}, "Core ML did not give dense"),
    "reloaded": ({"arrays": {"reloaded.1.weights": np.array([4.5, 5.6], F)}},
                 "in memory: differ: dense weights"),
    "no reloaded": ({"without": ["reloaded."]}, "in memory: differ: dense weights"),
    "reloaded predicts": ({"arrays": {"predicted.reloaded.0": np.zeros((2, 2))}},
                          "the written model predicts"),
    "no predictions": ({"without": ["predicted."]}, "the written model predicts"),
    "no predictions reloaded": ({"without": ["predicted.reloaded."]}, "the written model predicts"),
    "frozen moved": ({"arrays": {"frozen.0.weights": np.array([1, 2, 3.1], F)}},
                     "frozen has not changed: differ: conv weights"),
    "frozen is no number": ({"arrays": {"frozen.0.weights": np.array([1, 2, np.nan], F)}},
                            "frozen has not changed: differ: conv weights"),
    "one output is missing after": ({"arrays": {"predicted.before.1": np.ones((2, 1))}},
                                    "predicted.after.1"),
    "another order only": ({"without": ["before."], "arrays": {
                                       "after.1.weights": STORED["1.weights"][::-1],
                                       "reloaded.1.weights": STORED["1.weights"][::-1]}},
                                    "dense has not changed"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_each_criterion_alone_fails(case):
    change, words = BAD[case]
    verdict = judge(EXPECTED, changed(**change), AGREES)
    assert verdict.outcome is Outcome.FAILED
    assert words in verdict.reason


@pytest.mark.parametrize("place", range(2))
@pytest.mark.parametrize("name", ["before", "after", "reloaded"])
@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
@pytest.mark.parametrize("agreement", [AGREES, None])
def test_no_number_anywhere_in_weights_or_outputs_passes(place, name, value, agreement):
    """Python's ``max`` drops a NaN that is not the first; so no largest difference is enough."""
    arrays = good().arrays
    for array in [key for key in arrays if key.startswith((name, f"predicted.{name}"))]:
        spoilt = arrays[array].copy()
        spoilt.flat[-1 - place if spoilt.size > 1 else 0] = value
        verdict = judge(EXPECTED, changed(arrays={array: spoilt}), agreement)
        assert verdict.outcome is Outcome.FAILED, array


def test_frozen_weights_that_core_ml_keeps_to_itself_are_unknown_or_seen_by_predictions():
    hidden = changed(without=["frozen."])
    title = "what is frozen has not changed"
    for agreement, passed in ((AGREES, True), (None, None), (Agreement(0.5, 0.5), None)):
        verdict = judge(EXPECTED, hidden, agreement)
        (check,) = [check for check in verdict.checks if check.name == title]
        assert check.passed is passed
    assert judge(EXPECTED, hidden, AGREES).outcome is Outcome.PASSED
    verdict = judge(EXPECTED, hidden)
    assert verdict.outcome is Outcome.PASSED
    assert "not known is: what is frozen has not changed, predictions are" in verdict.reason
    assert "unknown" not in verdict.reason
    assert "Core ML did not give conv weights" in [check.seen for check in verdict.checks]


def test_one_frozen_layer_that_differs_fails_whatever_else_is_unknown():
    stored = STORED | {"0.biases": np.zeros(1, F)}
    expected = Expected(EXPECTED.layers, EXPECTED.updatable, stored, epochs=1)
    half = changed(arrays={"frozen.0.weights": np.array([1, 2, 4], F)})
    verdict = judge(expected, half, AGREES)
    assert verdict.outcome is Outcome.FAILED
    assert "frozen has not changed: differ: conv weights" in verdict.reason


def test_weights_that_could_not_be_read_when_training_began_are_those_of_the_file():
    trouble = {"troubles": ["when training began, weights could not be read"]}
    verdict = judge(EXPECTED, changed(trouble, without=["before."]), AGREES)
    assert verdict.outcome is Outcome.PASSED
    assert "Core ML did not give dense weights, dense biases" in [c.seen for c in verdict.checks]
    assert verdict.facts["troubles"] == trouble["troubles"]


def test_predictions_that_are_not_those_of_the_reference_runtime_fail():
    for agreement in (Agreement(1e-6, 1e-2), Agreement(0.5, 0.5), Agreement(NAN, 1e-6),
                      Agreement(1e-6, NAN)):  # fmt: skip
        verdict = judge(EXPECTED, good(), agreement)
        assert verdict.outcome is Outcome.FAILED
        assert "predictions are those of the reference runtime: differ by" in verdict.reason


def test_a_pass_just_within_each_tolerance_and_a_fail_just_beyond():
    scores = good().arrays["predicted.after.0"]  # over a range of 0.8
    near = changed(arrays={"predicted.reloaded.0": scores + 0.8 * 0.98e-4})
    assert judge(EXPECTED, near, AGREES).outcome is Outcome.PASSED
    for before, after, outcome in (
        (1e-6, 0.99e-4, Outcome.PASSED), (1e-6, 1.01e-4, Outcome.FAILED),
        (0.01, 0.0199, Outcome.PASSED), (0.01, 0.0201, Outcome.FAILED),
        (0.099, 0.1, Outcome.PASSED), (0.101, 0.1, Outcome.FAILED),
    ):  # fmt: skip
        assert judge(EXPECTED, good(), Agreement(before, after)).outcome is outcome, before


def test_all_layers_learning_leaves_nothing_frozen_to_compare():
    learning = {k: v for k, v in STORED.items() if k[0] == "1"}
    expected = Expected(["conv", "dense"], [1], learning, epochs=1)
    assert judge(expected, changed(without=["frozen."])).outcome is Outcome.PASSED


def test_weights_in_another_order_are_the_same_weights():
    verdict = judge(EXPECTED, changed(arrays={"before.1.weights": np.array([5, 4], F)}), AGREES)
    assert verdict.outcome is Outcome.PASSED
    assert any("another order: dense weights" in check.seen for check in verdict.checks)


@pytest.mark.parametrize(
    ("ending", "outcome", "words"),
    [
        (Ending(-6, "x\nlibc++abi: terminating\n", {"stage": "updating"}), Outcome.CRASHED,
         "SIGABRT while updating: libc++abi: terminating"),
        (Ending(-11), Outcome.CRASHED, "SIGSEGV while starting"),
        (Ending(-999), Outcome.CRASHED, "signal 999"),
        (Ending(None, "", {"stage": "loading the model"}), Outcome.TIMED_OUT, "loading the model"),
        (Ending(1, "ModuleNotFoundError: No module named 'objc'"), Outcome.FAILED, "'objc'"),
        (Ending(1, "", {"stage": "updating", "error": "bad (com.apple.CoreML 6)"}), Outcome.FAILED,
         "bad (com.apple.CoreML 6) (while updating)"),
        (Ending(0, ""), Outcome.FAILED, "code 0 while starting"),
        (Ending(0, "", {"stage": "updating"}), Outcome.FAILED, "while updating"),
        (Ending(0, "", {"stage": "done"}), Outcome.FAILED, "task completed"),
        (Ending(7, "", good().answer, good().arrays), Outcome.FAILED, "code 7"),
    ],
)  # fmt: skip
def test_every_other_ending_has_its_outcome(ending, outcome, words):
    verdict = judge(EXPECTED, ending, AGREES)
    assert verdict.outcome is outcome
    assert words in verdict.reason
