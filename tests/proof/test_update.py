"""Gradients and steps of the reference runtime against Keras's, on converted models."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import converter
from converter import runtime
from converter.backend.tensorflow import keras, tf
from converter.coreml import mlmodel
from converter.errors import ParityError, TrainingError
from converter.proof import gradients
from converter.proof.update import update_checked, verify
from converter.runtime import optimizers
from tests.converting import convert

L = keras.layers
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.02),
    "momentum": lambda: keras.optimizers.SGD(0.02, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.002),
}


def lenet():
    return [
        keras.Input((28, 28, 1)),
        L.Conv2D(8, 3, activation="relu", name="conv1"), L.MaxPooling2D(),
        L.Conv2D(8, 2, activation="relu", name="conv2"), L.MaxPooling2D(), L.Flatten(),
        L.Dense(50, activation="relu", name="dense1"),
        L.Dense(10, activation="softmax", name="head"),
    ]  # fmt: skip


def small(units, activation):
    """Everything that Core ML leaves out is here: dropout, penalties, constraints."""
    return [
        keras.Input((16, 15, 3)),
        L.Conv2D(6, 3, padding="same", activation="relu", name="conv1"), L.MaxPooling2D(),
        L.Dropout(0.5),
        L.Conv2D(8, 3, strides=2, padding="same", activation="tanh", name="conv2"),
        L.AveragePooling2D(2), L.Flatten(),
        L.Dense(12, activation="sigmoid", kernel_regularizer="l2", name="dense1",
                activity_regularizer="l2"),
        L.Dense(units, activation=activation, bias_constraint="non_neg", name="head"),
    ]  # fmt: skip


def classes():
    return small(2, "softmax")


def tiny():
    return [
        keras.Input((6, 5, 2)), L.Conv2D(2, 3, activation="relu", name="conv"), L.Flatten(),
        L.Dense(2, activation="softmax", name="head"),
    ]  # fmt: skip


LOSSES = {
    "binary logit": keras.losses.BinaryCrossentropy(from_logits=True),
    "class logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def converted(make_layers, loss, optimizer, chosen, folder, seed=7, **options):
    """Layers draw the seeds of their weights when they are made."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(make_layers())
    model.compile(OPTIMIZERS[optimizer](), loss)
    spec, _ = convert(model, folder, layers=chosen, **options)
    return spec, model


CASES = {
    "lenet, all layers": (lenet, "sparse_categorical_crossentropy", ("*",)),
    "lenet, dense tail": (lenet, "sparse_categorical_crossentropy", ("dense1", "head")),
    "two classes": (lambda: small(2, "softmax"), "categorical_crossentropy", ("*",)),
    "sigmoid head alone": (lambda: small(1, "sigmoid"), "binary_crossentropy", ("head",)),
    "sigmoid and below": (lambda: small(1, "sigmoid"), "binary_crossentropy", ("*",)),
    "binary logit": (lambda: small(1, None), "binary logit", ("dense1", "head")),
    "class logits": (lambda: small(4, None), "class logits", ("*",)),
    "regression": (lambda: small(3, None), "mean_squared_error", ("*",)),
    "bounded regression": (lambda: small(1, "sigmoid"), "mean_squared_error", ("*",)),
    "a layer in the middle": (lambda: small(2, "softmax"), "categorical_crossentropy", ("conv2",)),
}


