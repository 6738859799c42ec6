"""The weights of a model by name, in the shape and order that Keras has."""

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.coreml import mlmodel
from converter.coreml.keras_order import KerasOrder
from converter.errors import DataError, ModelFileError, TrainingError
from converter.weights import archive, tensors
from tests.pipelines import in_pipeline
from tests.runtime.updatable import digits, finish, floats_of

NAMES = [f"{layer}/{kind}" for layer in ("conv", "dense", "head") for kind in ("kernel", "bias")]


@pytest.fixture
def spec():
    return digits()


def flattened(mode):
    """A picture [2, 3, 4], perhaps through a ReLU behind the flatten, into a dense layer of 5."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(2, 3, 4))], [("y", datatypes.Array(5))])
    builder.add_flatten("flat", mode, "x", "f")
    builder.add_activation("relu", "RELU", "f", "r")
    weights = np.random.default_rng(0).normal(size=(5, 24)).astype(np.float32)
    builder.add_inner_product("dense", weights, np.zeros(5), 24, 5, True, "r", "y")
    return finish(builder, ["dense"], None, loss=datatypes.Array(5)), weights


def test_names_and_shapes_are_those_of_keras(spec):
    found = tensors.weights(spec)
    assert list(found) == NAMES
    assert [found[name].shape for name in NAMES] == [
        (3, 3, 1, 4), (4,), (676, 16), (16,), (16, 10), (10,),
    ]  # fmt: skip
    stored = floats_of(spec, "conv").reshape(4, 1, 3, 3)
    np.testing.assert_array_equal(found["conv/kernel"], stored.transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(found["head/kernel"], floats_of(spec, "head").reshape(10, 16).T)


def test_only_what_learns_is_meant_unless_asked_for():
    spec = digits(layers=("head",))
    assert list(tensors.weights(spec)) == ["head/kernel", "head/bias"]
    assert list(tensors.weights(spec, frozen=True)) == NAMES


def test_behind_a_flatten_channel_by_channel_inputs_are_in_the_order_of_keras():
    """Of another tool's file: Keras flattens [3, 4, 2], so input (h, w, c) is c, h, w there."""
    spec, weights = flattened(mode=0)
    kernel = tensors.weights(spec)["dense/kernel"]
    for c, h, w in ((0, 0, 0), (1, 0, 0), (0, 2, 1), (1, 2, 3)):
        np.testing.assert_array_equal(kernel[(h * 4 + w) * 2 + c], weights[:, (c * 3 + h) * 4 + w])
    x = np.random.default_rng(1).random((1, 2, 3, 4)).astype(np.float32)
    from converter.runtime import predict

    expected = x.transpose(0, 2, 3, 1).reshape(1, -1) @ kernel
    np.testing.assert_allclose(predict(spec, {"x": x})["y"], expected, rtol=1e-5)


def test_behind_a_flatten_pixel_by_pixel_they_are_as_stored():
    spec, weights = flattened(mode=1)
    np.testing.assert_array_equal(tensors.weights(spec)["dense/kernel"], weights.T)


@pytest.mark.parametrize("mode", [0, 1])
def test_what_was_got_can_be_put_in_again(mode):
    spec, _ = flattened(mode)
    before = spec.SerializeToString()
    tensors.put(spec, tensors.weights(spec))
    assert spec.SerializeToString() == before
    tensors.put(spec, {name: array + 1 for name, array in tensors.weights(spec).items()})
    assert spec.SerializeToString() != before
    tensors.put(spec, {name: array - 1 for name, array in tensors.weights(spec).items()})
    again, _ = flattened(mode)
    np.testing.assert_allclose(floats_of(spec, "dense"), floats_of(again, "dense"), atol=1e-6)


def test_two_rows_are_one_unit():
    """softmax([a, b])[1] = sigmoid(b - a)."""
    order = KerasOrder((3, 1), (1, 0), None, is_doubled=True)
    stored = np.array([1, 2, 3, 1.5, 2.25, 3.125], np.float32)
    unit = order.to_keras(stored)
    np.testing.assert_array_equal(unit, [[0.5], [0.25], [0.125]])
    np.testing.assert_array_equal(order.to_core_ml(unit), [0, 0, 0, 0.5, 0.25, 0.125])


def given(spec, **changes):
    """Return the weights of `spec` with changes; a None takes one away."""
    found = {
        name: changes.pop(name.replace("/", "_"), a) for name, a in tensors.weights(spec).items()
    }
    return {name: array for name, array in (found | changes).items() if array is not None}


