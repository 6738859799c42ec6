"""The classes that a model names, beside the true ones."""

import numpy as np
import pytest

from converter.runtime import ArraySamples, Labelled, answers, evaluate, predict_samples
from tests.runtime.test_neighbors import classifier
from tests.runtime.updatable import digits, line, mnist


def test_they_are_those_of_the_prediction_and_as_often_right_as_the_score_says():
    model, data = digits(), mnist("test", 100)
    found = answers(model, data)
    probabilities = predict_samples(model, data.samples)["y"]
    np.testing.assert_array_equal(found.predicted, probabilities.argmax(axis=1))
    np.testing.assert_array_equal(found.certainty, probabilities.max(axis=1))
    np.testing.assert_array_equal(found.true, data.y)
    assert found.right.mean() == pytest.approx(evaluate(model, data).accuracy)
    assert found.classes == list(map(str, range(10)))


def test_a_model_of_values_names_no_class():
    x = np.ones((2, 3), np.float32)
    assert answers(line(), Labelled(ArraySamples({"x": x}), np.zeros((2, 2)))) is None


def test_probabilities_that_are_no_output_are_not_known():
    model = digits()
    model.description.output[0].name = "z"
    assert answers(model, mnist("test", 4)) is None


def test_neighbours_may_meet_a_class_that_they_do_not_know():
    model = classifier([(0, 0), (1, 1)], ["cat", "dog"], count=1)
    (feature,) = model.description.input
    x = np.array([(0, 0), (1, 1), (1, 1)], np.float32)
    found = answers(model, Labelled(ArraySamples({feature.name: x}), ["cat", "dog", "cow"]))
    assert found.classes == ["cat", "dog", "cow"]
    assert found.true.tolist() == [0, 1, 2]
    assert found.predicted.tolist() == [0, 1, 1]
    assert found.certainty.tolist() == [1, 1, 1]


def test_neighbours_without_samples_have_their_default_label_or_none():
    x = np.zeros((1, 2), np.float32)
    mute, empty = classifier(), classifier()
    mute.kNearestNeighborsClassifier.ClearField("defaultStringLabel")
    (feature,) = empty.description.input
    data = Labelled(ArraySamples({feature.name: x}), ["cat"])
    assert answers(mute, data) is None
    found = answers(empty, data)
    assert (found.classes, found.predicted.tolist()) == (["unknown", "cat"], [0])
