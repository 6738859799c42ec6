"""Models like those that others publish for training on devices, built as they built them."""

import numpy as np
import pytest
from coremltools import models
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder
from coremltools.models.neural_network.quantization_utils import _quantize_spec_weights

from converter.coreml import mlmodel, neighbors
from converter.coreml.pipelines import learner
from converter.errors import ModelFileError
from converter.runtime import ArraySamples, Labelled, evaluate, predict, settings, train
from converter.validation.validate import findings
from tests.runtime.helpers import close, random
from tests.runtime.pipelines import split, stored
from tests.runtime.test_neighbors import pictures
from tests.runtime.updatable import finish


def houses():
    """Prices by numbers and two categories: embeddings, permutes that swap axes of one, a concat.

    As in https://github.com/JacopoMangiavacchi/CoreML-TransferLearning-Demo, only smaller.
    """
    shapes = {"numbers": 3, "first": 1, "second": 1}
    builder = NeuralNetworkBuilder(
        [(name, datatypes.Array(n)) for name, n in shapes.items()], [("y", datatypes.Array(1))]
    )
    flat = []
    for name, rows, size in (("first", 2, 2), ("second", 9, 5)):
        table = random(size, rows)
        builder.add_embedding(f"{name} table", table, None, rows, size, False, name, f"{name} e")
        builder.add_permute(f"{name} turned", [2, 1, 0, 3], f"{name} e", f"{name} p")
        builder.add_flatten(f"{name} flat", 1, f"{name} p", f"{name} f")
        flat.append(f"{name} f")
    builder.add_elementwise("joined", ["numbers", *flat], "c", "CONCAT")
    builder.add_inner_product("dense", random(4, 10), random(4), 10, 4, True, "c", "d")
    builder.add_activation("relu", "RELU", "d", "r")
    builder.add_inner_product("head", random(1, 4), random(1), 4, 1, True, "r", "y")
    return finish(builder, ["dense", "head"], None, loss=datatypes.Array(1))


def cut(model=None):
    """The regressor as a pipeline; what is behind a permute has no shape in the file."""
    return split(model or houses(), "dense", known={"c": (10, 1, 1)})


def sold(count=32):
    rng = np.random.default_rng(0)
    x = {
        "numbers": random(count, 3),
        "first": rng.integers(0, 2, (count, 1)).astype(np.float32),
        "second": rng.integers(0, 9, (count, 1)).astype(np.float32),
    }
    return Labelled(ArraySamples(x), x["numbers"][:, :1] + x["first"])


def test_a_regressor_with_embeddings_answers_and_learns():
    model, data = houses(), sold()
    x = data.samples.arrays
    first, second = random(2, 2), random(5, 9)
    tables = [first.T[x["first"][:, 0].astype(int)], second.T[x["second"][:, 0].astype(int)]]
    hidden = np.concatenate([x["numbers"], *tables], axis=1) @ random(4, 10).T + random(4)
    close(predict(model, x)["y"], np.maximum(hidden, 0) @ random(1, 4).T + random(1))
    assert not [finding for finding in findings(model) if finding.severity == "error"]
    whole = cut(model)
    before = evaluate(model, data).loss
    for each in (model, whole):
        train(each, data, settings(each, epochs=20, learning_rate=0.05))
    assert evaluate(model, data).loss < before / 2
    for key, values in stored(model).items():
        np.testing.assert_array_equal(stored(learner(whole))[key], values)


def test_an_image_and_nearest_neighbours():
    model = pictures(count=1)
    first = model.pipelineClassifier.pipeline.models[0]
    for description in (model.description, first.description):
        image = description.input[0].type.imageType
        image.width = image.height = 2
        image.colorSpace = image.GRAYSCALE
    first.neuralNetwork.preprocessing.add(featureName="x").scaler.channelScale = 0.5
    pixels = np.array([[[0, 10], [20, 30]], [[40, 0], [0, 0]]], np.uint8)[..., None]
    data = Labelled(ArraySamples({"x": pixels}), ["😀", "heart"])
    train(model, data, settings(model))
    assert neighbors.read(learner(model)).samples.tolist() == [[0, 10, 20, 30], [40, 0, 0, 0]]
    found = predict(mlmodel.parse(mlmodel.serialize(model), ""), {"x": pixels[::-1]})
    assert found["label"].tolist() == ["heart", "😀"]


LINEAR = models._QUANTIZATION_MODE_LINEAR_QUANTIZATION
COMPRESSED = {
    "float16": (16, LINEAR),
    "8 bits": (8, LINEAR),
    "3 bits": (3, LINEAR),
    "lookup table": (4, models._QUANTIZATION_MODE_LOOKUP_TABLE_LINEAR),
}


@pytest.mark.parametrize(("bits", "mode"), COMPRESSED.values(), ids=COMPRESSED.keys())
def test_a_frozen_part_in_fewer_bits(bits, mode):
    whole, data = cut(), sold()
    plain = predict(whole, data.samples.arrays)["y"]
    tables = [
        layer.embedding.weights
        for layer in whole.pipeline.models[0].neuralNetwork.layers
        if layer.WhichOneof("layer") == "embedding"
    ]
    _quantize_spec_weights(whole.pipeline.models[0], bits, mode)
    assert not any(table.floatValue for table in tables)
    small = predict(whole, data.samples.arrays)["y"]
    widened = [_widened(table, size) for table, size in zip(tables, (4, 45), strict=True)]
    for table, values in zip(tables, widened, strict=True):
        table.Clear()
        mlmodel.set_floats(table, values)
    np.testing.assert_allclose(small, predict(whole, data.samples.arrays)["y"], atol=1e-5)
    assert 0 < np.abs(small - plain).max() < (0.01 if bits == 16 else 2)
    train(whole, data, settings(whole, epochs=1))


def _widened(table, size):
    """The values of a table as the format says they are read, written down once more."""
    if table.float16Value:
        return np.frombuffer(table.float16Value, np.float16).astype(np.float32)
    how, bits = table.quantization, table.quantization.numberOfBits
    text = "".join(f"{octet:08b}" for octet in table.rawValue)
    numbers = [int(text[i : i + bits], 2) for i in range(0, bits * size, bits)]
    if how.HasField("lookupTableQuantization"):
        return np.array([how.lookupTableQuantization.floatValue[n] for n in numbers])
    scale, bias = how.linearQuantization.scale, how.linearQuantization.bias
    numbers = np.array(numbers).reshape(len(scale), -1)
    return numbers * np.array(scale)[:, None] + np.array(bias)[:, None]


def test_integers_at_run_time_are_refused():
    whole = cut()
    table = whole.pipeline.models[0].neuralNetwork.layers[0].embedding.weights
    table.Clear()
    table.int8RawValue = b"1234"
    with pytest.raises(
        ModelFileError, match="layer 'first table' of 'part0': weights: is computed"
    ):
        predict(whole, sold().samples.arrays)
