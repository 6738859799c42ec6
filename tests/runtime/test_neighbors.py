"""k nearest neighbours: answers that can be checked by hand, and what an update adds."""

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.nearest_neighbors import KNearestNeighborsClassifierBuilder
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.coreml import mlmodel, neighbors
from converter.coreml.mlmodel import Model_pb2
from converter.coreml.pipelines import learner
from converter.errors import DataError, ModelFileError, TrainingError, UsageError
from converter.runtime import (
    ArraySamples,
    Labelled,
    check,
    evaluate,
    is_distribution,
    plan,
    predict,
    settings,
    train,
)
from tests.runtime.helpers import random

POINTS = [[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [6.0, 8.0]]


def classifier(points=(), labels=(), count=3, default="unknown", dimensions=2, **how):
    builder = KNearestNeighborsClassifierBuilder(
        "x", "label", dimensions, default, number_of_neighbors=count, **how
    )
    model = builder.spec
    if points:
        samples = np.array(points, np.float32)
        neighbors.put_samples(model.kNearestNeighborsClassifier, samples, labels)
    return model


def answer(model, *x):
    found = predict(model, {"x": np.array([x], np.float32)})
    return found["label"].tolist()[0], found["labelProbs"].tolist()[0]


def labelled(points, labels):
    return Labelled(ArraySamples({"x": np.array(points, np.float32)}), np.array(labels))


def test_uniform_votes_count_neighbours():
    model = classifier(POINTS, ["a", "b", "b", "c"], count=3)
    assert answer(model, 0, 1) == ("b", pytest.approx([1 / 3, 2 / 3, 0]))
    assert answer(model, 9, 9) == ("b", pytest.approx([0, 2 / 3, 1 / 3]))


def test_inverse_distances_weigh_by_the_squared_distance():
    model = classifier(POINTS, ["a", "b", "b", "c"], weighting_scheme="inverse_distance")
    # Squared distances of (0, 1): 1, 10, 9; their inverses sum to 1 and 19/90.
    expected = [90 / 109, 19 / 109, 0]
    assert answer(model, 0, 1) == ("a", pytest.approx(expected))


def test_at_no_distance_only_the_same_samples_vote():
    how = {"weighting_scheme": "inverse_distance", "count": 4}
    model = classifier([*POINTS, [3.0, 0.0]], ["a", "b", "b", "c", "c"], **how)
    assert answer(model, 3, 0) == ("b", pytest.approx([0, 0.5, 0.5]))


@pytest.mark.parametrize("index", ["linear", "kd_tree"])
def test_of_equal_sums_the_nearest_sample_decides(index):
    model = classifier(POINTS, ["a", "b", "c", "d"], count=3, index_type=index)
    assert answer(model, 0, 3)[0] == "c"
    assert answer(model, 4, 0)[0] == "b"


def test_of_equal_distances_the_first_sample_is_nearer():
    twice = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    model = classifier(twice, ["b", "a", "a", "a"], count=1)
    assert answer(model, 0, 0) == ("b", [1, 0])
    assert answer(classifier(twice, ["b", "a", "a", "c"], count=3), 0, 0)[0] == "a"


def test_fewer_samples_than_neighbours_all_vote():
    model = classifier(POINTS[:2], ["a", "b"], count=5)
    assert answer(model, 1, 0) == ("a", [0.5, 0.5])


def test_without_samples_the_default_label_is_the_answer():
    assert answer(classifier(default="nobody"), 1, 2) == ("nobody", [1])
    assert answer(classifier(default=-1), 1, 2) == (-1, [1])
    mute = classifier()
    mute.kNearestNeighborsClassifier.ClearField("defaultStringLabel")
    with pytest.raises(ModelFileError, match="neither samples nor a default label"):
        answer(mute, 1, 2)


def test_neighbours_are_those_that_a_sort_of_all_distances_finds():
    points, x = random(300, 7), random(40, 7, seed=2)
    of = (np.arange(300) % 3).tolist()
    model = classifier(points.tolist(), of, count=9, default=0, dimensions=7)
    model.description.output[1].name = model.description.predictedProbabilitiesName = "p"
    found = predict(model, {"x": x})
    distances = ((x[:, None].astype(np.float64) - points[None]) ** 2).sum(axis=2)
    nearest = np.array(of)[distances.argsort(axis=1)[:, :9]]
    counts = np.stack([(nearest == label).sum(axis=1) for label in range(3)], axis=1)
    np.testing.assert_allclose(found["p"], counts / 9, rtol=1e-6)
    best = counts.max(axis=1)
    assert all(counts[i, label] == best[i] for i, label in enumerate(found["label"]))
    assert is_distribution(model, "p")


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30], ids=["usual", "tiny", "huge"])
def test_far_from_zero_and_close_together_the_nearest_are_found(scale):
    """Their distances are lost in single precision when computed from lengths and products."""
    points = (1000 + random(50, 4) / 64).astype(np.float32) * np.float32(scale)
    of = list(range(50))
    model = classifier(points.tolist(), of, count=1, default=0, dimensions=4)
    assert predict(model, {"x": points})["label"].tolist() == of


