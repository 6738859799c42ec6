import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.errors import DataError, ModelFileError
from converter.runtime import ArraySamples, Labelled, evaluate, predict
from tests.runtime.helpers import random
from tests.runtime.updatable import digits, line, mnist


def test_loss_and_accuracy_follow_from_the_predictions():
    data, model = mnist("test", 100), digits()
    probabilities = predict(model, data.samples.arrays)["y"]
    score = evaluate(model, data, batch_size=33)
    expected = -np.log(probabilities[np.arange(100), data.y]).mean()
    assert score.loss == pytest.approx(expected, rel=1e-4)
    assert score.accuracy == pytest.approx((probabilities.argmax(1) == data.y).mean())


def test_squared_error_follows_from_the_predictions():
    x, y = random(9, 3, seed=5), random(9, 2, seed=6)
    score = evaluate(line(), Labelled(ArraySamples({"x": x}), y))
    expected = ((predict(line(), {"x": x})["y"] - y) ** 2).mean()
    assert score.loss == pytest.approx(expected, rel=1e-5)
    assert score.accuracy is None


def test_a_model_that_is_not_updatable():
    model = digits()
    model.isUpdatable = False
    model.neuralNetwork.ClearField("updateParams")
    assert evaluate(model, mnist("test", 50)) == evaluate(digits(), mnist("test", 50))


def test_many_batches_give_what_one_gives():
    one, many = (evaluate(digits(), mnist("test", 50), batch_size=size) for size in (50, 7))
    assert many.loss == pytest.approx(one.loss, rel=1e-5)
    assert many.accuracy == one.accuracy


def test_a_model_that_does_not_answer_with_numbers():
    model = line()
    model.neuralNetwork.layers[0].innerProduct.weights.floatValue[0] = float("nan")
    data = Labelled(ArraySamples({"x": random(9, 3)}), random(9, 2))
    with pytest.raises(ModelFileError, match="does not answer with numbers"):
        evaluate(model, data)


def test_several_outputs_and_no_loss():
    builder = NeuralNetworkBuilder([("x", datatypes.Array(2))], [("a", None), ("b", None)])
    builder.add_activation("one", "RELU", "x", "a")
    builder.add_activation("two", "TANH", "x", "b")
    data = Labelled(ArraySamples({"x": random(3, 2)}), random(3, 2))
    with pytest.raises(ModelFileError, match="2 outputs and no loss"):
        evaluate(builder.spec, data)


def test_as_many_labels_as_samples():
    with pytest.raises(DataError, match="5 samples, but 4 labels"):
        evaluate(digits(), Labelled(mnist(count=5).samples, [1, 2, 3, 4]))
