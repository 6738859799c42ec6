"""Whatever ends a model: a loss is attached where that is exact, else the advice works."""

import re
from functools import cache

import numpy as np
import pytest

from converter import runtime
from converter.backend.tensorflow import keras
from converter.conversion.traced import loss_of, traced
from converter.errors import MakeUpdatableError, NotUpdatableError, UnsupportedError, UsageError
from converter.learning.network import learning_network
from converter.loading import compile_settings_of
from converter.recipe import LOSSES, Recipe
from tests.converting import convert
from tests.lower.oracle import randomized, sequential

L = keras.layers
CLASS_LOSS = "sparse_categorical_crossentropy"


def dense(units, activation=None, *more):
    return lambda: sequential(
        (5,), L.Dense(4, activation="relu", name="below"),
        L.Dense(units, activation=activation, name="head"), *[make() for make in more],
    )  # fmt: skip


def ensemble():
    x = keras.Input((5,))
    members = [L.Dense(3, activation="softmax", name=name)(x) for name in "ab"]
    return randomized(keras.Model(x, L.Average(name="mean")(members)))


def residual():
    x = keras.Input((5,))
    return randomized(keras.Model(x, L.Add()([L.Dense(3, name=name)(x) for name in "ab"])))


BENT = {
    "sigmoid": dense(3, "sigmoid"),
    "relu": dense(3, "relu"),
    "tanh": dense(3, "tanh"),
    "softplus": dense(3, "softplus"),
    "softsign": dense(3, "softsign"),
    "swish": dense(3, "swish"),
    "gelu": dense(3, "gelu"),
    "hard sigmoid": dense(3, "hard_sigmoid"),
    "leaky": dense(3, "leaky_relu"),
    "elu": dense(3, "elu"),
    "exponential": dense(3, "exponential"),
    "log softmax": dense(3, "log_softmax"),
    "layer sigmoid": dense(3, None, lambda: L.Activation("sigmoid")),
    "layer relu": dense(3, None, L.ReLU),
    "layer prelu": dense(3, None, L.PReLU),
    "layer leaky": dense(3, None, L.LeakyReLU),
    "sigmoid, rescaled": dense(3, "sigmoid", lambda: L.Rescaling(2.0)),
    "softmax, rescaled": dense(3, "softmax", lambda: L.Rescaling(2.0)),
    "sigmoid, normalized": dense(3, "sigmoid", L.BatchNormalization),
    "layer normalization": dense(3, None, L.LayerNormalization),
    "softmaxes, averaged": ensemble,
}
LINEAR = {
    "linear": dense(3),
    "rescaled": dense(3, None, lambda: L.Rescaling(2.0, 1.0)),
    "normalized": dense(3, None, L.BatchNormalization),
    "reshaped": dense(3, None, lambda: L.Reshape((3,))),
}
SINGLE = {
    "one linear": dense(1),
    "one sigmoid": dense(1, "sigmoid"),
    "one tanh": dense(1, "tanh"),
    "one relu": dense(1, "relu"),
    "one sigmoid, rescaled": dense(1, "sigmoid", lambda: L.Rescaling(2.0)),
}
SOFTMAX = {"softmax": dense(3, "softmax"), "softmax of two": dense(2, "softmax")}
MODELS = {"sum": residual, **BENT, **LINEAR, **SINGLE, **SOFTMAX}
HOPELESS = {
    "sum", "softplus", "softsign", "swish", "gelu", "hard sigmoid", "leaky", "elu", "exponential",
    "log softmax", "layer prelu", "layer leaky", "sigmoid, rescaled", "softmax, rescaled",
    "sigmoid, normalized", "layer normalization", "softmaxes, averaged", "one sigmoid, rescaled",
}  # fmt: skip
"""What no gradient of Core ML passes: nothing is advised."""

COMPILED = (
    None, "mse", "mae", "binary_crossentropy", CLASS_LOSS, "categorical_focal_crossentropy",
    "kl_divergence", keras.losses.CategoricalCrossentropy(from_logits=True),
    keras.losses.BinaryCrossentropy(from_logits=True),
)  # fmt: skip


def compiled(name, loss):
    model = MODELS[name]()
    if loss is not None:
        model.compile("adam", loss)
    return model


@cache
def found(name):
    return traced(MODELS[name](), Recipe(model="m.h5"))


@cache
def settings(loss):
    """Return those of a model with one output, whatever that is."""
    return compile_settings_of(compiled("softmax", loss))


def attempt(name, compile_settings, **options):
    """Make a network of the traced model that would learn by the loss that was chosen."""
    recipe = Recipe(model="m.h5", **options)
    loss = loss_of(found(name), compile_settings, recipe)
    learning_network(found(name), loss, recipe.layers)


