"""Whole models: inputs, images, classes, precision, and what is refused."""

import numpy as np
import pytest
from coremltools.models import MLModel, datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder, quantization_utils

from converter.errors import DataError, ModelFileError
from converter.runtime import predict
from converter.runtime.layers import LAYERS
from converter.runtime.prediction import features_below, is_distribution, predict_with_before
from tests.runtime.helpers import close, random

LABELS = ["ant", "bee", "cat"]


def image_model(colours, **preprocessing):
    """A network that hands its image through, so that the output shows what it received."""
    channels = 1 if colours == "GRAYSCALE" else 3
    builder = NeuralNetworkBuilder([("image", datatypes.Array(channels, 2, 3))], [("y", None)])
    builder.add_activation("same", "LINEAR", "image", "y", [1.0, 0.0])
    builder.set_pre_processing_parameters(image_input_names=["image"], **preprocessing)
    image = builder.spec.description.input[0].type.imageType
    image.height, image.width = 2, 3
    image.colorSpace = image.ColorSpace.Value(colours)
    return builder.spec


def pixels(channels=3, samples=2):
    return np.random.default_rng(0).integers(0, 256, (samples, 2, 3, channels), np.uint8)


BIASES = {"red_bias": 1.0, "green_bias": 2.0, "blue_bias": 3.0, "gray_bias": 4.0}


def test_rgb_images_are_scaled_and_shifted_by_channel():
    model = image_model("RGB", image_scale=0.5, **BIASES)
    expected = pixels().transpose(0, 3, 1, 2) * 0.5 + np.reshape([1.0, 2.0, 3.0], (3, 1, 1))
    close(predict(model, {"image": pixels()})["y"], expected)


def test_a_scaler_for_one_of_two_images_leaves_the_other():
    shapes = [("left", datatypes.Array(3, 2, 3)), ("right", datatypes.Array(3, 2, 3))]
    builder = NeuralNetworkBuilder(shapes, [("y", None)])
    builder.add_elementwise("both", ["left", "right"], "y", "CONCAT")
    builder.set_pre_processing_parameters(
        image_input_names=["left", "right"], image_scale={"left": 0.5, "right": 1.0}
    )
    for feature in builder.spec.description.input:
        image = feature.type.imageType
        image.height, image.width = 2, 3
        image.colorSpace = image.ColorSpace.Value("RGB")
    steps = builder.spec.neuralNetwork.preprocessing
    del steps[1:]
    assert [step.featureName for step in steps] == ["left"]
    found = predict(builder.spec, {"left": pixels(), "right": pixels()})["y"]
    expected = pixels().transpose(0, 3, 1, 2)
    close(found, np.concatenate([expected * 0.5, expected], axis=1))


def test_bgr_networks_get_blue_first():
    model = image_model("BGR", is_bgr=True, image_scale=0.5, **BIASES)
    blue_first = pixels()[..., ::-1].transpose(0, 3, 1, 2)
    expected = blue_first * 0.5 + np.reshape([3.0, 2.0, 1.0], (3, 1, 1))
    close(predict(model, {"image": pixels()})["y"], expected)


def test_grayscale_images_use_the_gray_bias():
    model = image_model("GRAYSCALE", image_scale=0.5, **BIASES)
    expected = pixels(1).transpose(0, 3, 1, 2) * 0.5 + 4.0
    close(predict(model, {"image": pixels(1)})["y"], expected)


def test_a_mean_image_is_subtracted():
    model = image_model("RGB")
    del model.neuralNetwork.preprocessing[:]
    step = model.neuralNetwork.preprocessing.add(featureName="image")
    mean = random(3, 2, 3)
    step.meanImage.meanImage.extend(mean.ravel())
    close(predict(model, {"image": pixels()})["y"], pixels().transpose(0, 3, 1, 2) - mean)


