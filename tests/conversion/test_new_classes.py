"""Models converted with a new head or spare classes: what is written, proven, and refused."""

import json

import numpy as np
import pytest

import converter
from converter import runtime
from converter.backend.tensorflow import keras
from converter.conversion import story
from converter.conversion.new_classes import NEW_CLASSES_KEY
from converter.coreml import mlmodel
from converter.coreml.features import labels
from converter.errors import MakeUpdatableError, NotUpdatableError, ParityError, UsageError
from tests.converting import IMAGE, binary, convert, small_cnn, updatable_names
from tests.lower.oracle import batch_for, randomized, sequential

L = keras.layers
ABC, PQRS = ("a", "b", "c"), ("p", "q", "r", "s")


@pytest.fixture(scope="module")
def headed():
    """A cat-or-dog network with a head for three classes, and the Keras model it comes from."""
    model = binary()
    return model, converter.convert(model, classes=ABC, new_head=True, seed=5, verify_update=True)


@pytest.fixture(scope="module")
def spared():
    model = small_cnn()
    options = {"classes": PQRS, "spare_classes": 2, "verify_update": True}
    return model, converter.convert(model, **options)


def samples(model):
    """Return the same random pictures as each of both models takes them."""
    (x,) = batch_for(model)
    return x, {"image": x.transpose(0, 3, 1, 2)}


def said(made, words):
    return [note for note in made.report.notes if words in note]


def test_a_sigmoid_unit_makes_room_for_three_classes(headed):
    model, made = headed
    assert labels(made.spec) == list(ABC)
    assert updatable_names(made.spec) == ["dense_5", "dense_6"]
    (head,) = (x for x in made.spec.neuralNetworkClassifier.layers if x.name == "dense_6")
    limit = np.sqrt(6 / (6 + 3))
    kernel = np.random.default_rng(5).uniform(-limit, limit, (6, 3)).astype(np.float32)
    np.testing.assert_array_equal(mlmodel.floats(head.innerProduct.weights), kernel.T.ravel())
    np.testing.assert_array_equal(mlmodel.floats(head.innerProduct.bias), np.zeros(3))
    assert made.report.loss == "categorical_crossentropy"
    assert made.report.parity <= 1e-5
    assert said(made, "2 update steps equal Keras's")
    (note,) = said(made, "layer 'dense_6' (Dense) is new: 6 × 3 weights, made by Glorot's rule")
    assert made.spec.description.metadata.userDefined[NEW_CLASSES_KEY] == note
    x, ours = samples(model)
    below = keras.Model(model.inputs[0], model.get_layer("dense_5").output)
    found = runtime.features_below(made.spec, ours, "classProbability")
    np.testing.assert_allclose(found.reshape(3, -1), below(x), rtol=1e-5, atol=1e-6)


def test_spare_classes_come_after_the_others(spared):
    model, made = spared
    assert labels(made.spec) == [*PQRS, "spare-1", "spare-2"]
    x, ours = samples(model)
    found = runtime.predict(made.spec, ours)
    np.testing.assert_allclose(found["classProbability"][:, :4], model(x), atol=1.1e-5)
    assert 0 < found["classProbability"][:, 4:].sum(1).max() <= 1e-5
    assert made.report.parity <= 2e-5
    assert said(made, "2 update steps equal Keras's")
    assert said(made, "has 2 spare output(s): each starts 10.8 below the mean of the 4 logits")


@pytest.mark.parametrize("which", ["headed", "spared"])
def test_a_model_that_was_converted_is_verified_with_the_same_new_classes(which, request):
    _, made = request.getfixturevalue(which)
    result = made.verify()
    assert result.passed()
    assert {tensor.name for tensor in result.tensors} >= {"dense_6.weights", "dense_6.bias"}


def test_a_spare_class_is_learned(spared):
    """It is never predicted before."""
    _, made = spared
    x = np.random.default_rng(0).uniform(0, 1, (8, *IMAGE)).astype(np.float32)
    learned = made.train(x, np.full(8, "spare-1"), epochs=60, learning_rate=0.05)
    assert set(learned.predict(x)["classLabel"]) == {"spare-1"}
    assert set(made.predict(x)["classLabel"]) <= set(PQRS)


@pytest.mark.parametrize(
    ("given", "all_of_them"),
    [
        ((7, -3, 20, 5), [7, -3, 20, 5, 21, 22]),
        (("spare-1", "q", "r", "s", "t", "u"), ["spare-1", "q", "r", "s", "t", "u"]),
    ],
)
def test_the_labels_of_spare_classes(given, all_of_them, tmp_path):
    options = {"classes": given, "spare_classes": 2, "verify": False}
    assert labels(convert(small_cnn(), tmp_path, **options)[0]) == all_of_them


def normalized():
    """A model in which a batch normalization is folded into the last dense layer."""
    model = sequential(
        IMAGE, L.Flatten(), L.Dense(8, activation="relu", name="below"),
        L.BatchNormalization(name="bn"), L.Dropout(0.5), L.Dense(4, use_bias=False, name="head"),
        L.Activation("softmax"),
    )  # fmt: skip
    model.compile("sgd", "categorical_crossentropy")
    return model


