"""Where a network is cut, and that the pipeline computes what the network did."""

import numpy as np
import pytest

from converter import runtime
from converter.coreml.encoding import PRECISIONS
from converter.coreml.kinds import stored_weights
from converter.coreml.mlmodel import layer_params, network
from converter.coreml.pipelines import members
from converter.coreml.wire import Encoded
from converter.errors import UnsupportedError
from converter.learning.cut import in_pipeline
from converter.validation import validate
from tests.validation.specs import Layers, add_training, feature, fill, new_model


def branches():
    """A network of two inputs: two values and a constant are read behind what learns."""
    model = new_model()
    feature(model.description.input, "picture", [16])
    feature(model.description.input, "extra", [3])
    layers = Layers(network(model), "picture")
    layers.dense("body", 16, 8)
    layers.activation("made")
    layers.dense("left", 8, 3)
    layers.add("loadConstant", "constant", [], shape=[3, 1, 1])
    fill(layer_params(network(model).layers[-1]).data, 3)
    layers.last = "made"
    layers.dense("learns", 8, 3, updatable=True)
    layers.add("add", "sum", ["learns", "left", "constant", "extra"])
    layers.dense("head", 3, 2, updatable=True)
    layers.add("softmax", "softmax", outputs=["probabilities"])
    feature(model.description.output, "probabilities", [2])
    add_training(model, model.description.input)
    rng = np.random.default_rng(0)
    for layer in network(model).layers:
        for params in stored_weights(layer):
            params.floatValue[:] = rng.normal(size=len(params.floatValue))
    return model


@pytest.fixture(scope="module")
def cut():
    model = branches()
    return model, in_pipeline(model, [], "float32")[0]


def names(parts):
    return [part.name for part in parts]


def test_all_that_crosses_the_cut_is_a_feature(cut):
    model, spec = cut
    (_, first), (_, last) = members(spec)
    assert names(network(first).layers) == ["body", "made", "left"]
    assert names(network(last).layers) == ["constant", "learns", "sum", "head", "softmax"]
    assert names(first.description.input) == ["picture"]
    shapes = {f.name: list(f.type.multiArrayType.shape) for f in first.description.output}
    assert shapes == {"made": [8], "left": [3]}
    assert names(last.description.input) == ["made", "left", "extra"]
    assert names(last.description.trainingInput) == [
        "made", "left", *names(model.description.trainingInput)[1:],
    ]  # fmt: skip
    assert names(spec.description.trainingInput) == names(model.description.trainingInput)


@pytest.mark.parametrize(
    ("kind", "whole"),
    [("neuralNetwork", "pipeline"), ("neuralNetworkClassifier", "pipelineClassifier")],
)
def test_a_pipeline_has_classes_if_the_network_has(kind, whole):
    model = branches()
    net = model.neuralNetwork.SerializeToString()
    getattr(model, kind).MergeFromString(net)
    spec, _ = in_pipeline(model, [], "float32")
    assert spec.WhichOneof("Type") == whole
    assert members(spec)[1][1].WhichOneof("Type") == kind


def test_the_pipeline_computes_what_the_network_did(cut):
    model, spec = cut
    rng = np.random.default_rng(0)
    inputs = {"picture": rng.normal(size=(5, 16)), "extra": rng.normal(size=(5, 3))}
    expected, found = (runtime.predict(each, inputs)["probabilities"] for each in (model, spec))
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_array_equal(found, expected)


def test_an_image_is_prepared_where_it_is_read(cut):
    model = branches()
    network(model).preprocessing.add(featureName="picture").scaler.channelScale = 2
    spec, _ = in_pipeline(model, [], "float32")
    (_, first), (_, last) = members(spec)
    assert network(first).preprocessing == network(model).preprocessing
    assert not network(last).preprocessing


def test_a_size_that_is_left_open_is_refused():
    model = branches()
    model.description.input[0].type.multiArrayType.ClearField("shape")
    network(model).layers[1].input[0] = "picture"
    with pytest.raises(UnsupportedError, match=r"the shape of 'made', .* say --input-shape"):
        in_pipeline(model, [], "float32")


def without_frozen_weights(*between):
    """Layers that learn behind one without weights, or behind those of the kinds `between`."""
    model = new_model()
    feature(model.description.input, "picture", [16])
    layers = Layers(network(model), "picture")
    layers.activation("bend")
    for kind in between:
        layers.add(kind, kind, channels=16)
        params = getattr(network(model).layers[-1], kind)
        for name in ("gamma", "beta", "mean", "variance"):
            fill(getattr(params, name), 16)
    layers.dense("learns", 16, 4, updatable=True)
    layers.dense("head", 4, 2, updatable=True)
    layers.add("softmax", "softmax", outputs=["probabilities"])
    feature(model.description.output, "probabilities", [2])
    add_training(model, model.description.input)
    return model