def dense_model(mode=None, labels=None, n=3):
    builder = NeuralNetworkBuilder(
        [("x", datatypes.Array(4))], [("y", datatypes.Array(n))], mode=mode
    )
    builder.add_inner_product("dense", random(n, 4), random(n, seed=2), 4, n, True, "x", "z")
    builder.add_softmax("softmax", "z", "y")
    if labels:
        builder.set_class_labels(labels, "label", "y")
    return builder.spec


def softmax(z):
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


@pytest.mark.parametrize("labels", [LABELS, [7, 8, 9]], ids=["names", "numbers"])
def test_classifiers_name_the_class(labels):
    model = dense_model("classifier", labels)
    x = random(9, 4, seed=3)
    expected = softmax(x @ random(3, 4).T + random(3, seed=2))
    found = predict(model, {"x": x}, batch_size=4)
    assert set(found) == {feature.name for feature in model.description.output}
    (probabilities,) = (name for name in found if name != "label")
    close(found[probabilities], expected)
    assert found["label"].tolist() == [labels[i] for i in expected.argmax(1)]


def test_regressors_run():
    model = dense_model("regressor")
    x = random(2, 4, seed=3)
    close(predict(model, {"x": x})["y"], softmax(x @ random(3, 4).T + random(3, seed=2)))


def test_the_batch_size_does_not_change_the_result():
    x = random(7, 4, seed=3)
    whole = predict(dense_model(), {"x": x}, batch_size=7)["y"]
    close(predict(dense_model(), {"x": x}, batch_size=3)["y"], whole, 1e-6)


def test_layers_are_gone_through_once_however_many_batches(monkeypatch):
    """They become one graph, through which several batches go at a time."""
    calls = []
    softmax_layer = LAYERS["softmax"]
    monkeypatch.setitem(LAYERS, "softmax", lambda *args: calls.append(1) or softmax_layer(*args))
    x = random(50, 4)
    found = predict(dense_model(), {"x": x}, batch_size=8)["y"]
    assert len(calls) == 1
    np.testing.assert_allclose(found.sum(1), 1.0, atol=1e-6)
    np.testing.assert_allclose(found, predict(dense_model(), {"x": x}, 50)["y"], atol=1e-6)


def test_what_does_not_depend_on_the_input_is_given_for_every_sample():
    builder = NeuralNetworkBuilder([("x", datatypes.Array(3))], [("a", None), ("b", None)])
    builder.add_activation("one", "RELU", "x", "a")
    builder.add_load_constant("two", "b", np.array([5.0, 6.0]), [2, 1, 1])
    for batch_size in (2, 5):
        found = predict(builder.spec, {"x": random(5, 3)}, batch_size)
        np.testing.assert_array_equal(found["b"], [[5.0, 6.0]] * 5)
        assert found["a"].shape == (5, 3)


def test_several_outputs_and_inputs():
    builder = NeuralNetworkBuilder(
        [("a", datatypes.Array(2)), ("b", datatypes.Array(2))], [("sum", None), ("twice", None)]
    )
    builder.add_elementwise("add", ["a", "b"], "sum", "ADD")
    builder.add_elementwise("double", ["sum"], "twice", "MULTIPLY", 2.0)
    a, b = random(3, 2), random(3, 2, seed=2)
    found = predict(builder.spec, {"a": a, "b": b})
    close(found["sum"], a + b)
    close(found["twice"], 2 * (a + b))


