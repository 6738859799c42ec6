"""A pipeline answers and learns as the single network that it was cut from."""

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.coreml.pipelines import learner
from converter.errors import ModelFileError, TrainingError
from converter.runtime import ArraySamples, Labelled, evaluate, plan, predict, settings, train
from tests.runtime.helpers import random
from tests.runtime.pipelines import split, stored
from tests.runtime.updatable import digits, finish, mnist


def branched():
    """Two inputs; two blobs cross the cut at "second", of which one skips the layers between."""
    builder = NeuralNetworkBuilder(
        [("x", datatypes.Array(4)), ("image", datatypes.Array(2, 3, 3))],
        [("y", datatypes.Array(3))],
    )
    builder.add_inner_product("first", random(5, 4), random(5), 4, 5, True, "x", "a")
    builder.add_flatten("flat", 0, "image", "f")
    builder.add_elementwise("join", ["a", "f"], "c", "CONCAT")
    builder.add_inner_product("middle", random(6, 23), random(6), 23, 6, True, "c", "m")
    builder.add_activation("relu", "RELU", "m", "r")
    builder.add_elementwise("again", ["r", "a"], "j", "CONCAT")
    builder.add_inner_product("head", random(3, 11), random(3), 11, 3, True, "j", "z")
    builder.add_softmax("softmax", "z", "y")
    model = finish(builder, ["head"], None)
    samples = {"x": random(20, 4), "image": random(20, 2, 3, 3, seed=3)}
    return model, Labelled(ArraySamples(samples), np.arange(20) % 3)


CUTS = {"three": ["middle", "again"], "at the first layer": ["flat", "head"]}


class Counted:
    """Samples that count how often each of them is taken."""

    def __init__(self, samples):
        self.samples, self.taken = samples, np.zeros(len(samples), int)

    def __len__(self):
        return len(self.samples)

    def take(self, indices):
        self.taken[indices] += 1
        return self.samples.take(indices)


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS.keys())
def test_a_pipeline_answers_and_learns_as_its_network(cuts):
    model, data = branched()
    whole = split(model, *cuts)
    inputs = data.samples.arrays
    np.testing.assert_array_equal(predict(whole, inputs)["y"], predict(model, inputs)["y"])
    assert evaluate(whole, data) == evaluate(model, data)
    for each in (whole, model):
        train(each, data, settings(each, epochs=2, batch_size=4))
    ours, theirs = stored(learner(whole)), stored(model)
    assert ours.keys() == theirs.keys() == {("head", "weights"), ("head", "bias")}
    for key, values in theirs.items():
        np.testing.assert_array_equal(ours[key], values)
    assert (theirs["head", "weights"] != random(3, 11).ravel()).any()


def test_the_frozen_models_run_once_for_each_sample():
    whole, data = split(digits(["head"]), "dense", "head"), mnist(count=40)
    counted = Counted(data.samples)
    train(whole, Labelled(counted, data.y), settings(whole, epochs=4, batch_size=10))
    # The first is looked at for the shapes, before and after it is known what will be kept.
    assert counted.taken.tolist() == [3] + [1] * 39


def test_models_that_only_predict_need_no_learner():
    model, data = branched()
    model.isUpdatable = False
    whole = split(model, "middle", "again")
    inputs = data.samples.arrays
    np.testing.assert_array_equal(predict(whole, inputs)["y"], predict(model, inputs)["y"])
    with pytest.raises(TrainingError, match="the model is not updatable"):
        plan(whole)
    whole.isUpdatable = True
    with pytest.raises(TrainingError, match="last model of the pipeline, 'part2', is not marked"):
        plan(whole)


def test_a_pipeline_inside_a_pipeline():
    model, data = branched()
    whole = split(model, "middle", "again")
    inner = whole.pipeline.models[0]
    inside = split(model, "middle").pipeline.models[0]
    inner.ClearField("neuralNetwork")
    inner.pipeline.models.add().CopyFrom(inside)
    inner.pipeline.names.append("inside")
    inputs = data.samples.arrays
    np.testing.assert_array_equal(predict(whole, inputs)["y"], predict(model, inputs)["y"])


def test_each_network_prepares_images_in_its_own_way():
    whole = split(_shades(), "twice")
    first, second = (member.neuralNetwork for member in whole.pipeline.models)
    first.preprocessing.add(featureName="image").scaler.channelScale = 0.5
    pixels = np.full((1, 2, 2, 1), 10, np.uint8)
    assert predict(whole, {"image": pixels})["y"].ravel().tolist() == [5 + 10] * 4
    second.preprocessing.add(featureName="image").scaler.channelScale = 3
    assert predict(whole, {"image": pixels})["y"].ravel().tolist() == [5 + 30] * 4