def nested():
    x, top = keras.Input(IMAGE), keras.Sequential([keras.Input((4,)), L.Dense(2, name="h")])
    base = keras.Sequential([keras.Input(IMAGE), L.Conv2D(4, 3), L.GlobalAveragePooling2D()])
    model = randomized(keras.Model(x, L.Softmax()(top(base(x, training=False)))))
    model.compile("adam", "categorical_crossentropy")
    return model


def two_outputs():
    """Two inputs, of which one output reads one alone."""
    x, y = keras.Input((6,), name="x"), keras.Input((3,), name="y")
    joined = L.Dense(5, activation="relu", name="both")(L.Concatenate()([x, y]))
    outputs = [
        L.Dense(2, activation="softmax", name=n)(v) for n, v in (("one", joined), ("two", y))
    ]
    model = randomized(keras.Model([x, y], outputs))
    model.compile("adam", {"one": "categorical_crossentropy", "two": "categorical_crossentropy"})
    return model


FORMS = {
    "folded, a new head": (normalized, {"new_head": "glorot"}),
    "folded, spare classes": (normalized, {"spare_classes": 1, "classes": PQRS}),
    "inside a model, spare": (nested, {"spare_classes": 1, "classes": ("p", "q")}),
    "an input that nothing reads": (two_outputs, {"output": "two", "new_head": "glorot"}),
    "half precision below": (
        small_cnn, {"new_head": "zeros", "frozen_weights": "float16", "layers": ("dense_6",)}),
    "8 bits below": (
        small_cnn, {"spare_classes": 1, "classes": PQRS, "frozen_weights": "int8",
                    "layers": ("dense_6",)}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_model_is_proven(form, tmp_path):
    make, options = FORMS[form]
    _, report = convert(make(), tmp_path, **{"classes": ABC, "verify_update": True, **options})
    assert [note for note in report.notes if "2 update steps equal Keras's to " in note]
    assert report.parity is not None
    assert report.doubt == ""


def test_zeros_do_not_tell_what_was_folded_into_them(tmp_path):
    options = {"classes": ABC, "new_head": "zeros"}
    _, report = convert(normalized(), tmp_path, **options, verify_update=True)
    assert [note for note in report.notes if "no update step was compared: 'head'" in note]
    with pytest.raises(ParityError, match="'head': its weights are all zero, so they do not tell"):
        converter.convert(normalized(), **options).verify()


def test_wrong_features_below_a_head_of_zeros_are_noticed(tmp_path, monkeypatch):
    """Its predictions are the same whatever it gets, so that they prove nothing."""
    read = mlmodel.read

    def changed(path):
        spec = read(path)
        below = next(x for x in spec.neuralNetworkClassifier.layers if x.name == "dense_5")
        below.innerProduct.bias.floatValue[:] = [0.5] * 6
        return spec

    monkeypatch.setattr(story.mlmodel, "read", changed)
    with pytest.raises(ParityError, match="the features below the new head differ from Keras's by"):
        convert(small_cnn(), tmp_path, classes=ABC, new_head="zeros")
    assert not list(tmp_path.iterdir())


REFUSED = {
    "one label": ({"new_head": "glorot", "classes": ("a",)}, UsageError, "one class leaves"),
    "twice the same": ({"new_head": "glorot", "classes": ("a", "a")}, UsageError, "given twice"),
    "too few labels": ({"spare_classes": 2, "classes": ABC}, UsageError,
                       "3 class labels for 4 outputs of the model and 2 spare; give 4, or 6"),
    "too many labels": ({"spare_classes": 1, "classes": (*PQRS, "t", "u")}, UsageError, "give 4, "),
    "a name that is taken": ({"spare_classes": 1, "classes": ("spare-1", *PQRS[1:])}, UsageError,
                             "class label 'spare-1' is taken"),
    "no number is left": ({"spare_classes": 1, "classes": (1, 2, 3, 2**63 - 1)}, UsageError,
                          "no numbers are left above"),
    "a head that stays frozen": (
        {"new_head": "glorot", "classes": ABC, "layers": ("dense_5",)}, NotUpdatableError,
        "learned in 'dense_6', which is not among the layers that learn; add it to --layers"),
    "spare classes that stay": (
        {"spare_classes": 1, "classes": PQRS, "layers": ("conv",)}, NotUpdatableError, "'dense_6'"),
    "no new head, more labels": ({"classes": (*PQRS, "t")}, UsageError, "5 class labels for 4 out"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_nothing(name, tmp_path):
    options, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words) as caught:
        convert(small_cnn(), tmp_path, **options)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_head_larger_than_a_file_is_refused_before_it_is_made(monkeypatch, tmp_path):
    model = small_cnn()
    monkeypatch.setattr(mlmodel, "LARGEST_MESSAGE", 100_000)
    monkeypatch.setattr(np.random, "default_rng", lambda *_: pytest.fail("it was made"))
    with pytest.raises(MakeUpdatableError, match="at most"):
        convert(model, tmp_path, new_head="glorot", classes=tuple(range(5000)))


def test_the_recipe_in_the_file_says_it(spared):
    assert (
        "spare_classes: 2"
        in spared[1].spec.description.metadata.userDefined["make-updatable.recipe"]
    )
    assert json.dumps(spared[1].recipe.classes) == json.dumps(PQRS)  # as it was given
