"""The mean of models is NumPy's, and only models of one origin have one."""

import numpy as np
import pytest

from converter.coreml import mlmodel
from converter.errors import DataError, ModelFileError, UsageError
from converter.weights import tensors
from converter.weights.average import average
from converter.weights.descent import difference, without_learned
from converter.weights.difference import movements
from tests.pipelines import in_pipeline
from tests.runtime.updatable import digits


def personal(number, spec=None):
    """Return a model with its own learned weights."""
    spec = spec or digits(layers=("dense", "head"))
    rng = np.random.default_rng(number)
    tensors.put(spec, {n: rng.normal(size=a.shape) for n, a in tensors.weights(spec).items()})
    return spec


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    paths = [folder / f"{number}.mlmodel" for number in range(5)]
    for number, path in enumerate(paths):
        mlmodel.write(personal(number), path)
    return paths


def stacked(paths):
    every = [tensors.weights(mlmodel.read(path)) for path in paths]
    return {name: np.stack([each[name] for each in every]).astype(np.float64) for name in every[0]}


@pytest.mark.parametrize("shares", [None, (1, 2, 1, 0, 3), (0.1, 0.1, 0.1, 0.1, 0.1)])
def test_the_mean_is_that_of_numpy(users, shares):
    found = average(users, shares)
    for name, values in stacked(users).items():
        expected = np.average(values, axis=0, weights=shares).astype(np.float32)
        np.testing.assert_array_equal(tensors.weights(found)[name], expected)


def test_all_else_is_that_of_the_first(users):
    found, first = average(users), mlmodel.read(users[0])
    assert without_learned(found) == without_learned(first)
    assert mlmodel.serialize(found) != mlmodel.serialize(first)


def test_files_that_are_written_otherwise_have_the_same_mean(users, tmp_path):
    """A version of the format, a note: they are parsed, and not read from the same places."""
    other, path = mlmodel.read(users[1]), tmp_path / "other.mlmodel"
    other.description.metadata.shortDescription = "mine"
    other.specificationVersion = 5
    mlmodel.write(other, path)
    found = average([users[0], path, *users[2:]])
    assert tensors.weights(found)["head/bias"].tobytes() == (
        tensors.weights(average(users))["head/bias"].tobytes()
    )


def test_a_pipeline_is_averaged_in_its_last_model(tmp_path):
    paths = [tmp_path / "a.mlmodel", tmp_path / "b.mlmodel"]
    for number, path in enumerate(paths):
        mlmodel.write(in_pipeline(personal(number), ["features", "learning"]), path)
    found = tensors.weights(average(paths))
    for name, values in stacked(paths).items():
        np.testing.assert_array_equal(found[name], values.mean(axis=0).astype(np.float32))


def other_layer(spec):
    spec.neuralNetwork.layers[1].activation.tanh.SetInParent()


def renamed(spec):
    spec.neuralNetwork.layers[2].name = "pool_2"


def one_more(spec):
    spec.neuralNetwork.layers.add(name="extra", input=["y"], output=["w"]).softmax.SetInParent()


def frozen_weights(spec):
    spec.neuralNetwork.layers[0].convolution.weights.floatValue[3] += 1e-6


def other_input(spec):
    spec.description.input[0].name = "picture"


def other_loss(spec):
    spec.neuralNetwork.updateParams.lossLayers[0].name = "loss_2"


def scaled(spec):
    spec.neuralNetwork.preprocessing.add().scaler.channelScale = 2


def a_pipeline(spec):
    spec.CopyFrom(in_pipeline(spec))


STRANGERS = {
    other_layer: "the settings of layer 'relu' differ",
    renamed: "the layers differ: 'pool' is not in its place",
    one_more: "the layers differ: 'extra' is one more",
    frozen_weights: "the frozen weights of layer 'conv' differ",
    other_input: "the inputs or outputs differ",
    other_loss: "the losses differ",
    scaled: "what happens to the pixels of the input differs",
    a_pipeline: "the kinds of the models differ",
}


@pytest.mark.parametrize("change", STRANGERS, ids=lambda change: change.__name__)
def test_models_of_another_origin_are_refused(change, users, tmp_path):
    spec = personal(7)
    change(spec)
    path = tmp_path / "stranger.mlmodel"
    mlmodel.write(spec, path)
    with pytest.raises(DataError) as error:
        average([*users, path])
    words = f"{path}: does not descend from the same file as {users[0]}: {STRANGERS[change]}"
    assert str(error.value).startswith(words)


def test_labels_that_differ_are_named(tmp_path):
    from tests.converting import convert, small_cnn

    first, _ = convert(small_cnn(3), tmp_path, classes=["a", "b", "c"], verify=False)
    other, _ = convert(small_cnn(3), tmp_path, classes=["a", "b", "d"], verify=False)
    assert difference(without_learned(first), without_learned(other)) == "the class labels differ"


WRONG = {
    "none": ((), None, UsageError, "there are no models"),
    "too few weights": ((0, 1), (1,), UsageError, "--weights: 1 numbers for 2 models"),
    "negative": ((0, 1), (1, -1), UsageError, "--weights: -1 is no weight"),
    "NaN": ((0, 1), (1, float("nan")), UsageError, "--weights: nan is no weight"),
    "infinite": ((0, 1), (1, float("inf")), UsageError, "--weights: inf is no weight"),
    "all zero": ((0, 1), (0, 0), UsageError, "--weights: their sum is 0; give some that count"),
    "twice": ((0, 1, 0), None, UsageError, "is the same file as"),
}


@pytest.mark.parametrize("name", WRONG)
def test_means_that_make_no_sense_are_refused(name, users):
    chosen, shares, kind, words = WRONG[name]
    with pytest.raises(kind, match=words):
        average([users[number] for number in chosen], shares)


def test_a_weight_that_is_no_number_is_found(users, tmp_path):
    spec, path = personal(8), tmp_path / "odd.mlmodel"
    spec.neuralNetwork.layers[6].innerProduct.bias.floatValue[2] = float("nan")
    mlmodel.write(spec, path)
    with pytest.raises(DataError, match=r"odd\.mlmodel: 'head/bias' holds a value that"):
        average([*users, path])


def test_what_is_no_model_is_named(users, tmp_path):
    path = tmp_path / "text.mlmodel"
    path.write_bytes(b"x" * users[0].stat().st_size)
    with pytest.raises(ModelFileError, match=r"text\.mlmodel: holds no model"):
        average([*users, path])


def test_how_far_weights_moved_apart():
    first = {"a/bias": np.array([3, 4], np.float32), "b/bias": np.zeros(1, np.float32)}
    second = {"a/bias": np.array([3, 5], np.float32), "b/bias": np.ones(1, np.float32)}
    moved, other = movements(first, second)
    assert (moved.largest, moved.distance, moved.relative) == (1, 1, pytest.approx(0.2))
    assert other.relative == np.inf
    with pytest.raises(DataError, match="'b/bias' of the first model is missing in the second"):
        list(movements(first, {"a/bias": second["a/bias"]}))
    with pytest.raises(DataError, match=r"'a/bias' has the shapes \[2\] and \[1\]"):
        list(movements({"a/bias": np.zeros(2)}, {"a/bias": np.zeros(1)}))