@pytest.mark.parametrize("precision", PRECISIONS)
def test_without_frozen_weights_there_is_nothing_to_cut_off(precision):
    with pytest.raises(UnsupportedError) as caught:
        in_pipeline(without_frozen_weights(), [], precision)
    assert str(caught.value) == (
        "there is nothing to cut off: no layer with weights comes before 'learns', the first that "
        "learns; leave out --layout and --frozen-weights, or let fewer layers learn (--layers)"
    )


def test_weights_that_are_never_compressed_can_be_cut_off_but_not_stored_in_fewer_bits():
    model = without_frozen_weights("batchnorm")
    (_, first), (_, last) = members(in_pipeline(model, [], "float32")[0])
    assert names(network(first).layers) == ["bend", "batchnorm"]
    assert names(network(last).layers) == ["learns", "head", "softmax"]
    for precision in ("float16", "int8"):
        with pytest.raises(UnsupportedError) as caught:
            in_pipeline(model, [], precision)
        assert str(caught.value) == (
            "no convolution or dense layer stays as it is, so that nothing can be stored in "
            f"{precision}; leave out --frozen-weights"
        )


def test_weights_inside_the_network_are_compressed_as_those_outside_are():
    model = branches()
    spec, weights = in_pipeline(model, [], "int8")
    body = network(members(spec)[0][1]).layers[0].innerProduct
    assert [encoded.array.size for _, encoded in weights] == [128, 24]
    assert not body.weights.floatValue
    assert len(body.weights.quantization.linearQuantization.scale) == 8
    assert len(network(model).layers[0].innerProduct.weights.floatValue) == 128


def test_nothing_is_copied_before_it_is_written():
    model, array = branches(), np.ones((8, 16), np.float32)
    params = network(model).layers[0].innerProduct.weights
    params.ClearField("floatValue")
    for precision in PRECISIONS:
        _, weights = in_pipeline(model, [(params, Encoded(array))], precision)
        assert weights[0][1].array is array
        assert weights[0][1].itemsize == {"float32": 4, "float16": 2, "int8": 1}[precision]


def test_the_rules_accept_the_pipeline(cut):
    _, spec = cut
    assert {finding.code for finding in validate.findings(spec)} == {"U104"}
    assert {finding.place for finding in validate.findings(spec)} == {
        "model 1 'learning' of the pipeline"
    }


def transposed(groups):
    """A frozen transposed convolution of 4 channels to 6, whose weights begin with the inputs."""
    model = new_model()
    feature(model.description.input, "picture", [4, 3, 3])
    layers = Layers(network(model), "picture")
    layers.add(
        "convolution", "up", outputChannels=6, kernelChannels=4, nGroups=groups, kernelSize=[1, 1],
        stride=[1, 1], dilationFactor=[1, 1], isDeconvolution=True, valid=None,
    )  # fmt: skip
    fill(layer_params(network(model).layers[0]).weights, 24 // groups)
    layers.add("flatten", "flat")
    layers.dense("head", 54, 2, updatable=True)
    layers.add("softmax", "softmax", outputs=["probabilities"])
    feature(model.description.output, "probabilities", [2])
    add_training(model, model.description.input)
    return model


@pytest.mark.parametrize(("groups", "largest"), [(1, [19, 20, 21, 22, 23, 24]), (2, [12])])
def test_a_transposed_convolution_has_a_scale_for_each_output_if_not_in_groups(groups, largest):
    model = transposed(groups)
    params = network(model).layers[0].convolution.weights
    array = np.arange(1, 1 + 24 // groups, dtype=np.float32).reshape(4, 6 // groups, 1, 1)
    spec, _ = in_pipeline(model, [(params, Encoded(array))], "int8")
    stored = network(members(spec)[0][1]).layers[0].convolution.weights
    found = stored.quantization.linearQuantization.scale
    np.testing.assert_allclose(found, np.array(largest) / 127, rtol=1e-6)


@pytest.mark.parametrize(
    ("precision", "bias", "stored"),
    [("int8", 1.0, 1), ("int8", 0.0, 4), ("float16", 1.0, 2), ("float16", 0.0, 2)],
)
def test_a_bias_of_zeros_is_quantized_to_float16_only(precision, bias, stored):
    model = branches()
    body = network(model).layers[0].innerProduct
    body.bias.floatValue[:] = [bias] * 8
    array = np.ones((8, 16), np.float32)
    spec, _ = in_pipeline(model, [(body.weights, Encoded(array))], precision)
    found = network(members(spec)[0][1]).layers[0].innerProduct.bias
    sizes = {1: len(found.rawValue), 2: len(found.float16Value) // 2, 4: len(found.floatValue)}
    assert {size for size, count in sizes.items() if count} == {stored}