@pytest.mark.parametrize(
    ("case", "optimizer"),
    [
        *[(case, "adam") for case in CASES],
        ("two classes", "sgd"), ("two classes", "momentum"), ("sigmoid and below", "momentum"),
        ("bounded regression", "sgd"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_steps_are_those_of_keras(tmp_path, case, optimizer):
    layers, loss, chosen = CASES[case]
    spec, model = converted(layers, LOSSES.get(loss, loss), optimizer, chosen, tmp_path)
    result = verify(spec, model)
    assert result.passed(), result
    assert result.predictions <= 1e-5
    learning = {layer.name for layer in mlmodel.updatable_layers(spec)}
    assert {tensor.name.split(".")[0] for tensor in result.tensors} == learning
    assert len(result.tensors) == 2 * len(learning)
    assert all(tensor.movement > 0 for tensor in result.tensors)


def test_a_whole_training_is_that_of_fit(tmp_path):
    """Two epochs whose last mini-batch is smaller: weights and losses."""

    def layers():
        return [
            keras.Input((7, 6, 2)), L.Conv2D(4, 3, activation="relu", name="conv"), L.Flatten(),
            L.Dense(5, activation="tanh", name="dense"),
            L.Dense(3, activation="softmax", name="head"),
        ]  # fmt: skip

    spec, model = converted(
        layers, "sparse_categorical_crossentropy", "momentum", ("dense", "head"), tmp_path
    )
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 7, 6, 2)).astype(np.float32), rng.integers(0, 3, 20)
    settings = runtime.settings(spec, epochs=2, batch_size=8, shuffle=False)
    samples = runtime.ArraySamples({spec.description.input[0].name: x.transpose(0, 3, 1, 2)})
    history = runtime.train(spec, runtime.Labelled(samples, y), settings)

    model.get_layer("conv").trainable = False
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), "sparse_categorical_crossentropy")
    expected = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        [epoch.loss for epoch in history.epochs], expected.history["loss"], rtol=1e-5
    )
    for layer in mlmodel.updatable_layers(spec):
        kernel, bias = model.get_layer(layer.name).get_weights()
        np.testing.assert_allclose(layer.innerProduct.bias.floatValue, bias, rtol=1e-4, atol=1e-6)
        found = np.reshape(layer.innerProduct.weights.floatValue, kernel.T.shape)
        np.testing.assert_allclose(found, kernel.T, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("image", ["rgb", "bgr"])
def test_image_inputs(tmp_path, image):
    """Scaled by options; what is scaled in the network is in conversion/test_image_order.py."""
    loss, options = "categorical_crossentropy", {"scale": 1 / 255, "bias": (-0.4, -0.5, -0.6)}
    spec, model = converted(classes, loss, "adam", ("*",), tmp_path, image=image, **options)
    assert spec.description.input[0].type.WhichOneof("Type") == "imageType"
    assert verify(spec, model).passed()


def test_gray_images_have_a_bias_of_their_own(tmp_path):
    def layers():
        return [keras.Input((4, 5, 1)), L.Flatten(), L.Dense(2, "softmax", name="head")]

    options = {"image": "gray", "scale": 1 / 255, "bias": (-0.5,)}
    spec, model = converted(layers, "categorical_crossentropy", "sgd", ("*",), tmp_path, **options)
    assert spec.neuralNetwork.preprocessing[0].scaler.grayBias == -0.5
    assert verify(spec, model).passed()


def test_classifiers(tmp_path):
    names = ("cat", "dog")
    spec, model = converted(
        classes, "categorical_crossentropy", "sgd", ("head",), tmp_path, classes=names
    )
    assert spec.WhichOneof("Type") == "neuralNetworkClassifier"
    assert verify(spec, model).passed()


def test_functional_models_with_two_inputs(tmp_path):
    keras.utils.set_random_seed(7)
    a, b = keras.Input((8, 8, 2), name="a"), keras.Input((5,), name="b")
    flat = L.Flatten()(L.Conv2D(3, 3, activation="relu", name="conv")(a))
    both = L.Concatenate()([L.Dense(6, activation="relu", name="da")(flat), b])
    model = keras.Model([a, b], L.Dense(3, activation="softmax", name="head")(both))
    model.compile("adam", "categorical_crossentropy")
    spec, _ = convert(model, tmp_path, layers=("head",))
    assert verify(spec, model).passed()


def test_models_in_models(tmp_path):
    keras.utils.set_random_seed(7)
    inner = keras.Sequential([
        keras.Input((8, 8, 2)), L.Conv2D(3, 3, activation="relu", name="conv"), L.Dropout(0.9),
        L.Flatten(), L.Dense(5, activation="relu", name="dense"),
    ], name="inner")  # fmt: skip
    model = keras.Sequential([keras.Input((8, 8, 2)), inner, L.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    spec, _ = convert(model, tmp_path, layers=("*",))
    assert len(list(mlmodel.updatable_layers(spec))) == 3
    assert verify(spec, model).passed()


def test_frozen_batch_normalization_below(tmp_path):
    def layers():
        return [
            keras.Input((10, 10, 3)), L.Conv2D(4, 3, name="conv"), L.BatchNormalization(),
            L.ReLU(), L.Flatten(), L.Dense(3, activation="softmax", name="head"),
        ]  # fmt: skip

    spec, model = converted(layers, "categorical_crossentropy", "adam", ("head",), tmp_path)
    assert verify(spec, model).passed()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Return a function that gives a model and what it became, as on the first day."""
    folder, made = tmp_path_factory.mktemp("fresh"), {}

    def give(optimizer="sgd", chosen=("*",), seed=7, layers=classes):
        key = optimizer, chosen, seed, layers
        if key not in made:
            loss = "categorical_crossentropy"
            spec, model = converted(layers, loss, optimizer, chosen, folder, seed)
            made[key] = spec, model, model.get_weights()
        spec, model, weights = made[key]
        model.set_weights(weights)
        return copy.deepcopy(spec), model

    return give


def test_another_learning_rate_fails(fresh, monkeypatch):
    """Keras learns 1 % faster than the file says."""
    whole = gradients.keras_optimizer

    def faster(settings):
        made = whole(settings)
        made.learning_rate = 1.01 * settings.numbers["learning_rate"]
        return made

    monkeypatch.setattr(gradients, "keras_optimizer", faster)
    result = verify(*fresh(layers=tiny))
    assert not result.passed()
    assert result.update == pytest.approx(0.01 / 1.01, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 7])
def test_a_gradient_that_rounding_made_is_no_reason_to_refuse(fresh, seed):
    """Adam gives it a step as large as any other: its sign is left to chance, and may differ.

    Ten steps are those of Keras.
    """
    spec, model = fresh("adam", seed=seed)
    result = verify(spec, model, steps=10)
    assert result.passed(), result
    assert result.update < 2e-5


WRONG = {
    "beta 1": ("adam", {"beta_1": 0.901}),
    "beta 2": ("adam", {"beta_2": 0.9991}),
    "epsilon": ("adam", {"epsilon": 1e-5}),
    "the rate of Adam": ("adam", {"learning_rate": 0.002001}),
    "momentum": ("momentum", {"momentum": 0.901}),
    "no momentum": ("momentum", {"momentum": 0.0}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_number_of_the_optimizer_is_seen_in_two_steps(fresh, monkeypatch, name):
    kind, number = WRONG[name]
    whole = gradients.keras_optimizer
    monkeypatch.setattr(
        gradients,
        "keras_optimizer",
        lambda settings: whole(replace(settings, numbers=settings.numbers | number)),
    )
    result = verify(*fresh(kind))
    assert not result.passed()
    assert max(tensor.gradient for tensor in result.tensors) < 1e-5


def test_adam_without_the_correction_of_its_bias_is_seen(fresh, monkeypatch):
    ones = SimpleNamespace(pow=lambda beta, step: 0.0 * step)
    raw = SimpleNamespace(**{**vars(optimizers.tf), **vars(ones)})
    monkeypatch.setattr(optimizers, "tf", raw)
    result = verify(*fresh("adam", layers=tiny))
    assert not result.passed()


def test_a_gradient_that_is_wrong_by_a_thousandth_is_seen(fresh, monkeypatch):
    """Also by Adam, whose step it hardly changes."""
    from converter.runtime import trainer

    whole = trainer.scoring

    def larger(*args):
        step = whole(*args)
        return lambda blobs, answers: (1.001 * step(blobs, answers)[0], step(blobs, answers)[1])

    monkeypatch.setattr(trainer, "scoring", larger)
    result = verify(*fresh("adam", layers=tiny))
    assert result.update == pytest.approx(1e-3, rel=0.05)
    assert not result.passed()


@pytest.mark.slow
def test_a_bias_whose_gradient_almost_vanishes_is_compared_up_to_rounding(tmp_path):
    """A head that knows nothing is wrong in half of its answers: its bias has nothing to learn."""
    keras.utils.set_random_seed(7)
    model = keras.Sequential(small(1, "sigmoid"))
    model.get_layer("head").bias.assign([0.0])
    model.get_layer("head").kernel.assign(1e-6 * model.get_layer("head").kernel)
    model.compile("adam", "binary_crossentropy")
    spec, _ = convert(model, tmp_path, layers=("*",))
    assert verify(spec, model, steps=5).passed()


def test_nothing_moved_is_no_pass(fresh):
    spec, model = fresh()
    spec.neuralNetwork.updateParams.optimizer.sgdOptimizer.learningRate.defaultValue = 0.0
    result = verify(spec, model)
    assert result.update < 1e-5
    assert not result.passed()


def test_a_tampered_frozen_weight_is_seen_in_the_predictions(fresh):
    spec, model = fresh(chosen=("head",))
    params = spec.neuralNetwork.layers[0].convolution.weights
    params.floatValue[0] += 0.5
    with pytest.raises(ParityError, match="the predictions differ by"):
        verify(spec, model)


def test_a_tampered_weight_without_effect_is_seen_too(fresh):
    spec, model = fresh()
    params = spec.neuralNetwork.layers[0].convolution.weights
    params.floatValue[0] += 1e-7
    with pytest.raises(ParityError, match="its weights are not those of any layer"):
        verify(spec, model)


def with_statistics(model):
    """Give the batch normalizations of `model` values that a training might have left."""
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


FOLDED = {
    "after a convolution": [
        L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="bn"), L.ReLU(), L.Flatten(),
    ],
    "after a convolution without bias": [
        L.Conv2D(4, 3, use_bias=False, name="conv"), L.BatchNormalization(name="bn"), L.ReLU(),
        L.Flatten(),
    ],
    "after a dense layer": [
        L.Flatten(), L.Dense(6, name="dense"), L.BatchNormalization(scale=False), L.ReLU(),
    ],
    "before a dense layer": [
        L.Flatten(), L.Dense(6, activation="relu", name="dense"), L.BatchNormalization(),
    ],
    "before a dense layer of as many units": [
        L.Flatten(), L.Dense(3, activation="relu", name="dense"), L.BatchNormalization(),
    ],
    "twice": [
        L.Conv2D(4, 3, name="conv"), L.BatchNormalization(), L.ReLU(),
        L.Conv2D(5, 3, name="conv2", use_bias=False), L.BatchNormalization(), L.ReLU(),
        L.Flatten(),
    ],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDED)
def test_folded_batch_normalization_is_folded_in_keras_too(tmp_path, name):
    keras.utils.set_random_seed(7)
    layers = [keras.layers.deserialize(keras.layers.serialize(layer)) for layer in FOLDED[name]]
    layers = [keras.Input((10, 10, 3)), *layers, L.Dense(3, activation="softmax", name="head")]
    model = with_statistics(keras.Sequential(layers))
    model.compile("adam", "categorical_crossentropy")
    spec, _ = convert(model, tmp_path, layers=("*",))
    result = verify(spec, model)
    assert result.folded
    assert result.passed(), result


def test_a_scale_alone_is_folded_without_a_bias(tmp_path):
    keras.utils.set_random_seed(7)
    model = keras.Sequential([
        keras.Input((6, 6, 2)), L.Conv2D(3, 3, use_bias=False, name="conv"),
        L.BatchNormalization(center=False, name="bn"), L.ReLU(), L.Flatten(),
        L.Dense(3, activation="softmax", name="head"),
    ])  # fmt: skip
    model.get_layer("bn").set_weights([np.float32([2, 0.5, 1]), np.zeros(3), np.float32([4, 1, 2])])
    model.compile("adam", "categorical_crossentropy")
    spec, _ = convert(model, tmp_path, layers=("*",))
    result = verify(spec, model)
    assert result.passed(), result
    assert result.folded == ("conv",)
    names = {tensor.name for tensor in result.tensors}
    assert names == {"conv.weights", "head.weights", "head.bias"}


def test_the_normalization_that_was_folded_is_told_from_another_of_the_same_scale(tmp_path):
    keras.utils.set_random_seed(7)
    model = keras.Sequential([
        keras.Input((3,)), L.Dense(4, name="a"), L.BatchNormalization(name="bn_a"), L.ReLU(),
        L.Dense(4, name="b"), L.BatchNormalization(name="bn_b"), L.ReLU(),
        L.Dense(3, activation="softmax", name="head"),
    ])  # fmt: skip
    for name, beta in (("bn_a", 0.5), ("bn_b", -0.25)):
        statistics = [np.full(4, np.sqrt(1.001)), np.full(4, beta), np.zeros(4), np.ones(4)]
        model.get_layer(name).set_weights(statistics)
    model.compile("adam", "categorical_crossentropy")
    spec, _ = convert(model, tmp_path, layers=("*",))
    result = verify(spec, model)
    assert result.folded == ("a", "b")
    assert result.passed(), result


def test_what_cannot_be_folded_in_keras_is_said_without_an_accusation(tmp_path):
    """A scale of one's own behind the layer is no batch normalization."""

    def layers():
        return [
            keras.Input((5,)), L.Dense(4, name="dense"), L.Rescaling(0.5), L.ReLU(),
            L.Dense(3, activation="softmax", name="head"),
        ]  # fmt: skip

    spec, model = converted(layers, "categorical_crossentropy", "adam", ("*",), tmp_path)
    said = update_checked(spec, model, {"dense"})
    assert said.startswith("no update step was compared: 'dense' learns with what was folded")


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [("conv1",), ("dense1", "head")])
def test_layers_frozen_in_keras_learn_in_the_twin(tmp_path, chosen, recwarn):
    keras.utils.set_random_seed(7)
    model = keras.Sequential(small(2, "softmax"))
    for name in ("conv1", "dense1"):
        model.get_layer(name).trainable = False
    model.compile("sgd", "categorical_crossentropy")
    spec, _ = convert(model, tmp_path, layers=chosen)
    result = verify(spec, model)
    assert result.passed(), result
    assert all(tensor.movement > 0 for tensor in result.tensors)
    assert not [w for w in recwarn if "trainable" in str(w.message)]


def test_the_users_own_model_stays_as_it_is(tmp_path):
    model = keras.Sequential([
        keras.Input((5,)), L.Dense(4, activation="relu", name="a"), L.Dense(3, name="b"),
        L.Softmax(),
    ])  # fmt: skip
    model.get_layer("a").trainable = False
    model.compile("sgd", "categorical_crossentropy")
    before, optimizer = model.get_weights(), model.optimizer
    converter.convert(model, layers=["*"], verify_update=True)
    assert [layer.trainable for layer in model.layers] == [False, True, True]
    assert [v.trainable for v in model.weights] == [False, False, True, True]
    assert model.optimizer is optimizer
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_another_model_of_the_same_shape(fresh):
    spec, model = fresh()
    for variable in model.weights:
        variable.assign(variable + 0.1)
    with pytest.raises(ParityError, match="is it the file that was converted"):
        verify(spec, model)


def test_other_shapes(fresh):
    spec, _ = fresh()
    with pytest.raises(
        ParityError, match=r"takes \[3, 16, 15\], but the Keras model \[28, 28, 1\]"
    ):
        verify(spec, keras.Sequential(lenet()))


def test_other_numbers_of_inputs(fresh):
    spec, _ = fresh()
    inputs = [keras.Input((16, 15, 3)), keras.Input((16, 15, 3))]
    model = keras.Model(inputs, L.Flatten()(L.Add()(inputs)))
    with pytest.raises(ParityError, match="has 1 inputs, the Keras model 2"):
        verify(spec, model)


def test_no_output_in_common(fresh):
    spec, _ = fresh()
    model = keras.Sequential([keras.Input((16, 15, 3)), L.Flatten(), L.Dense(5)])
    with pytest.raises(ParityError, match="no output of the same shape"):
        verify(spec, model)


@tf.custom_gradient
def without_gradient(x):
    def fail(upstream):
        raise NotImplementedError("no gradient here")

    return 1.0 * x, fail


def test_a_layer_without_gradients_is_said(fresh, monkeypatch):
    """A function of the user's own may compute what it cannot differentiate."""
    spec, model = fresh()
    monkeypatch.setattr(
        model.get_layer("head"),
        "activation",
        lambda x: without_gradient(keras.activations.softmax(x)),
    )
    with pytest.raises(ParityError, match=r"^Keras cannot compute gradients .*no gradient here"):
        verify(spec, model)


def test_a_model_that_is_not_updatable(fresh):
    spec, model = fresh()
    spec.isUpdatable = False
    with pytest.raises(TrainingError, match="not updatable"):
        verify(spec, model)