WRONG = {
    "missing": ({"head_bias": None}, "'head/bias' is missing"),
    "unknown": ({"neck/bias": np.zeros(3)}, "'neck/bias' is no weight of the model; it has conv/"),
    "shape": ({"head_bias": np.zeros((10, 1))}, r"has the shape \[10, 1\], not \[10\]"),
    "NaN": ({"head_bias": np.full(10, np.nan)}, "'head/bias': holds a value that"),
    "too large": ({"head_bias": np.full(10, 1e300)}, "'head/bias': holds a value that"),
    "text": ({"head_bias": np.full(10, "1")}, "'head/bias': holds <U1, not numbers"),
    "truth": ({"head_bias": np.full(10, True)}, "'head/bias': holds bool, not numbers"),
    "complex": ({"head_bias": np.full(10, 1j)}, "'head/bias': holds complex128, not numbers"),
    "frozen": ({"conv/bias": np.ones(4)}, "'conv/bias' is frozen in the model"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_weights_that_do_not_fit_change_nothing(name):
    changes, words = WRONG[name]
    spec = digits(layers=("dense", "head"))
    before = spec.SerializeToString()
    with pytest.raises(DataError, match=words):
        tensors.put(spec, given(spec, **changes))
    assert spec.SerializeToString() == before


def test_frozen_weights_may_be_given_if_they_are_equal():
    spec = digits(layers=("head",))
    found = tensors.weights(spec, frozen=True) | {"head/bias": np.arange(10)}
    tensors.put(spec, found)
    assert floats_of(spec, "head", "bias").tolist() == list(range(10))


def test_a_pipeline_has_the_weights_of_its_last_model(spec):
    assert list(tensors.weights(in_pipeline(spec, ["features", "learning"]))) == NAMES


def not_updatable(spec):
    for layer in spec.neuralNetwork.layers:
        layer.isUpdatable = False


def by_neighbors(spec):
    spec.kNearestNeighborsClassifier.SetInParent()


def twice_one_name(spec):
    spec.neuralNetwork.layers[0].name = "dense"


def too_few(spec):
    del spec.neuralNetwork.layers[0].convolution.weights.floatValue[3:]


def half_precision(spec):
    params = spec.neuralNetwork.layers[0].convolution.weights
    params.float16Value = bytes(2 * len(params.floatValue))
    params.ClearField("floatValue")


def without_sizes(spec):
    spec.neuralNetwork.layers[0].convolution.kernelChannels = 0


ODD = {
    not_updatable: (TrainingError, "the model is not updatable, so none of its weights learns"),
    by_neighbors: (TrainingError, "learns by its nearest neighbours: it keeps samples and has no"),
    twice_one_name: (ModelFileError, "two layers are called 'dense'"),
    too_few: (ModelFileError, "layer 'conv': its kernel has 3 of 36 values"),
    half_precision: (ModelFileError, "layer 'conv': its kernel is not stored in 32-bit floats"),
    without_sizes: (ModelFileError, "layer 'conv': does not say the sizes"),
}


@pytest.mark.parametrize("change", ODD, ids=lambda change: change.__name__)
def test_models_whose_weights_make_no_sense_are_refused(change, spec):
    kind, words = ODD[change]
    change(spec)
    with pytest.raises(kind, match=words):
        tensors.weights(spec)


def test_an_archive_is_what_numpy_reads(spec, tmp_path):
    found = tensors.weights(spec)
    archive.write(tmp_path / "w.npz", found)
    with np.load(tmp_path / "w.npz") as stored:
        assert list(stored) == NAMES
        np.testing.assert_array_equal(stored["conv/kernel"], found["conv/kernel"])
    shapes = {name: array.shape for name, array in found.items()}
    again = archive.read(tmp_path / "w.npz", shapes)
    assert {name: array.tobytes() for name, array in again.items()} == {
        name: array.tobytes() for name, array in found.items()
    }


def text(path):
    path.write_text("x")


def pickled(path):
    np.savez(path, **{"a/bias": np.array([object()])})


def enormous(path):
    """An array of a hundred gigabytes, of which only the head is there."""
    import zipfile

    head = {"descr": "<f8", "fortran_order": False, "shape": (10**10,)}
    with zipfile.ZipFile(path, "w") as file, file.open("a/bias.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, head)


def of_another_model(path):
    np.savez(path, **{"b/bias": np.zeros(1)})


BROKEN = {
    text: "is no .npz archive of weights",
    pickled: "is no .npz archive of weights",
    enormous: r"'a/bias': has the shape \[10000000000\], not \[1\]",
    of_another_model: "'b/bias' is no weight of the model; it has a/bias",
}


@pytest.mark.parametrize("write", BROKEN, ids=lambda write: write.__name__)
def test_other_archives_are_refused(write, tmp_path):
    path = tmp_path / "w.npz"
    write(path)
    with pytest.raises(DataError, match=BROKEN[write]) as error:
        archive.read(path, {"a/bias": (1,)})
    assert str(path) in str(error.value)


def test_a_missing_archive_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        archive.read(tmp_path / "none.npz", {})


def test_reading_weights_needs_no_tensorflow(tmp_path):
    from tests.test_architecture import HEAVY, modules_after

    path = tmp_path / "m.mlmodel"
    mlmodel.write(digits(), path)
    code = f"from converter.cli import run; assert run(['weights', 'list', {str(path)!r}]) == 0"
    assert not HEAVY & modules_after(code)