def refusal(*how, **options):
    """Return the message of a refusal; empty if a network could be made."""
    try:
        attempt(*how, **options)
    except MakeUpdatableError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_advice_works(name, tmp_path):
    """Whatever loss an error names, the conversion succeeds with it, down to the written file."""
    messages = [refusal(name, None, loss=asked) for asked in LOSSES]
    messages += [refusal(name, settings(loss)) for loss in COMPILED]
    assert not any("\n" in message for message in messages)
    advised = {loss for message in messages for loss in re.findall(r"--loss (\w+)", message)}
    assert bool(advised) == (name not in HOPELESS)
    for loss in advised:
        _, report = convert(MODELS[name](), tmp_path, loss=loss)
        assert report.parity <= 1e-4


@pytest.mark.parametrize("name", BENT)
def test_class_losses_on_no_logits_are_refused(name):
    for asked in (None, "categorical_crossentropy"):
        with pytest.raises(UnsupportedError, match="on a softmax only"):
            attempt(name, settings(CLASS_LOSS), loss=asked)


@pytest.mark.parametrize("name", LINEAR)
def test_linear_outputs_are_logits_if_asked_and_the_softmax_is_told(name, tmp_path):
    model = compiled(name, CLASS_LOSS)
    with pytest.raises(UnsupportedError, match=r"--loss categorical_crossentropy \(takes"):
        convert(model, tmp_path)
    spec, report = convert(model, tmp_path, loss="categorical_crossentropy")
    assert any("softmax was appended" in note for note in report.notes)
    x = np.random.default_rng(0).uniform(-1, 1, (4, 5)).astype(np.float32)
    expected = keras.ops.softmax(model(x, training=False)).numpy()
    np.testing.assert_allclose(runtime.predict(spec, {"input": x})["output"], expected, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_what_is_compiled_as_logits_is_taken_so_and_told(activation, tmp_path):
    """Keras trains the softmax of these outputs; so does the device."""
    model = dense(3, activation)()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for asked in (None, "categorical_crossentropy"):
        _, report = convert(model, tmp_path, loss=asked)
        assert any("softmax was appended" in note for note in report.notes)


@pytest.mark.parametrize("loss", [None, "mse", "mae", "binary_crossentropy"])
def test_a_single_logit_becomes_two_classes_if_asked(loss, tmp_path):
    model = compiled("one linear", loss)
    spec, report = convert(model, tmp_path, loss="binary_crossentropy")
    assert any("became a softmax over two classes, softmax([0, z])" in n for n in report.notes)
    x = np.random.default_rng(0).uniform(-1, 1, (4, 5)).astype(np.float32)
    p = keras.ops.sigmoid(model(x)).numpy()
    found = runtime.predict(spec, {"input": x})["output"]
    np.testing.assert_allclose(found, np.concatenate([1 - p, p], 1), atol=1e-6)


def test_a_single_linear_unit_is_no_probability(tmp_path):
    with pytest.raises(UnsupportedError, match="not in a sigmoid"):
        convert(compiled("one linear", "binary_crossentropy"), tmp_path)


def test_a_single_number_without_a_loss_is_offered_what_fits(tmp_path):
    with pytest.raises(UsageError) as caught:
        convert(compiled("one linear", None), tmp_path)
    assert "--loss binary_crossentropy" in str(caught.value)
    assert "--loss mean_squared_error" in str(caught.value)
    assert "categorical_crossentropy" not in str(caught.value)


def test_a_softmax_of_one_unit_is_refused(tmp_path):
    model = dense(1, "softmax")()
    model.compile("adam", "binary_crossentropy")
    with pytest.raises(UnsupportedError, match="always 1"):
        convert(model, tmp_path)


def test_averaged_softmaxes_are_refused_truthfully(tmp_path):
    model = compiled("softmaxes, averaged", "categorical_crossentropy")
    with pytest.raises(UnsupportedError, match=r"'mean' \(Average\), behind a softmax; nor can"):
        convert(model, tmp_path)
    with pytest.raises(NotUpdatableError, match="'mean'"):
        convert(model, tmp_path, loss="mean_squared_error")


def test_advice_counts_the_classes(tmp_path):
    """Two labels fit the two classes of a binary head, not the one number of a regression."""
    with pytest.raises(UsageError) as caught:
        convert(compiled("one linear", None), tmp_path, classes=("no", "yes"))
    assert re.findall(r"--loss (\w+)", str(caught.value)) == ["binary_crossentropy"]
