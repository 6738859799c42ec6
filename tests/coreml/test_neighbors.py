"""A k-nearest-neighbours classifier as the format holds it: what is read, and what is refused."""

import numpy as np
import pytest

from converter.coreml import neighbors
from converter.errors import ModelFileError
from tests.validation import specs

INDEX = "nearestNeighborsIndex"


def knn():
    model = specs.neighbors()
    return model, model.kNearestNeighborsClassifier


def test_what_a_classifier_holds():
    model, params = knn()
    found = neighbors.read(model)
    assert (found.dimensions, found.labels, found.default_label) == (2, ("a", "b"), "a")
    assert found.samples.tolist() == [[0, 1], [1, 0]]
    assert found.samples.dtype == np.float32
    assert (found.count, found.choices) == (1, range(1, 11))
    assert (found.index, found.leaf_size) == ("linear", 0)
    assert (found.weighting, found.distance) == ("uniform", "squared_euclidean")
    params.numberOfNeighbors.set.values.extend([1, 5])
    params.nearestNeighborsIndex.singleKdTreeIndex.leafSize = 30
    params.inverseDistanceWeighting.SetInParent()
    found = neighbors.read(model)
    assert found.choices == (1, 5)
    assert (found.index, found.leaf_size, found.weighting) == ("kd_tree", 30, "inverse_distance")
    params.numberOfNeighbors.ClearField("set")
    assert 10**9 in neighbors.read(model).choices


def stored_by_hand(rows):
    index = specs.neighbors().kNearestNeighborsClassifier.nearestNeighborsIndex
    index.numberOfDimensions = rows.shape[1]
    index.ClearField("floatSamples")
    for row in rows:
        index.floatSamples.add().vector.extend(row.tolist())
    return index


@pytest.mark.parametrize("shape", [(3, 2), (1, 1), (2, 31), (2, 32), (3, 5000), (0, 7)])
def test_samples_are_what_protobuf_itself_would_write_and_read(shape):
    rows = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    by_hand = stored_by_hand(rows)
    np.testing.assert_array_equal(neighbors.samples(by_hand), rows)
    _, params = knn()
    params.nearestNeighborsIndex.numberOfDimensions = shape[1]
    neighbors.put_samples(params, rows, ["x"] * len(rows))
    assert params.nearestNeighborsIndex == by_hand
    assert list(params.stringClassLabels.vector) == ["x"] * len(rows)


def test_samples_in_any_order_of_memory_take_the_place_of_those_before():
    model, params = knn()
    params.defaultInt64Label = 0
    neighbors.put_samples(params, np.float32([[1, 2, 3], [4, 5, 6]]).T, [7, 8, 7])
    found = neighbors.read(model)
    assert found.samples.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert (found.labels, found.classes, found.default_label) == ((7, 8, 7), (7, 8), 0)
    neighbors.put_samples(params, np.zeros((0, 2), np.float32), [])
    assert neighbors.read(model).samples.shape == (0, 2)
    assert params.WhichOneof("ClassLabels") == "int64ClassLabels"
    with pytest.raises(ValueError, match="1 labels of 2 dimensions"):
        neighbors.put_samples(params, np.zeros((1, 3), np.float32), [1])


BROKEN = {
    "0 dimensions": lambda p: setattr(p.nearestNeighborsIndex, "numberOfDimensions", 0),
    "-2 dimensions": lambda p: setattr(p.nearestNeighborsIndex, "numberOfDimensions", -2),
    "sample 1 has 3": lambda p: p.nearestNeighborsIndex.floatSamples[1].vector.append(0),
    "1 labels for 2 samples": lambda p: p.stringClassLabels.vector.pop(),
    "asks 0 neighbors": lambda p: setattr(p.numberOfNeighbors, "defaultValue", 0),
    "different types": lambda p: setattr(p, "defaultInt64Label", 1),
    "no weighting scheme": lambda p: p.ClearField("uniformWeighting"),
    "no index": lambda p: p.nearestNeighborsIndex.ClearField("linearIndex"),
    "no distance": lambda p: p.nearestNeighborsIndex.ClearField("squaredEuclideanDistance"),
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_cannot_be_used_is_refused(message):
    model, params = knn()
    BROKEN[message](params)
    with pytest.raises(ModelFileError, match=message):
        neighbors.read(model)


def test_another_kind_of_model_is_refused():
    with pytest.raises(ModelFileError, match="is a neuralNetwork, no k-nearest"):
        neighbors.read(specs.lenet())
