"""What the child process is given: samples in the shapes and types that the file asks for."""

import json
import struct
import zlib

import numpy as np
import pytest

from converter.coreml import mlmodel
from converter.coreml.mlmodel import Model_pb2
from converter.coreml.subject import subject
from converter.device import job
from converter.device.batch import Batch, first_of, random_batch
from converter.device.png import png
from converter.errors import DataError, TrainingError
from tests.device.specs import INTERFACES, build
from tests.pipelines import in_pipeline


def written(spec, folder, batch=None):
    chosen = subject(spec)
    settings = job.settings(chosen)
    job.write(folder, chosen, batch or random_batch(chosen, 8), settings, 60)
    with np.load(folder / "samples.npz") as stored:
        return json.loads((folder / "job.json").read_text()), dict(stored)


def decoded(data):
    """Return the pixels of a PNG as written by us, its chunks checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, chunks = 8, {}
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        chunks[kind] = body
        place += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8
    channels = {0: 1, 2: 3}[colour]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 0).all()
    return rows[:, 1:].reshape(height, width, channels)


@pytest.mark.parametrize(
    ("number", "dtype"), [(65552, "f2"), (65568, "f4"), (65600, "f8"), (131104, "i4")]
)
def test_arrays_and_class_indices(tmp_path, number, dtype):
    spec = build()
    spec.description.trainingInput[0].type.multiArrayType.dataType = number
    order, arrays = written(spec, tmp_path)
    image, target = order["features"]
    assert image == {"name": "image", "kind": "multiArray", "is_input": True,
                     "shape": [1, 4, 4], "dtype": number}  # fmt: skip
    assert target["name"] == "output_true"
    assert not target["is_input"]
    assert arrays["feature.0"].shape == (8, 1, 4, 4)
    assert arrays["feature.0"].dtype == np.dtype(dtype)
    assert arrays["feature.1"].dtype == np.int32
    assert arrays["feature.1"].tolist() == [[n % 3] for n in range(8)]
    assert order["parameters"] == {"epochs": 1, "miniBatchSize": 8, "shuffle": False}
    assert order["count"] == 8
    assert order["layers"] == [
        {"path": ["first"], "keys": ["weights", "biases"], "updatable": False},
        {"path": ["second"], "keys": ["weights", "biases"], "updatable": True},
    ]
    assert mlmodel.read(tmp_path / "model.mlmodel") == spec


@pytest.mark.parametrize(("colour", "channels"), [("rgb", 3), ("bgr", 3), ("gray", 1)])
def test_images_are_files_of_exactly_the_size(tmp_path, colour, channels):
    spec = build(labels=("cat", "dog", "owl"), image=colour)
    chosen = subject(spec)
    batch = random_batch(chosen, 8)
    order, arrays = written(spec, tmp_path, batch)
    assert order["features"][0] == {"name": "image", "kind": "image", "is_input": True}
    assert arrays["feature.1"].tolist() == ["cat", "dog", "owl", "cat", "dog", "owl", "cat", "dog"]
    assert len(list(tmp_path.glob("image.0.*.png"))) == 8
    for sample in range(8):
        pixels = decoded((tmp_path / job.image_name(0, sample)).read_bytes())
        assert pixels.shape == (4, 4, channels)
        np.testing.assert_array_equal(pixels, batch.inputs["image"][sample])


def test_a_png_is_read_by_others_too(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    (tmp_path / "x.png").write_bytes(png(pixels))
    np.testing.assert_array_equal(np.asarray(image.open(tmp_path / "x.png")), pixels)


def test_integer_labels_keep_their_values(tmp_path):
    order, arrays = written(build(**INTERFACES["integer_classifier"]), tmp_path)
    assert order["features"][1]["kind"] == "int64"
    assert arrays["feature.1"].tolist() == [7, 8, 9, 7, 8, 9, 7, 8]
    assert order["labels"] == ["7", "8", "9"]


def test_values_of_a_regressor(tmp_path):
    order, arrays = written(build(**INTERFACES["regressor"]), tmp_path)
    assert arrays["feature.1"].shape == (8, 2)
    assert [layer["updatable"] for layer in order["layers"]] == [True, True]


def test_hyperparameters_stay_within_the_file():
    spec = build(batch_sizes=(64, 100))
    spec.neuralNetwork.updateParams.epochs.set.values[:] = [5, 7]
    assert job.settings(subject(spec)) == job.Settings(5, 64)
    size = spec.neuralNetwork.updateParams.optimizer.sgdOptimizer.miniBatchSize
    size.range.minValue, size.range.maxValue = 2, 500
    assert job.settings(subject(spec)) == job.Settings(5, 8)
    assert job.settings(subject(spec), most=9) == job.Settings(5, 4)
    assert job.settings(subject(spec), most=1) == job.Settings(5, 2)
    size.ClearField("range")
    assert job.settings(subject(spec)) == job.Settings(5, 64)


def test_more_than_one_epoch_is_said():
    spec = build()
    assert job.settings(subject(spec)).remark() is None
    spec.neuralNetwork.updateParams.epochs.set.values[:] = [500]
    chosen = job.settings(subject(spec))
    assert chosen.remark() == "500 epochs run, not one: the file allows no fewer"
    assert chosen.parameters()["epochs"] == 500
    remark = job.settings(subject(in_pipeline(build()))).remark()
    assert remark == "2 epochs run, not one: a pipeline keeps its number"


@pytest.mark.parametrize(("batch_size", "samples"), [(1, 3), (2, 5), (8, 20), (64, 160)])
def test_there_are_several_mini_batches_of_which_the_last_is_smaller(batch_size, samples):
    assert job.Settings(1, batch_size).samples() == samples


@pytest.mark.parametrize(
    ("names", "scope"),
    [((), "model1"), (("features", "head"), "head"), (("features",), "model1")],
)
def test_a_pipeline_names_its_layers_by_the_model_they_are_in(tmp_path, names, scope):
    order, arrays = written(in_pipeline(build(), names), tmp_path)
    assert order["layers"][1]["path"] == [scope, "second"]
    assert order["parameters"] == {}
    assert arrays["feature.1"].max() == 2


def test_a_pipeline_runs_with_its_own_settings_and_all_of_its_epochs_are_expected():
    settings = job.settings(subject(in_pipeline(build())))
    assert settings == job.Settings(2, 4, shuffle=True, is_default=True)


def test_the_users_samples_come_first(tmp_path):
    from converter.runtime.history import Labelled
    from converter.runtime.sources import ArraySamples

    spec = build(**INTERFACES["string_classifier"])
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3)).astype(np.float32)
    labels = np.array(["owl", "cat", "owl", "dog", "cat"])
    batch = first_of(subject(spec), Labelled(ArraySamples({"image": pixels}), labels), 4)
    assert len(batch) == 4
    assert batch.inputs["image"].dtype == np.uint8
    np.testing.assert_array_equal(batch.inputs["image"], pixels[:4])
    _, arrays = written(spec, tmp_path, batch)
    assert arrays["feature.1"].tolist() == ["owl", "cat", "owl", "dog"]

    values = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    images = np.zeros((3, 1, 4, 4), np.float32)
    data = Labelled(ArraySamples({"image": images}), values)
    batch = first_of(subject(build(**INTERFACES["regressor"])), data, 8)
    np.testing.assert_array_equal(batch.answers, values)


def test_what_cannot_be_updated_is_refused(tmp_path):
    spec = build()
    spec.isUpdatable = False
    with pytest.raises(TrainingError, match="not updatable"):
        subject(spec)
    neighbours = Model_pb2.Model(isUpdatable=True)
    neighbours.kNearestNeighborsClassifier.SetInParent()
    with pytest.raises(
        TrainingError, match="kNearestNeighborsClassifier, not a network: it keeps samples"
    ):
        subject(neighbours)
    spec = build()
    del spec.neuralNetwork.updateParams.lossLayers[:]
    with pytest.raises(TrainingError, match="0 losses"):
        subject(spec)
    spec = build()
    del spec.description.trainingInput[0].type.multiArrayType.shape[:]
    with pytest.raises(DataError, match="'image'"):
        random_batch(subject(spec), 2)
    spec = build()
    spec.description.trainingInput[0].type.multiArrayType.dataType = 0
    words = "^training input 'image': is of a kind that is not known here$"
    with pytest.raises(DataError, match=words):
        written(spec, tmp_path)
    wrong = Batch({"image": np.zeros((2, 1, 5, 4))}, np.zeros(2, int))
    with pytest.raises(DataError, match=r"\[1, 5, 4\]"):
        written(build(), tmp_path, wrong)
