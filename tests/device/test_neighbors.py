"""The check of a model that learns by keeping samples, up to the child process."""

from pathlib import Path

import numpy as np
import pytest

from converter import device
from converter.coreml.subject import updatable
from converter.device import neighbors
from converter.device.child import Ending
from converter.device.verdict import Outcome
from converter.errors import DataError, TrainingError
from converter.runtime import ArraySamples, Labelled
from tests.validation import specs
from tests.validation.specs import feature

SHARES = "predicted.after.1"


def nearest(k=1):
    """Return two dimensions, two samples, and probabilities as an output."""
    spec = specs.neighbors()
    feature(spec.description.output, "shares", kind="dictionaryType")
    spec.description.output[1].type.dictionaryType.stringKeyType.SetInParent()
    spec.description.predictedProbabilitiesName = "shares"
    spec.kNearestNeighborsClassifier.numberOfNeighbors.defaultValue = k
    return spec


def done(ours, **arrays):
    """Return how a child ends that does what is right, but for `arrays`."""
    shares = ours.shares[:8]
    found = {f"predicted.{when}.1": shares for when in ("before", "after", "reloaded")}
    answer = {"stage": "done", "error": None, "completed": True, "told": [], "troubles": []}
    return Ending(0, "", answer, found | arrays)


def judged(change=lambda shares: shares):
    chosen = updatable(nearest())
    batch = neighbors.samples(chosen, None)
    ours = neighbors.reference(chosen, batch)
    shares = change(ours.shares[:8].copy())
    ending = done(ours, **{SHARES: shares, "predicted.reloaded.1": shares})
    return neighbors.judged(chosen, batch, ours, ending)


def test_samples_are_more_than_the_neighbors_that_decide():
    few, more = (neighbors.samples(updatable(nearest(k)), None) for k in (1, 10))
    assert (len(few), len(more)) == (9, 21)
    assert few.answers.tolist() == ["class 0", "class 1", "class 2"] * 3
    assert few.inputs["features"].shape == (9, 2)


def test_the_users_samples_come_first():
    data = Labelled(ArraySamples({"features": np.eye(2)}), np.array([7, 8]))
    with pytest.raises(DataError, match="texts"):
        neighbors.samples(updatable(nearest()), data)
    data = Labelled(ArraySamples({"features": np.eye(2)}), np.array(["x", "y"]))
    batch = neighbors.samples(updatable(nearest()), data)
    assert batch.answers.tolist() == ["x", "y"]


def test_the_reference_is_what_the_nearest_of_all_samples_say():
    chosen = updatable(nearest())
    batch = neighbors.samples(chosen, None)
    ours = neighbors.reference(chosen, batch)
    assert ours.classes == ("a", "b", "class 0", "class 1", "class 2")
    assert ours.shares.argmax(axis=1).tolist() == [2, 3, 4] * 3  # each is nearest to itself
    assert ours.clear.all()
    assert neighbors.Reference(("a", "b"), np.array([[0.5, 0.5], [1, 0]])).clear.tolist() == [
        False, True,
    ]  # fmt: skip
    assert list(chosen.neighbors.labels) == ["a", "b"]


def test_the_same_answers_pass():
    verdict = judged()
    assert verdict.outcome is Outcome.PASSED
    assert verdict.reason == "Core ML added 9 samples; all 5 checks are met"
    assert verdict.arrays["reference/shares"].shape == (9, 5)
    assert verdict.facts["samples"] == 9


def test_another_class_or_another_share_fails():
    wrong = judged(lambda shares: np.roll(shares, 1, axis=1))
    assert wrong.outcome is Outcome.FAILED
    assert "classes are those of the reference runtime: 0 of 8 that no tie decides" in wrong.reason
    close = judged(lambda shares: shares * 0.9)
    assert close.reason.startswith("probabilities are those of the reference runtime: differ by 1")


def test_no_answer_of_core_ml_is_no_pass():
    chosen = updatable(nearest())
    batch = neighbors.samples(chosen, None)
    ours = neighbors.reference(chosen, batch)
    ended = done(ours)
    missing = Ending(0, "", ended.answer, {"predicted.before.1": ours.shares[:8]})
    assert neighbors.judged(chosen, batch, ours, missing).outcome is Outcome.FAILED
    crashed = Ending(-6, "", {"stage": "updating"}, {})
    verdict = neighbors.judged(chosen, batch, ours, crashed)
    assert verdict.outcome is Outcome.CRASHED
    assert "SIGABRT while updating" in verdict.reason


def test_what_cannot_be_compared_is_refused():
    chosen = updatable(specs.neighbors())
    with pytest.raises(TrainingError, match="names no output with the probabilities"):
        neighbors.reference(chosen, neighbors.samples(chosen, None))
    frozen = nearest()
    frozen.isUpdatable = False
    with pytest.raises(TrainingError, match="not updatable"):
        device.check(frozen)


@pytest.mark.parametrize(("mode", "outcome"), [("", Outcome.PASSED), ("forgets", Outcome.FAILED)])
def test_the_whole_way_on_a_stand_in(mode, outcome, monkeypatch):
    """The job, the child and the answer; the stand-in says nothing about Core ML."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "stand_in"))
    monkeypatch.setenv("STAND_IN", mode)
    monkeypatch.setattr(device, "why_not_here", lambda: None)
    verdict = device.check(nearest(k=3), timeout=60)
    assert verdict.outcome is outcome, verdict.reason
