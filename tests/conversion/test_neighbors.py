"""A Keras model with a k-nearest-neighbours classifier behind it: what is written, what is not."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from converter import runtime
from converter.backend.tensorflow import keras
from converter.conversion.story import prepare, write
from converter.coreml import neighbors
from converter.coreml.pipelines import members
from converter.errors import DataError, NotUpdatableError, ParityError, UsageError
from converter.recipe import Choice, Recipe
from converter.validation.validate import findings
from tests.converting import IMAGE, convert, small_cnn
from tests.lower.oracle import sequential

L = keras.layers


@pytest.fixture(scope="module")
def model():
    return small_cnn()


@pytest.fixture
def pictures():
    return np.random.default_rng(0).uniform(size=(6, *IMAGE)).astype(np.float32)


def features_of(spec):
    """Return the network of a pipeline, and what its classifier holds."""
    (_, network), (_, last) = members(spec)
    return network, neighbors.read(last)


def keras_features(model, name, x):
    """Return what Keras's own layer gives, asked the public way."""
    inner = keras.Model(model.inputs[0], model.get_layer(name).output)
    return np.asarray(inner(x)).reshape(len(x), -1)


def test_features_feed_a_classifier_that_is_empty(model, tmp_path):
    spec, report = convert(model, tmp_path, knn=True)
    assert spec.WhichOneof("Type") == "pipelineClassifier"
    assert list(spec.pipelineClassifier.pipeline.names) == ["features", "neighbors"]
    assert (spec.specificationVersion, spec.isUpdatable) == (4, True)
    network, last = features_of(spec)
    assert (network.isUpdatable, members(spec)[1][1].isUpdatable) == (False, True)
    assert [layer.name for layer in network.neuralNetwork.layers][-2:] == [
        "dense_5", "dense_5__activation",
    ]  # fmt: skip
    assert (last.dimensions, last.count, last.choices) == (6, 5, range(1, 1001))
    assert (last.index, last.weighting, last.default_label) == ("linear", "uniform", "unknown")
    assert last.samples.shape == (0, 6)
    shown = spec.description
    assert [f.name for f in shown.trainingInput] == ["image", "classLabel"]
    assert shown.trainingInput[1].type.WhichOneof("Type") == "stringType"
    assert [f.name for f in shown.output] == ["classLabel", "classProbability"]
    assert (shown.predictedFeatureName, shown.predictedProbabilitiesName) == (
        "classLabel", "classProbability",
    )  # fmt: skip
    assert findings(spec) == []
    assert (report.learning, report.parity <= 1e-6) == ("k nearest neighbors", True)


@pytest.mark.parametrize("name", ["flat", "dense_5"])
def test_features_are_those_of_the_layer_in_keras(model, name, pictures, tmp_path):
    spec, _ = convert(model, tmp_path, knn=name)
    network, last = features_of(spec)
    found = runtime.predict(network, {"image": pictures.transpose(0, 3, 1, 2)})["features"]
    wanted = keras_features(model, name, pictures)
    assert found.shape == wanted.shape == (6, last.dimensions)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_what_is_written_is_compared_with_keras(model, tmp_path):
    recipe = Recipe(model=tmp_path / "m.h5", knn="flat")
    prepared = prepare(model, None, recipe)
    params, encoded = prepared.weights[0]
    prepared.weights[0] = params, replace(encoded, array=encoded.array + 0.1)
    with pytest.raises(ParityError, match="differs from Keras"):
        write(prepared, tmp_path / "m.mlmodel", recipe)
    assert list(tmp_path.iterdir()) == []


def test_how_neighbors_are_looked_up_and_counted(model, tmp_path):
    spec, _ = convert(
        model, tmp_path, knn=True, neighbors=Choice(allowed=(7, 1, 3), default=3),
        knn_index="kd_tree", knn_leaf_size=9, knn_weighting="inverse_distance", default_label=-7,
        label_name="who", output_name="scores", image="rgb",
    )  # fmt: skip
    last = features_of(spec)[1]
    assert (last.count, last.choices, last.default_label) == (3, (1, 3, 7), -7)
    assert (last.index, last.leaf_size, last.weighting) == ("kd_tree", 9, "inverse_distance")
    assert [f.name for f in spec.description.output] == ["who", "scores"]
    assert spec.description.output[0].type.WhichOneof("Type") == "int64Type"
    assert spec.description.input[0].type.WhichOneof("Type") == "imageType"
    assert findings(spec) == []