def three_layer_network():
    """Convolution, deconvolution and dense layer, with as many channels in as out in the second."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(2, 6, 6))], [("y", datatypes.Array(3))])
    how = {"groups": 1, "has_bias": True}
    w, wt = random(3, 3, 2, 5), random(2, 3, 5, 5, seed=3)
    builder.add_convolution(
        "conv", 2, 5, 3, 3, 1, 1, "same", W=w, b=random(5), input_name="x", output_name="c", **how
    )
    builder.add_convolution(
        "deconv", 5, 5, 2, 3, 1, 1, "same", W=wt, b=random(5), is_deconv=True, input_name="c",
        output_name="d", **how
    )  # fmt: skip
    builder.add_inner_product("dense", random(3, 180), random(3), 180, 3, True, "d", "y")
    return builder.spec


def requantized(model, bits, mode):
    return quantization_utils.quantize_weights(MLModel(model), bits, mode).get_spec()


def test_half_precision_weights_are_widened():
    x = random(3, 2, 6, 6)
    model = requantized(three_layer_network(), 16, "linear")
    assert model.neuralNetwork.layers[0].convolution.weights.float16Value
    close(predict(model, {"x": x})["y"], predict(three_layer_network(), {"x": x})["y"], 2e-3)


@pytest.mark.parametrize(
    ("bits", "mode"),
    [(bits, mode) for bits in (1, 3, 4, 8) for mode in ("linear", "linear_lut")]
    + [(8, "linear_symmetric")],
)
def test_quantized_weights_are_read_as_coremltools_reads_them(bits, mode):
    x = random(3, 2, 6, 6)
    model = requantized(three_layer_network(), bits, mode)
    assert model.neuralNetwork.layers[1].convolution.weights.rawValue
    plain = requantized(model, bits, "dequantization")
    assert plain.neuralNetwork.layers[1].convolution.weights.floatValue
    close(predict(model, {"x": x})["y"], predict(plain, {"x": x})["y"])


def test_weights_for_8_bit_arithmetic_are_refused():
    model = dense_model()
    model.neuralNetwork.layers[0].innerProduct.weights.int8RawValue = b"12"
    with pytest.raises(ModelFileError, match="layer 'dense': weights: is computed with 8-bit"):
        predict(model, {"x": random(2, 4)})


def test_an_unknown_layer_is_named_with_its_kind():
    builder = NeuralNetworkBuilder([("x", datatypes.Array(4))], [("y", None)])
    builder.add_gelu("glow", "x", "y", "EXACT")
    with pytest.raises(ModelFileError, match=r"layer 'glow': .* no layer of kind gelu"):
        predict(builder.spec, {"x": random(2, 4)})


def test_arrays_of_any_rank_are_refused():
    builder = NeuralNetworkBuilder(
        [("x", datatypes.Array(4, 4))], [("y", None)], disable_rank5_shape_mapping=True
    )
    builder.add_activation("act", "RELU", "x", "y")
    with pytest.raises(ModelFileError, match="any rank"):
        predict(builder.spec, {"x": random(2, 4, 4)})


def test_other_kinds_of_models_are_refused():
    model = dense_model()
    model.glmRegressor.offset.append(1.0)
    with pytest.raises(ModelFileError, match="the model is a glmRegressor"):
        predict(model, {"x": random(2, 4)})


def test_weights_that_do_not_fit_are_named():
    model = dense_model()
    del model.neuralNetwork.layers[0].innerProduct.weights.floatValue[-1]
    with pytest.raises(ModelFileError, match=r"layer 'dense': weights: holds 11 values"):
        predict(model, {"x": random(2, 4)})


def test_a_layer_that_does_not_fit_its_input_is_named():
    model = dense_model()
    model.neuralNetwork.layers[0].innerProduct.inputChannels = 3
    del model.neuralNetwork.layers[0].innerProduct.weights.floatValue[-3:]
    with pytest.raises(ModelFileError, match=r"layer 'dense' \(innerProduct\): .* do not fit"):
        predict(model, {"x": random(2, 4)})


def test_an_output_that_no_layer_makes_is_named():
    model = dense_model()
    model.description.output[0].name = "nothing"
    with pytest.raises(ModelFileError, match="no blob 'nothing'"):
        predict(model, {"x": random(2, 4)})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "input 'x' is missing"),
        ({"x": np.zeros((2, 5))}, r"shape \[2, 5\], but the model takes \[N, 4\]"),
        ({"x": np.zeros((4,))}, "but the model takes"),
        ({"x": np.zeros((0, 4))}, "no samples"),
    ],
    ids=["missing", "too wide", "no batch axis", "empty"],
)
def test_inputs_that_do_not_fit(inputs, message):
    with pytest.raises(DataError, match=message):
        predict(dense_model(), inputs)


def test_images_that_do_not_fit():
    with pytest.raises(DataError, match=r"the model takes images \[N, 2, 3, 3\]"):
        predict(image_model("RGB"), {"image": pixels(1)})


def headed(*, with_dense=True, ending="SOFTMAX", moved=False):
    """What a dense layer takes is ``2 x``; behind it stand an activation and what it ends in."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(3))], [("y", None)])
    builder.add_activation("twice", "LINEAR", "x", "f", [2.0, 0.0])
    below = "f"
    if with_dense:
        builder.add_inner_product("dense", KERNEL, BIAS, 3, 2, True, "f", "z")
        below = "z"
    builder.add_activation("activation", "LINEAR", below, "r", [1.0, 1.0])
    end = "e" if moved else "y"
    if ending == "SOFTMAX":
        builder.add_softmax("end", "r", end)
    elif ending == "pooling":
        builder.add_pooling("end", 1, 1, 1, 1, "MAX", "VALID", "r", end)
    else:
        builder.add_activation("end", ending, "r", end)
    if moved:
        builder.add_flatten("flat", 0, "e", "y")
    return builder.spec


