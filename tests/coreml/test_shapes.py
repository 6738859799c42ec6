"""Shape inference: known shapes, what the runtime really computes, and what cannot fit."""

import numpy as np
import pytest

from converter import runtime
from converter.coreml import shapes
from converter.coreml.mlmodel import network
from tests.validation import specs
from tests.validation.broken import only_layer


def inferred(kind, shape, exact=False, inputs=None, **params):
    model, _ = only_layer(kind, shape, exact, inputs=inputs, **params)
    return shapes.blob_shapes(model)["y"]


def test_every_blob_of_a_network_has_its_shape():
    assert shapes.blob_shapes(specs.lenet()) == {
        "image": (1, 12, 12),
        "conv_1": (2, 10, 10),
        "conv_1__activation": (2, 10, 10),
        "pool_1": (2, 5, 5),
        "flatten_1": (50, 1, 1),
        "dense_1": (6, 1, 1),
        "dense_1__activation": (6, 1, 1),
        "dense_2": (4, 1, 1),
        "probabilities": (4, 1, 1),
    }


def test_an_image_has_channels_by_its_colour_space():
    model = specs.image_regression()
    assert shapes.blob_shapes(model)["photo"] == (3, 8, 8)
    image = model.description.input[0].type.imageType
    image.colorSpace = image.GRAYSCALE
    assert shapes.blob_shapes(model)["photo"] == (1, 8, 8)


def test_flexible_sizes_stay_open():
    model = specs.lenet()
    array = model.description.input[0].type.multiArrayType
    for low, high in ((1, 1), (12, 20), (12, -1)):
        array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    assert shapes.blob_shapes(model)["image"] == (1, None, None)
    assert shapes.blob_shapes(model)["pool_1"] == (2, None, None)
    assert not shapes.infer(model).mismatches


def test_listed_shapes_keep_what_they_share():
    model = specs.lenet()
    array = model.description.input[0].type.multiArrayType
    for size in (12, 20):
        array.enumeratedShapes.shapes.add(shape=[1, size, size])
    assert shapes.blob_shapes(model)["image"] == (1, None, None)


def test_models_without_network_have_no_blobs():
    assert shapes.blob_shapes(specs.pipeline()) == {}
    assert shapes.blob_shapes(specs.neighbors()) == {}


CLASSIC = [
    ("pooling", {"kernelSize": [3, 3], "stride": [2, 2], "valid": None}, (4, 3, 4)),
    ("pooling", {"kernelSize": [3, 3], "stride": [2, 2], "same": None}, (4, 4, 5)),
    ("pooling", {"globalPooling": True, "valid": None}, (4, 1, 1)),
    ("upsample", {"scalingFactor": [2, 3]}, (4, 14, 27)),
    ("resizeBilinear", {"targetSize": [5, 6]}, (4, 5, 6)),
    ("reduce", {"axis": 1}, (4, 1, 1)),
    ("reduce", {"axis": 2}, (1, 7, 9)),
    ("flatten", {}, (252, 1, 1)),
    ("permute", {"axis": [0, 2, 3, 1]}, (7, 9, 4)),
    ("permute", {"axis": [3, 1, 2, 0]}, (4, 7, None)),
    ("reshape", {"targetShape": [9, 4, 7]}, (9, 4, 7)),
    ("slice", {"startIndex": 1, "endIndex": -1, "stride": 2, "axis": 1}, (4, 3, 9)),
    ("slice", {"startIndex": 0, "endIndex": 3, "stride": 1, "axis": 2}, (4, 7, 3)),
    ("reorganizeData", {"blockSize": 2, "mode": 1}, (1, 14, 18)),
    ("unary", {"type": 6}, (4, 7, 9)),
    ("add", {"alpha": 1.0}, (4, 7, 9)),
]


@pytest.mark.parametrize(("kind", "params", "expected"), CLASSIC)
def test_classic_layers(kind, params, expected):
    assert inferred(kind, (4, 7, 9), **params) == expected


EXACT = [
    ("transpose", {"axes": [2, 0, 1]}, (4, 2, 3)),
    ("expandDims", {"axes": [0, -1]}, (1, 2, 3, 4, 1)),
    ("reshapeStatic", {"targetShape": [6, -1]}, (6, 4)),
    ("rankPreservingReshape", {"targetShape": [0, -1, 2]}, (2, 6, 2)),
    ("flattenTo2D", {"axis": 1}, (2, 12)),
    ("reduceMean", {"axes": [-1], "keepDims": True}, (2, 3, 1)),
    ("reduceSum", {"axes": [0]}, (3, 4)),
    ("reduceMax", {"reduceAll": True}, (1,)),
    ("argMax", {"axis": 1, "removeDim": True}, (2, 4)),
    ("softmaxND", {"axis": -1}, (2, 3, 4)),
    ("tile", {"reps": [1, 2, 3]}, (2, 6, 12)),
    ("constantPad", {"padAmounts": [0, 0, 1, 1, 2, 0]}, (2, 5, 6)),
    ("batchedMatmul", {"weightMatrixFirstDimension": 4, "weightMatrixSecondDimension": 5},
     (2, 3, 5)),
    ("concatND", {"axis": 1, "inputs": ["x", "x"]}, (2, 6, 4)),
    ("stack", {"axis": 0, "inputs": ["x", "x"]}, (2, 2, 3, 4)),
    ("multiplyBroadcastable", {"inputs": ["x", "x"]}, (2, 3, 4)),
    ("getShape", {}, (3,)),
    ("innerProduct", {"inputChannels": 4, "outputChannels": 5}, (2, 3, 5)),
    ("sliceStatic", {"beginIds": [0, 1, 0], "endIds": [2, 3, -1], "strides": [1, 1, 2],
                     "beginMasks": [False] * 3, "endMasks": [False] * 3}, (2, 2, 2)),
    ("whereNonZero", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "params", "expected"), EXACT)
