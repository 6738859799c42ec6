"""The decoder names what is true, or says that it cannot; `exhaust.py` asks it everything."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from converter.arithmetic import COREML, KERAS, OPTIONS, Arithmetic, Reduction
from converter.calibration import decode, known
from converter.calibration.decoding import NEAR
from converter.calibration.questions import BY_NAME, QUESTIONS, depends
from converter.calibration.remarks import remarks
from converter.device.record import Record, Seen
from converter.device.trainings import TRAININGS
from tests.calibration.records import MACHINE, record_of

SINGLE = [
    (field, option)
    for field, options in OPTIONS.items()
    for option in options
    if option != getattr(COREML, field)
]

TIED = {"dropped": {"adam": {"uncorrected_root", "step_per_epoch"}}}
"""Option -> what it leaves open: with one step in an epoch, epochs and steps are counted alike."""

SAMPLE = [
    Arithmetic(**dict(zip(OPTIONS, chosen, strict=True)))
    for chosen in itertools.islice(itertools.product(*OPTIONS.values()), 0, None, 1999)
]

SUMS = {"squared_error": Reduction("sum", "mean"), "cross_entropy": Reduction("sum", "sum")}

TIES = [
    ("last_batch", "full_size", {"own_mean", "full_size"}, SUMS),
    ("last_batch", "own_mean", {"own_mean", "full_size"}, SUMS),
    ("adam", "step_per_epoch", {"uncorrected_root", "step_per_epoch"}, {"last_batch": "dropped"}),
    ("adam", "uncorrected_root", {"uncorrected_root", "step_per_epoch"}, {"last_batch": "dropped"}),
    ("loss", "mean_of_samples", {"mean_of_samples", "mean_of_batches"}, {"last_batch": "zeros"}),
    ("loss", "mean_of_batches", {"mean_of_samples", "mean_of_batches"}, {"last_batch": "stale"}),
]
"""Field, what it is, what cannot be told apart, and where: nothing that was measured differs."""


def answered(record):
    return {answer.field: answer for answer in decode(record)}


def options(record):
    return {answer.field: set(answer.options) for answer in decode(record)}


def alone(arithmetic):
    return {field: {getattr(arithmetic, field)} for field in OPTIONS}


def test_keras():
    found = answered(record_of())
    assert options(record_of()) == alone(KERAS)
    assert all(answer.difference < 1e-5 for answer in found.values())
    assert all(answer.runner_up_difference > 3e-4 for answer in found.values())
    assert found["momentum"].runner_up == "rate_outside"
    assert found["squared_error"].runner_up == Reduction("mean", "sum", 0.5)


@pytest.mark.parametrize(("field", "option"), SINGLE, ids=str)
def test_every_single_difference(field, option):
    truth = replace(COREML, **{field: option})
    assert options(record_of(truth)) == alone(truth) | TIED.get(option, {})


def test_a_sample_of_all_combinations():
    wrong = [
        (number, field)
        for number, truth in enumerate(SAMPLE)
        for field, found in options(record_of(truth, seed=number)).items()
        if getattr(truth, field) not in found or len(found) > 2
    ]
    assert len(SAMPLE) == 85
    assert wrong == []


@pytest.mark.parametrize(("field", "option", "tied", "where"), TIES)
def test_what_cannot_be_told_apart(field, option, tied, where):
    found = answered(record_of(**{field: option}, **where))[field]
    assert set(found.options) == tied
    assert found.runner_up not in tied


def test_classic_momentum_without_the_training_that_changes_its_rate():
    record = record_of()
    del record.trainings["T3h"]
    found = decode(record)
    assert {a.field: set(a.options) for a in found}["momentum"] == {"classic", "rate_outside"}
    assert known(found)["momentum"] == COREML.momentum


def shifted(record, name, by):
    seen = record.trainings[name]
    after = {key: array + np.float32(by) for key, array in seen.after.items()}
    return Record(MACHINE, {**record.trainings, name: replace(seen, after=after)})


@pytest.mark.parametrize("question", QUESTIONS[:-1], ids=lambda question: question.field)
def test_weights_that_no_way_leaves(question):
    record = record_of()
    for name in question.trainings:
        record = shifted(record, name, 1.5e-4)
    found = answered(record)
    answer = found[question.field]
    assert answer.options == ()
    assert answer.nearest == getattr(KERAS, question.field)
    assert answer.difference > NEAR
    asked_alone = {other.field for other in QUESTIONS if independent(other, question.field)}
    assert {f for f in asked_alone if found[f].options == ()} <= {question.field}


def independent(question, field):
    return all(field not in depends(BY_NAME[name]) for name in question.trainings)


def test_trainings_that_contradict_each_other():
    """The last mini-batch is dropped with one loss and not with the other: none of these."""
    record, other = record_of(), record_of(last_batch="dropped")
    mixed = Record(MACHINE, {**record.trainings, "T6": other.trainings["T6"]})
    assert answered(mixed)["last_batch"].options == ()
    assert answered(mixed)["adam"].nearest is None


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda seen: Seen("crashed", "Core ML ended the process with SIGABRT while updating"),
        lambda seen: replace(seen, before={key: a + 1 for key, a in seen.before.items()}),
        lambda seen: replace(seen, outcome="timed out"),
        lambda seen: None,
    ],
    ids=["crashed", "other weights before", "timed out", "missing"],
)
def test_what_was_not_measured_stays_open(spoilt):
    record = record_of()
    trainings = {**record.trainings, "T1": spoilt(record.trainings["T1"])}
    found = options(Record(MACHINE, {n: seen for n, seen in trainings.items() if seen}))
    assert found["squared_error"] == found["momentum"] == found["adam"] == found["order"] == set()
    assert found["cross_entropy"] == {KERAS.cross_entropy}
    assert found["last_batch"] == {KERAS.last_batch}


def test_weights_and_losses_that_are_no_numbers():
    record = record_of()
    seen = record.trainings["T1"]
    after = {key: np.full_like(array, np.nan) for key, array in seen.after.items()}
    trainings = {**record.trainings, "T1": replace(seen, after=after)}
    assert answered(Record(MACHINE, trainings))["squared_error"].options == ()
    silent = {
        name: replace(seen, losses=tuple(replace(told, loss=None) for told in seen.losses))
        for name, seen in record.trainings.items()
    }
    assert answered(Record(MACHINE, silent))["loss"].options == ()


def told_only(record, event, again=1):
    """Return `record` with the losses of one event alone, each told so many times."""
    trainings = {
        name: replace(seen, losses=tuple(t for t in seen.losses if t.event == event) * again)
        for name, seen in record.trainings.items()
    }
    return Record(MACHINE, trainings)


@pytest.mark.parametrize("event", ["epoch end", "completion"])
def test_losses_that_are_told_at_one_point_only(event):
    record = record_of(loss="mean_of_batches")
    assert options(told_only(record, event))["loss"] == {"mean_of_batches"}


def test_losses_of_more_epochs_than_there_were():
    assert options(told_only(record_of(), "epoch end", again=2))["loss"] == set()
    assert options(told_only(record_of(), "mini-batch end"))["loss"] == set()


def test_an_empty_record():
    assert all(answer.nearest is None for answer in decode(Record(MACHINE)))
    assert known(decode(Record(MACHINE))) == {}


def test_the_orders_that_were_taken_are_told():
    record = record_of(order="libc++")
    told = list(remarks(record, decode(record)))
    assert told[0].startswith("T7: the samples were taken in the order 2 0 3 1 (off by ")
    assert told[1].startswith("T8: the samples were taken in the order 2 0 3 1, then 2 0 3 1 (off ")
    assert len(told) == 2


def test_losses_told_in_another_scale():
    record = record_of()
    halved = {
        name: replace(seen, losses=tuple(replace(t, loss=t.loss / 2) for t in seen.losses))
        for name, seen in record.trainings.items()
    }
    found = decode(Record(MACHINE, halved))
    assert {a.field: set(a.options) for a in found} == alone(KERAS) | {"loss": set()}
    told = list(remarks(Record(MACHINE, halved), found))
    assert [line.split()[:4] for line in told[2:]] == [
        [f"{n}:", "told", "is", "0.5000"] for n in ("T1", "T5")
    ]


@pytest.mark.parametrize(("crashed", "other"), [("T1", "T5:"), ("T5", "T1:")])
def test_a_scale_is_told_of_what_was_measured(crashed, other):
    trainings = {
        name: replace(seen, losses=tuple(replace(t, loss=2 * t.loss) for t in seen.losses))
        for name, seen in record_of().trainings.items()
    }
    record = Record(MACHINE, {**trainings, crashed: Seen("crashed")})
    scales = [line for line in remarks(record, decode(record)) if "minimised" in line]
    assert [line.split()[0] for line in scales] == [other]


def test_every_training_is_asked():
    assert {name for question in QUESTIONS for name in question.trainings} == {
        training.name for training in TRAININGS
    }