KERNEL, BIAS = np.float32([[1, 0, -1], [0.5, 2, 0]]), np.float32([0.5, -0.5])


def test_the_features_below_a_head_are_what_its_last_dense_layer_takes():
    x = random(4, 3)
    np.testing.assert_array_equal(features_below(headed(), {"x": x}, "y"), 2 * x)
    with pytest.raises(ModelFileError, match="no inner product makes the output 'y'"):
        features_below(headed(with_dense=False), {"x": x}, "y")


@pytest.mark.parametrize(("ending", "function"), [
    ("SOFTMAX", lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)),
    ("SIGMOID", lambda z: 1 / (1 + np.exp(-z))),
])  # fmt: skip
def test_what_stands_before_the_end_comes_along(ending, function):
    x = random(4, 3)
    before = 2 * x @ KERNEL.T + BIAS + 1
    values, found = predict_with_before(headed(ending=ending), {"x": x}, "y")
    close(found, before)
    close(values, function(before))


def test_before_another_end_nothing_is_told_and_before_the_input_there_is_nothing():
    x = random(4, 3)
    values, before = predict_with_before(headed(ending="pooling"), {"x": x}, "y")
    close(values, 2 * x @ KERNEL.T + BIAS + 1)
    assert before is None
    builder = NeuralNetworkBuilder([("x", datatypes.Array(3))], [("y", None)])
    builder.add_activation("relu", "RELU", "x", "y")
    values, before = predict_with_before(builder.spec, {"x": x}, "y")
    close(values, np.maximum(x, 0))
    assert before is None
    with pytest.raises(ModelFileError, match="the model has no output 'z'"):
        predict_with_before(builder.spec, {"x": x}, "z")


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize(("ending", "is_one"), [("SOFTMAX", True), ("SIGMOID", False)])
def test_a_distribution_is_what_a_softmax_makes_wherever_it_is_moved(ending, is_one, moved):
    assert is_distribution(headed(ending=ending, moved=moved), "y") == is_one


def test_inputs_of_as_many_samples_are_taken():
    builder = NeuralNetworkBuilder(
        [("a", datatypes.Array(2)), ("b", datatypes.Array(2))], [("y", None)]
    )
    builder.add_elementwise("sum", ["a", "b"], "y", "ADD")
    a, b = random(3, 2), random(3, 2)
    close(predict(builder.spec, {"a": a, "b": b})["y"], a + b)
    with pytest.raises(DataError, match=r"different numbers of samples: \{'a': 3, 'b': 2\}"):
        predict(builder.spec, {"a": a, "b": b[:2]})