def test_layers_of_any_rank(kind, params, expected):
    assert inferred(kind, (2, 3, 4), exact=True, **params) == expected


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("transposed", "dilation"), [(False, 1), (False, 2), (True, 1)])
def test_convolution_and_its_transpose_agree_with_the_runtime(
    transposed, dilation, stride, padding
):
    model, params = only_layer(
        "convolution", (3, 11, 12), kernelChannels=3, outputChannels=3, kernelSize=[3, 2],
        stride=[stride, stride], dilationFactor=[dilation, dilation],
        isDeconvolution=transposed, **{padding: None},
    )  # fmt: skip
    specs.fill(params.weights, 3 * 3 * 3 * 2)
    assert_as_computed(model)


def assert_as_computed(model):
    """Compare the inferred shapes of all outputs with those that the runtime computes."""
    rng = np.random.default_rng(0)
    inputs = {}
    for feature in model.description.input:
        shape = tuple(feature.type.multiArrayType.shape)
        inputs[feature.name] = rng.normal(size=(2, *shape)).astype(np.float32)
    computed = runtime.predict(model, inputs, batch_size=2)
    inference = shapes.infer(model)
    assert not inference.mismatches
    compared = 0
    for feature in model.description.output:
        expected = np.asarray(computed[feature.name]).shape[1:]
        shape = inference.shapes[feature.name]
        assert shape in (expected, (*expected, 1, 1)), feature.name
        compared += 1
    assert compared


def test_every_blob_of_a_network_is_as_the_runtime_computes_it():
    model = specs.lenet(updatable=False)
    del model.description.output[:]
    for layer in network(model).layers:
        specs.feature(model.description.output, layer.output[0])
    assert_as_computed(model)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [7, 8, 9])
def test_pooling_that_includes_the_last_pixel(size, stride, padding):
    model, params = only_layer(
        "pooling",
        (2, size, size),
        kernelSize=[3, 3],
        stride=[stride, stride],
        includeLastPixel=None,
    )
    params.includeLastPixel.paddingAmounts.extend([padding, padding])
    assert_as_computed(model)


MISFITS = [
    ("channels", "innerProduct", {"inputChannels": 5, "outputChannels": 2}, "5 inputs"),
    ("channels", "batchnorm", {"channels": 5}, "5 channels"),
    ("channels", "convolution", {"kernelChannels": 5, "outputChannels": 2, "valid": None}, "5 "),
    ("channels", "scale", {"shapeScale": [5]}, "shape 5"),
    ("window", "pooling", {"kernelSize": [8, 3], "valid": None}, "kernel of 8"),
    ("window", "pooling", {"stride": [0, 1], "valid": None}, "stride 0"),
    ("window", "slice", {"startIndex": 3, "endIndex": 9, "stride": 1, "axis": 0}, "3 to 9 of 4"),
    ("elements", "reshape", {"targetShape": [4, 7, 8]}, "252 values"),
    ("elements", "split", {"nOutputs": 3}, "3 parts"),
    ("elements", "reorganizeData", {"blockSize": 2}, "blocks of 2"),
]


@pytest.mark.parametrize(("topic", "kind", "params", "text"), MISFITS)
def test_what_does_not_fit_is_said(topic, kind, params, text):
    model, _ = only_layer(kind, (4, 7, 9), **params)
    (mismatch,) = shapes.infer(model).mismatches
    assert (mismatch.topic, mismatch.layer) == (topic, "only")
    assert text in mismatch.message


def test_the_walk_goes_on_after_a_mismatch():
    model = specs.lenet()
    network(model).layers[4].innerProduct.inputChannels = 7
    inference = shapes.infer(model)
    assert [m.layer for m in inference.mismatches] == ["dense_1"]
    assert inference.shapes["probabilities"] == (4, 1, 1)


def test_absurd_sizes_are_unknown():
    model, _ = only_layer("upsample", (1, 2**40, 2**40), scalingFactor=[2**60, 2])
    assert shapes.blob_shapes(model)["y"] == (1, None, 2**41)