def _shades():
    """y = (image, through a layer) + image, cut between: both networks take the image."""
    builder = NeuralNetworkBuilder([("image", datatypes.Array(1, 2, 2))], [("y", None)])
    builder.add_activation("same", "LINEAR", "image", "s", [1.0, 0.0])
    builder.add_elementwise("twice", ["s", "image"], "y", "ADD")
    image = builder.spec.description.input[0].type.imageType
    image.width = image.height = 2
    image.colorSpace = image.GRAYSCALE
    return builder.spec


def _change(part, change):
    return lambda whole: change(whole.pipeline.models[part])


def _other_kind(member):
    member.glmRegressor.offset.append(1.0)


def _longer(member):
    member.description.input[0].type.multiArrayType.shape[0] += 1


def _as_image(member):
    member.description.input[0].type.imageType.width = 4


def _renamed(member):
    member.description.input[0].name = "ghost"


def _unknown_layer(member):
    member.neuralNetwork.layers[0].gelu.mode = 0


REFUSED = {
    "another kind": (
        _change(1, _other_kind),
        "'part1' of the pipeline: the model is a glmRegressor",
    ),
    "another shape": (
        _change(2, _longer),
        "'part2' of the pipeline: takes 'r' of shape 7×1×1, but",
    ),
    "an image": (_change(1, _as_image), "'part1' of the pipeline: takes 'c' .* not as an array"),
    "unknown feature": (
        _change(1, _renamed),
        "'part1' of the pipeline: takes 'ghost', which is no",
    ),
    "unknown layer": (
        _change(1, _unknown_layer),
        "'part1' of the pipeline: layer 'middle': .* no layer of kind gelu",
    ),
    "no models": (lambda whole: whole.pipeline.ClearField("models"), "pipeline holds no models"),
    "unknown output": (
        lambda whole: setattr(whole.description.output[0], "name", "ghost"),
        "no model of the pipeline makes the output 'ghost'",
    ),
    "output = input": (
        lambda whole: setattr(whole.description.output[0], "name", "x"),
        "no model of the pipeline makes the output 'x'",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_pipeline_that_cannot_run_is_refused(spoil, message):
    model, data = branched()
    whole = split(model, "middle", "again")
    spoil(whole)
    with pytest.raises(ModelFileError, match=message):
        predict(whole, data.samples.arrays)


def test_a_pipeline_of_a_classifier_speaks_of_its_labels():
    model, data = branched()
    network, names = split(model, "again"), ["ash", "birch", "cedar"]
    last = learner(network)
    last.neuralNetworkClassifier.MergeFromString(last.neuralNetwork.SerializeToString())
    last.neuralNetworkClassifier.stringClassLabels.vector.extend(names)
    whole = type(network)()
    whole.CopyFrom(network)
    whole.pipelineClassifier.pipeline.CopyFrom(network.pipeline)
    for description in (whole.description, learner(whole).description):
        description.output.insert(0, type(description.output[0])(name="tree"))
        description.predictedFeatureName, description.predictedProbabilitiesName = "tree", "y"
        description.output[0].type.stringType.SetInParent()
    x = data.samples.arrays
    found, expected = predict(whole, x), predict(model, x)["y"]
    np.testing.assert_array_equal(found["y"], expected)
    assert found["tree"].tolist() == [names[i] for i in expected.argmax(axis=1)]
    named = Labelled(data.samples, [names[i] for i in data.y])
    train(whole, named, settings(whole, epochs=1))
    train(model, data, settings(model, epochs=1))
    np.testing.assert_array_equal(
        stored(learner(whole))["head", "weights"], stored(model)["head", "weights"]
    )


def test_a_class_label_is_no_feature_for_a_network():
    model, data = branched()
    whole = split(model, "middle", "again")
    first = whole.pipeline.models[0]
    first.neuralNetworkClassifier.layers.extend(first.neuralNetwork.layers)
    first.neuralNetworkClassifier.stringClassLabels.vector.extend("ab")
    first.description.predictedFeatureName = first.description.output[1].name
    with pytest.raises(
        ModelFileError, match=r"'part\d' of the pipeline: takes '.'.* not as an arr"
    ):
        predict(whole, data.samples.arrays)
