"""The small trainings of a calibration: Core ML accepts them, and their results are as by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from converter.coreml import mlmodel
from converter.coreml.subject import subject
from converter.device import job, record, reference
from converter.device.trainings import TRAININGS, WEIGHTS
from converter.errors import DataError
from converter.runtime.settings import settings
from converter.validation.validate import validate_bytes

BY_NAME = {training.name: training for training in TRAININGS}

BY_HAND = {
    "T1": (0.5145833, 0.2531250),
    "T2": (0.5369575, 0.2705241),
    "T3": (0.5602599, 0.2616663),
    "T4": (0.6420607, 0.3335141),
    "T5": (0.5062784, 0.2527990),
    "T6": (0.4601121, 0.2267906),
    "T7": (0.5815791, 0.3203487),
}
"""The first weight and the first bias, by the formulas written out in NumPy; T7 unshuffled."""


@pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.name)
def test_core_ml_accepts_the_model_and_its_defaults_are_the_training(training):
    data = mlmodel.serialize(training.model)
    assert validate_bytes(data) == []
    found = settings(mlmodel.parse(data, "model"))
    assert (found.epochs, found.batch_size) == (training.epochs, training.batch_size)
    assert (found.shuffle, found.seed) == (training.shuffle, 0)
    assert found.numbers == training.numbers


@pytest.mark.parametrize("name", BY_HAND)
def test_the_reference_runtime_ends_where_the_formulas_do(name):
    training = replace(BY_NAME[name], shuffle=False)
    chosen = subject(training.model)
    settings = job.Settings(training.epochs, training.batch_size)
    after = reference.steps(chosen, training.batch, settings).weights
    found = after["0.weights"][0], after["0.biases"][0]
    np.testing.assert_allclose(found, BY_HAND[name], rtol=0, atol=1e-6)


def test_they_are_the_nine_and_begin_with_the_factors():
    names = ["T1", "T2", "T3", "T3h", "T4", "T5", "T6", "T7", "T8"]
    assert [training.name for training in TRAININGS] == names
    assert [training.name for training in TRAININGS if training.shuffle] == ["T7", "T8"]
    assert reference.stored_weights(subject(BY_NAME["T1"].model))["0.weights"].tolist() == (
        WEIGHTS.ravel().tolist()
    )


def recorded():
    arrays = {"weights": np.arange(6, dtype=np.float32), "biases": np.zeros(3, np.float32)}
    told = (
        record.Told("mini-batch end", 0, 0, 0.75), record.Told("epoch end", 0, None, 0.75),
        record.Told("completion", None, None, None),
    )  # fmt: skip
    seen = {
        "T1": record.Seen(record.RECORDED, "", arrays, arrays, told),
        "T2": record.Seen("crashed", "Core ML ended the process with SIGABRT while updating"),
    }
    return record.Record({"system": "none", "compute_units": "CPU only"}, seen)


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(recorded().as_dict(), allow_nan=False))
    found = record.read(path)
    assert found.as_dict() == recorded().as_dict()
    assert found.trainings["T1"].after["weights"].dtype == np.float32
    assert found.trainings["T2"].after is None


DAMAGES = {
    "no file": (None, "cannot be read"),
    "no JSON": ("{", "is not JSON"),
    "a verdict": ('{"outcome": "passed"}', "is no record"),
    "another version": ('{"calibration": 2}', "version 2"),
    "nothing": ('{"calibration": 1}', "damaged"),
    "a list": ('{"calibration": 1, "machine": {}, "trainings": []}', "damaged"),
    "no losses": ('{"calibration": 1, "machine": {}, "trainings": {"T1": {}}}', "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_record_is_told_in_one_line(tmp_path, damage):
    text, words = DAMAGES[damage]
    path = tmp_path / "verdict.json"
    for content in filter(None, [text]):
        path.write_text(content)
    with pytest.raises(DataError, match=words) as caught:
        record.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value"),
    [("event", "later"), ("epoch", 0.5), ("mini_batch", "0"), ("loss", "much"), ("epoch", True)],
)
def test_a_loss_that_is_damaged_is_refused(tmp_path, place, value):
    found = recorded().as_dict()
    found["trainings"]["T1"]["losses"][0] = {
        "event": "epoch end", "epoch": 0, "mini_batch": 0, "loss": 1.0, place: value,
    }  # fmt: skip
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(found))
    with pytest.raises(DataError, match="damaged"):
        record.read(path)


def test_weights_of_another_layer_are_refused_and_no_number_is_kept(tmp_path):
    found = recorded().as_dict()
    path = tmp_path / "verdict.json"
    found["trainings"]["T1"]["after"]["weights"][2] = None
    path.write_text(json.dumps(found))
    assert np.isnan(record.read(path).trainings["T1"].after["weights"][2])
    found["trainings"]["T1"]["after"]["weights"] = [1.0]
    path.write_text(json.dumps(found))
    with pytest.raises(DataError, match="damaged"):
        record.read(path)
