"""From what the child left to a verdict. The answers here are made up: Core ML ran nowhere."""

import copy

import numpy as np
import pytest

from converter.device.checks import Agreement, Expected
from converter.device.child import Ending
from converter.device.verdict import Outcome, judge

STORED = {
    "0.weights": np.array([1.0, 2.0, 3.0], np.float32),
    "1.weights": np.array([4.0, 5.0], np.float32),
    "1.biases": np.array([0.0], np.float32),
}
EXPECTED = Expected(["conv", "dense"], [1], STORED, epochs=1)
AGREES = Agreement(1e-6, 2e-6)


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
    answer = {"stage": "done", "completed": True, "losses": [0.5], "error": None, "system": "m"}
    return Ending(0, "", answer, arrays)


def changed(answer=None, arrays=None, without=()):
    ending = copy.deepcopy(good())
    kept = {n: a for n, a in ending.arrays.items() if not n.startswith(tuple(without) or "\0")}
    return Ending(0, "", ending.answer | (answer or {}), kept | (arrays or {}))


def test_a_complete_answer_passes():
    for agreement in (AGREES, None):
        verdict = judge(EXPECTED, good(), agreement)
        assert verdict.outcome is Outcome.PASSED, verdict.reason
        assert len(verdict.checks) == 8
    assert verdict.facts == {"losses": [0.5], "system": "m"}
    assert verdict.as_dict()["checks"][0]["passed"] is True


F = np.float32
BAD = {
    "not completed": ({"answer": {"completed": False}}, "task completed"),
    "state unknown": ({"answer": {"completed": None}}, "task completed"),
    "no epoch": ({"answer": {"losses": []}}, "ordered has ended: 0 of 1 epochs"),
    "two epochs": ({"answer": {"losses": [0.5, 0.4]}}, "ordered has ended: 2 of 1 epochs"),
    "loss": ({"answer": {"losses": [float("nan")]}}, "the loss is a number"),
    "before": ({"arrays": {"before.1.weights": np.array([4, 6], F)}}, "dense weights differs"),
    "no before": ({"without": ["before."]}, "dense weights is missing"),
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
        {"arrays": {"predicted.reloaded.0": good().arrays["predicted.after.0"] + 0.8 * 1.02e-5}},
        "the written model predicts",
    ),
    "no after": ({"without": ["after."]}, "dense is not finite"),
    "reloaded": ({"arrays": {"reloaded.1.weights": np.array([4.5, 5.6], F)}},
                 "dense weights differs"),
    "no reloaded": ({"without": ["reloaded."]}, "dense weights differs"),
    "reloaded predicts": ({"arrays": {"predicted.reloaded.0": np.zeros((2, 2))}},
                          "the written model predicts"),
    "no predictions": ({"without": ["predicted."]}, "the written model predicts"),
    "no predictions reloaded": ({"without": ["predicted.reloaded."]}, "the written model predicts"),
    "frozen moved": ({"arrays": {"frozen.0.weights": np.array([1, 2, 3.1], F)}},
                     "conv weights differs"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_each_criterion_alone_fails(case):
    change, words = BAD[case]
    verdict = judge(EXPECTED, changed(**change), AGREES)
    assert verdict.outcome is Outcome.FAILED
    assert words in verdict.reason


def test_frozen_weights_that_core_ml_keeps_to_itself_are_seen_by_predictions():
    hidden = changed(without=["frozen."], answer={"frozen_error": "no such parameter"})
    assert judge(EXPECTED, hidden, AGREES).outcome is Outcome.PASSED
    for agreement in (Agreement(1e-6, 1e-2), Agreement(0.5, 0.5), Agreement(float("nan"), 1e-6)):
        verdict = judge(EXPECTED, hidden, agreement)
        assert verdict.outcome is Outcome.FAILED
        assert "frozen" in verdict.reason
    verdict = judge(EXPECTED, hidden)
    assert verdict.outcome is Outcome.FAILED
    assert "cannot be told: no such parameter" in verdict.reason


def test_a_pass_just_within_each_tolerance_and_a_fail_just_beyond():
    scores = good().arrays["predicted.after.0"]  # over a range of 0.8
    near = changed(arrays={"predicted.reloaded.0": scores + 0.8 * 0.98e-5})
    assert judge(EXPECTED, near, AGREES).outcome is Outcome.PASSED
    hidden = changed(without=["frozen."])
    for before, after, outcome in (
        (1e-6, 0.99e-3, Outcome.PASSED), (1e-6, 1.01e-3, Outcome.FAILED),
        (0.01, 0.0199, Outcome.PASSED), (0.01, 0.0201, Outcome.FAILED),
        (0.099, 0.1, Outcome.PASSED), (0.101, 0.1, Outcome.FAILED),
    ):  # fmt: skip
        assert judge(EXPECTED, hidden, Agreement(before, after)).outcome is outcome, before


def test_where_no_number_of_epochs_is_ordered_one_at_least_has_ended():
    expected = Expected(EXPECTED.layers, EXPECTED.updatable, STORED)
    assert judge(expected, changed({"losses": [0.5] * 7}), AGREES).outcome is Outcome.PASSED
    verdict = judge(expected, changed({"losses": []}), AGREES)
    assert verdict.outcome is Outcome.FAILED
    assert "an epoch has ended: 0 epochs" in verdict.reason


def test_all_layers_learning_leaves_nothing_frozen_to_compare():
    expected = Expected(["conv", "dense"], [1], {k: v for k, v in STORED.items() if k[0] == "1"})
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