def test_it_is_shipped_with_samples(model, pictures, tmp_path):
    np.savez(tmp_path / "some.npz", x=pictures, y=[1, 0, 1, 2, 2, 1])
    spec, report = convert(model, tmp_path, knn="flat", knn_samples=tmp_path / "some.npz")
    last = features_of(spec)[1]
    assert (last.labels, last.default_label) == ((1, 0, 1, 2, 2, 1), -1)
    np.testing.assert_allclose(
        last.samples, keras_features(model, "flat", pictures), rtol=1e-5, atol=1e-6
    )
    assert report.models[1].neighbors.samples == {"1": 3, "0": 1, "2": 2}
    assert findings(spec) == []


def test_it_is_shipped_with_folders_of_images(model, tmp_path):
    colours = {"dog": [(255, 0, 0)], "cat": [(0, 255, 0), (0, 0, 255)]}
    for name, found in colours.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i, colour in enumerate(found):
            Image.new("RGB", (8, 8), colour).save(tmp_path / "photos" / name / f"{i}.png")
    spec, report = convert(
        model, tmp_path, knn=True, image="rgb", scale=1 / 255, knn_samples=tmp_path / "photos"
    )
    last = features_of(spec)[1]
    assert (last.labels, last.default_label) == (("cat", "cat", "dog"), "unknown")
    pixels = np.float32([[(0, 255, 0)], [(0, 0, 255)], [(255, 0, 0)]])[:, None] / 255
    wanted = keras_features(model, "dense_5", np.broadcast_to(pixels, (3, *IMAGE)))
    np.testing.assert_allclose(last.samples, wanted, rtol=1e-4, atol=1e-5)
    assert any("asks 5 neighbors of 3 samples" in note for note in report.notes)


def test_frozen_weights_take_half_the_room(model, pictures, tmp_path):
    """The samples take as much as before."""
    np.savez(tmp_path / "some.npz", x=pictures, y=["a"] * 6)
    options = {"knn": "flat", "knn_samples": tmp_path / "some.npz"}
    plain, _ = convert(model, tmp_path, **options)
    spec, report = convert(model, tmp_path, **options, frozen_weights="float16")
    saved = report.compression.size - report.size
    assert 2 * 112 - 20 < saved < 2 * 112 + 20
    weights = features_of(spec)[0].neuralNetwork.layers[0].convolution.weights
    assert (len(weights.float16Value), len(weights.floatValue)) == (2 * 108, 0)
    assert (report.compression.precision, report.neighbors.dimensions) == ("float16", 36)
    assert report.compression.parity <= 1e-5 < report.parity < 1e-2
    samples = [features_of(each)[1].samples for each in (spec, plain)]
    np.testing.assert_allclose(*samples, rtol=1e-2, atol=1e-2)


