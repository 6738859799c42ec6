"""What feature descriptions declare; the channels of an image are counted once."""

import numpy as np
import pytest

from converter.coreml import features, shapes
from converter.coreml.mlmodel import Model_pb2
from converter.data.images import ImageFolder
from converter.data.layout import to_core_ml
from converter.runtime import predict

CHANNELS = {"GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1, "RGB": 3, "BGR": 3}


def model(space, height=4, width=5):
    """Return a network that flattens an image after multiplying by 2 and adding a bias."""
    spec = Model_pb2.Model(specificationVersion=7)
    image = spec.description.input.add(name="image").type.imageType
    image.height, image.width = height, width
    image.colorSpace = getattr(image, space)
    out = spec.description.output.add(name="y").type.multiArrayType
    out.shape.append(CHANNELS[space] * height * width)
    out.dataType = out.FLOAT32
    net = spec.neuralNetwork
    net.layers.add(name="flatten", input=["image"], output=["y"]).flatten.SetInParent()
    step = net.preprocessing.add(featureName="image").scaler
    step.channelScale, step.grayBias = 2.0, 0.5
    step.redBias, step.greenBias, step.blueBias = 10.0, 20.0, 30.0
    return spec


@pytest.mark.parametrize("space", CHANNELS)
def test_every_room_counts_the_same_channels(space, tmp_path):
    spec, count = model(space), CHANNELS[space]
    (feature,) = spec.description.input
    assert features.image_shape(feature) == (4, 5, count)
    assert shapes.blob_shapes(spec)["image"] == (count, 4, 5)
    assert ImageFolder.for_input([], feature).channels == count
    pixels = np.zeros((2, 4, 5, count), np.uint8)
    turned = to_core_ml(feature, pixels.shape, "auto")(pixels)
    assert turned.shape == pixels.shape


@pytest.mark.parametrize("space", CHANNELS)
def test_the_runtime_takes_as_many_channels_and_adds_their_biases(space):
    count = CHANNELS[space]
    pixels = np.arange(4 * 5 * count, dtype=np.float32).reshape(1, 4, 5, count)
    found = predict(model(space), {"image": pixels})["y"]
    bias = {"RGB": [10, 20, 30], "BGR": [30, 20, 10]}.get(space, [0.5])
    seen = pixels[..., ::-1] if space == "BGR" else pixels
    np.testing.assert_array_equal(found, (2 * seen + bias).transpose(0, 3, 1, 2).reshape(1, -1))


def test_labels_of_a_classifier_only():
    spec = model("RGB")
    assert features.labels(spec) is None
    spec.neuralNetworkClassifier.int64ClassLabels.vector.extend([7, 9])
    assert features.labels(spec) == [7, 9]