def test_products_beyond_single_precision_hide_no_neighbour():
    model = classifier([[1e30, 0], [2e30, 0], [1e10, 1]], ["far", "far", "near"], count=1)
    assert answer(model, 1e20, 0)[0] == "near"


def pictures(**how):
    """A network that doubles its 2 x 2 picture and flattens it, and a classifier behind it."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(1, 2, 2))], [("f", datatypes.Array(4))])
    builder.add_activation("double", "LINEAR", "x", "d", [2.0, 0.0])
    builder.add_flatten("flat", 0, "d", "f")
    last = classifier(dimensions=4, **how)
    last.description.input[0].name = last.description.trainingInput[0].name = "f"
    builder.spec.description.output[0].CopyFrom(last.description.input[0])
    whole = Model_pb2.Model(specificationVersion=4, isUpdatable=True)
    parts = whole.pipelineClassifier.pipeline
    parts.models.add().CopyFrom(builder.spec)
    parts.models.add().CopyFrom(last)
    whole.description.CopyFrom(last.description)
    for features in (whole.description.input, whole.description.trainingInput):
        features[0].CopyFrom(builder.spec.description.input[0])
    return whole


def test_an_update_keeps_the_features_of_the_samples():
    model = pictures(count=1)
    x = np.arange(12, dtype=np.float32).reshape(3, 1, 2, 2)
    data = Labelled(ArraySamples({"x": x}), np.array(["b", "a", "b"]))
    history = train(model, data, settings(model), data)
    assert history.kept == {"b": 2, "a": 1}
    assert (history.before, history.after.accuracy, history.after.loss) == (None, 1, None)
    found = neighbors.read(learner(model))
    np.testing.assert_array_equal(found.samples, 2 * x.reshape(3, 4))
    assert found.labels == ("b", "a", "b")
    again = Labelled(ArraySamples({"x": x[:1] + 50}), ["c"])
    history = train(model, again, settings(model), again)
    assert (history.before.accuracy, history.after.accuracy) == (0, 1)
    written = mlmodel.parse(mlmodel.serialize(model), "model")
    assert neighbors.read(learner(written)).labels == ("b", "a", "b", "c")
    assert predict(written, {"x": x + 50})["label"].tolist() == ["c", "c", "c"]
    assert evaluate(written, Labelled(ArraySamples({"x": x}), ["b", "a", "a"])).accuracy == 2 / 3


LABELS = {
    "numbers for texts of digits": ("none", [1, 2], ["1", "2"]),
    "whole floats": (0, [1.0, 2.0], [1, 2]),
    "texts of digits for numbers": (0, ["7", "-2"], [7, -2]),
    "a column": (0, [[1], [2]], [1, 2]),
}


@pytest.mark.parametrize(("default", "given", "kept"), LABELS.values(), ids=LABELS.keys())
def test_labels_are_kept_in_the_type_of_the_model(default, given, kept):
    model = classifier(default=default)
    train(model, labelled(POINTS[:2], given), settings(model))
    assert list(neighbors.read(model).labels) == kept


WRONG = {
    "numbers among names": (["cat"], "no", [[1, 1]], [3], "labels are numbers such as 3, but"),
    "texts among numbers": ([1], 0, [[1, 1]], ["cat"], "label 'cat' is a text"),
    "fractions": ([1], 0, [[1, 1]], [0.5], "labels are no whole numbers"),
    "NaN as a label": ([1], 0, [[1, 1]], [np.nan], "labels are no whole numbers"),
    "one-hot": ([1], 0, [[1, 1]], [[0, 1]], r"labels have shape \[1, 2\]"),
    "empty label": (["a"], "no", [[1, 1]], [" "], "a label is empty"),
    "too few labels": ([1], 0, [[1, 1], [2, 2]], [1], "2 samples, but 1 labels"),
    "no samples": ([1], 0, np.zeros((0, 2)), [], "there are no samples"),
    "more than 64 bits": ([1], 0, [[1, 1]], [1e30], "more than 64 bits"),
    "NaN in a sample": ([1], 0, [[1, np.nan]], [1], "input 'x' holds NaN"),
    "another length": ([1], 0, [[1, 1, 1]], [1], r"shape \[1, 3\], but the model takes \[N, 2\]"),
}


@pytest.mark.parametrize(("has", "default", "x", "y", "message"), WRONG.values(), ids=WRONG.keys())
def test_samples_that_do_not_fit_change_nothing(has, default, x, y, message):
    model = classifier([[0.0, 0.0]], has, default=default)
    before = model.SerializeToString()
    with pytest.raises(DataError, match=message):
        train(model, labelled(x, y), settings(model))
    assert model.SerializeToString() == before


def test_features_that_are_no_numbers_are_not_kept():
    model = pictures()
    model.pipelineClassifier.pipeline.models[0].neuralNetwork.layers[
        0
    ].activation.linear.alpha = 1e38
    data = Labelled(ArraySamples({"x": np.full((1, 1, 2, 2), 1e38, np.float32)}), ["a"])
    with pytest.raises(DataError, match="NaN or infinity of sample 0"):
        train(model, data, settings(model))


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate", "shuffle", "seed"])
def test_there_is_nothing_to_choose(name):
    with pytest.raises(UsageError, match=f"{name} is no setting of this model"):
        settings(classifier(), **{name: 1})


def test_a_checkpoint_is_refused(tmp_path):
    model = classifier()
    with pytest.raises(UsageError, match="nothing to go on from"):
        train(model, labelled(POINTS[:1], ["a"]), settings(model), None, tmp_path / "c")


def test_what_cannot_be_trained_is_refused():
    model = classifier()
    model.isUpdatable = False
    with pytest.raises(TrainingError, match="not updatable"):
        check(model, settings(model))
    with pytest.raises(TrainingError, match="is a kNearestNeighborsClassifier, not a network"):
        plan(classifier())


def _no_index(model):
    model.kNearestNeighborsClassifier.nearestNeighborsIndex.ClearField("linearIndex")


def _nan(model):
    model.kNearestNeighborsClassifier.nearestNeighborsIndex.floatSamples[1].vector[0] = np.nan


def _dimensions(model):
    model.description.input[0].type.multiArrayType.shape[0] = 3


def _output(model):
    model.description.output[0].name = "other"


def _labels(model):
    model.kNearestNeighborsClassifier.stringClassLabels.vector.append("more")


BROKEN = {
    "no index": (_no_index, "has no index"),
    "NaN": (_nan, "sample 1 of the classifier holds NaN"),
    "other dimensions": (_dimensions, "takes 'x' of 3 values, but its samples have 2"),
    "other output": (_output, "'other' is neither the predicted class nor"),
    "more labels": (_labels, "5 labels for 4 samples"),
    "two inputs": (lambda m: m.description.input.add(name="z"), "has 2 inputs"),
}


@pytest.mark.parametrize(("spoil", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_classifier_that_cannot_answer_is_refused(spoil, message):
    model = classifier(POINTS, ["a", "b", "b", "c"])
    spoil(model)
    with pytest.raises(ModelFileError, match=message):
        predict(model, {"x": np.zeros((1, 2), np.float32)})