REFUSED = {
    "spatial": ({"knn": "conv"}, NotUpdatableError, r"'conv' \(Conv2D\) gives \[6, 6, 4\], but"),
    "head": ({"knn": "dense_6"}, NotUpdatableError, "'dense_6' .* lies behind the head"),
    "unknown": ({"knn": "flatt"}, UsageError, r"no layer is called 'flatt' \(did you mean flat"),
    "names": ({"knn": True, "label_name": "image"}, UsageError, "must have different names"),
    "features": ({"knn": True, "input_name": "features"}, UsageError, "must have different names"),
    "none": (
        {"knn": True, "neighbors": Choice(default=1, min=3)},
        UsageError,
        "1 is not in 3 … 1000",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(case, model, tmp_path):
    options, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        convert(model, tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def with_branches():
    """A model whose shared layer is used twice, and which ends in no dense layer."""
    image = keras.Input((4,), name="x")
    shared = L.Dense(4, name="shared")
    one = shared(image)
    both = L.Add(name="sum")([one, shared(one)])
    return keras.Model(image, L.Softmax(name="end")(both))


ODD = {
    "two places": (with_branches, "shared", "'shared' .* is used in 2 places"),
    "no dense end": (with_branches, True, "does not end in a dense layer"),
    "softmax": (with_branches, "end", "'end' .* lies behind the head"),
    "the input": (lambda: sequential((4,), L.Dense(2)), True, "would be the input itself"),
    "nothing left": (
        lambda: sequential((4,), L.Dropout(0.5, name="drop"), L.Dense(2)), "drop",
        "'drop' .* leaves nothing of its own",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_layers_that_give_no_features(case, tmp_path):
    made, name, message = ODD[case]
    with pytest.raises((NotUpdatableError, UsageError), match=message):
        convert(made(), tmp_path, knn=name)


def test_features_that_are_no_numbers_are_refused(tmp_path):
    model = sequential((2,), L.Dense(2, name="large"), L.Dense(2))
    model.get_layer("large").kernel.assign([[3e38, 1], [3e38, 1]])
    np.savez(tmp_path / "some.npz", x=[[0.0, 0.1], [9.0, 9.0]], y=["a", "b"])
    with pytest.raises(DataError, match=r"sample 1 \('b'\) hold NaN or infinity"):
        convert(model, tmp_path, knn=True, knn_samples=tmp_path / "some.npz", verify=False)
    assert [path.name for path in tmp_path.iterdir()] == ["some.npz"]


def stored(folder, **arrays):
    np.savez(folder / "some.npz", **arrays)
    return folder / "some.npz"


SAMPLES = {
    "size": ({"x": np.zeros((2, 5, 5, 3)), "y": [0, 1]}, {}, "do not fit the input 'image'"),
    "no y": ({"x": np.zeros((2, *IMAGE))}, {}, "holds no array y"),
    "one label": ({"x": np.zeros((2, *IMAGE)), "y": [0]}, {}, "2 samples, but 1 labels"),
    "none": ({"x": np.zeros((0, *IMAGE)), "y": np.zeros(0, int)}, {}, "holds no samples"),
    "nan": ({"x": np.full((2, *IMAGE), np.nan), "y": [0, 1]}, {}, "sample 0 holds NaN"),
    "default": (
        {"x": np.zeros((2, *IMAGE)), "y": ["a", "b"]}, {"default_label": 3},
        "the labels are texts, such as 'a', but the default label '3' is a number",
    ),
    "classes": (
        {"x": np.zeros((2, *IMAGE)), "y": ["a", "b"]}, {"classes": ("a", "c")},
        r"the label 'b' is none of the 2 classes \(a, c\)",
    ),
    "pixels": (
        {"x": np.full((2, *IMAGE), 0.5), "y": [0, 1]}, {"image": "rgb"}, "say --knn-scale 255",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAMPLES)
def test_samples_that_do_not_fit(case, model, tmp_path):
    arrays, options, message = SAMPLES[case]
    place = stored(tmp_path, **arrays)
    with pytest.raises(DataError, match=message):
        convert(model, tmp_path, knn=True, knn_samples=place, verify=False, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["some.npz"]


def test_more_samples_than_a_file_holds_are_refused_before_they_are_computed(
    model, tmp_path, monkeypatch
):
    monkeypatch.setattr("converter.neighbors.filling.LARGEST_MESSAGE", 4 * 2 * 36 - 1)
    place = stored(tmp_path, x=np.zeros((2, *IMAGE)), y=[0, 1])
    with pytest.raises(DataError, match=r"2 samples of 36 features take 0\.0 GB"):
        convert(model, tmp_path, knn="flat", knn_samples=place, verify=False)


def test_several_inputs_are_all_learned_from(tmp_path):
    one, two = keras.Input((2,), name="one"), keras.Input((3,), name="two")
    joined = L.Dense(4, name="mixed")(L.Concatenate()([one, two]))
    model = keras.Model([one, two], L.Dense(2, activation="softmax")(joined))
    x = np.random.default_rng(0).uniform(size=(3, 5)).astype(np.float32)
    place = stored(tmp_path, one=x[:, :2], two=x[:, 2:], y=["a", "b", "a"])
    spec, _ = convert(model, tmp_path, knn=True, knn_samples=place)
    assert [f.name for f in spec.description.trainingInput] == ["one", "two", "classLabel"]
    kernel, bias = model.get_layer("mixed").get_weights()
    np.testing.assert_allclose(features_of(spec)[1].samples, x @ kernel + bias, atol=1e-6)
    assert [finding.code for finding in findings(spec)] == ["O243"]  # five of three


def test_the_largest_number_of_neighbors(model, tmp_path):
    spec, _ = convert(model, tmp_path, knn=True, neighbors=2**63 - 1, verify=False)
    assert features_of(spec)[1].count == 2**63 - 1
