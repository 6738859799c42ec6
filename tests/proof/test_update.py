"""Steps in the reference runtime against ``train_on_batch`` in Keras, on converted models."""

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from converter.errors import ParityError, TrainingError
from converter.proof.update import update_checked, verify
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
        L.Conv2D(32, 3, activation="relu", name="conv1"), L.MaxPooling2D(),
        L.Conv2D(32, 2, activation="relu", name="conv2"), L.MaxPooling2D(), L.Flatten(),
        L.Dense(500, activation="relu", name="dense1"),
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


LOSSES = {
    "binary logit": keras.losses.BinaryCrossentropy(from_logits=True),
    "class logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def converted(layers, loss, optimizer, chosen, folder, **options):
    keras.utils.set_random_seed(7)
    model = keras.Sequential(layers)
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


FEW = ("lenet, dense tail", "two classes", "sigmoid and below", "bounded regression")


@pytest.mark.parametrize(
    ("case", "optimizer"),
    [(case, "adam") for case in CASES] + [(case, o) for case in FEW for o in ("sgd", "momentum")],
)
def test_ten_steps_are_those_of_keras(tmp_path, case, optimizer):
    layers, loss, chosen = CASES[case]
    spec, model = converted(layers(), LOSSES.get(loss, loss), optimizer, chosen, tmp_path)
    result = verify(spec, model, steps=10)
    assert result.passed(), result
    assert result.predictions <= 1e-5
    learning = {layer.name for layer in mlmodel.updatable_layers(spec)}
    assert {tensor.name.split(".")[0] for tensor in result.tensors} == learning
    assert len(result.tensors) == 2 * len(learning)
    assert all(tensor.movement > 0 for tensor in result.tensors)


@pytest.mark.parametrize("image", ["rgb", "bgr"])
@pytest.mark.parametrize("rescaling", [True, False])
def test_image_inputs(tmp_path, image, rescaling):
    layers = small(2, "softmax")
    options = {"image": image}
    if rescaling:
        layers.insert(1, L.Rescaling(1 / 127.5, offset=-1))
    else:
        options |= {"scale": 1 / 255, "bias": (-0.4, -0.5, -0.6)}
    loss = "categorical_crossentropy"
    spec, model = converted(layers, loss, "adam", ("*",), tmp_path, **options)
    assert spec.description.input[0].type.WhichOneof("Type") == "imageType"
    assert verify(spec, model).passed()


def test_classifiers(tmp_path):
    names = ("cat", "dog")
    spec, model = converted(
        small(2, "softmax"), "categorical_crossentropy", "sgd", ("head",), tmp_path, classes=names
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
    assert verify(spec, model, steps=3).passed()


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
    assert verify(spec, model, steps=3).passed()


def test_frozen_batch_normalization_below(tmp_path):
    layers = [
        keras.Input((10, 10, 3)), L.Conv2D(4, 3, name="conv"), L.BatchNormalization(),
        L.ReLU(), L.Flatten(), L.Dense(3, activation="softmax", name="head"),
    ]  # fmt: skip
    spec, model = converted(layers, "categorical_crossentropy", "adam", ("head",), tmp_path)
    assert verify(spec, model, steps=3).passed()


def fresh(tmp_path, optimizer="sgd", chosen=("*",)):
    loss = "categorical_crossentropy"
    return converted(small(2, "softmax"), loss, optimizer, chosen, tmp_path)


def test_another_learning_rate_fails(tmp_path, monkeypatch):
    """The twin learns 1 % faster than the file says."""
    from converter.proof import twin

    whole = twin.optimizer

    def faster(settings, doubled):
        made = whole(settings, doubled)
        made.learning_rate = 1.01 * settings.numbers["learning_rate"]
        return made

    monkeypatch.setattr(twin, "optimizer", faster)
    result = verify(*fresh(tmp_path))
    assert not result.passed()
    assert result.update == pytest.approx(0.01 / 1.01, rel=0.01)


def test_nothing_moved_is_no_pass(tmp_path):
    spec, model = fresh(tmp_path)
    spec.neuralNetwork.updateParams.optimizer.sgdOptimizer.learningRate.defaultValue = 0.0
    result = verify(spec, model)
    assert result.update == 0
    assert not result.passed()


def test_a_tampered_frozen_weight_is_seen_in_the_predictions(tmp_path):
    spec, model = fresh(tmp_path, chosen=("head",))
    params = spec.neuralNetwork.layers[0].convolution.weights
    params.floatValue[0] += 0.5
    with pytest.raises(ParityError, match="the predictions differ by"):
        verify(spec, model)


def test_a_tampered_weight_without_effect_is_seen_too(tmp_path):
    spec, model = fresh(tmp_path)
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
    "twice": [
        L.Conv2D(4, 3, name="conv"), L.BatchNormalization(), L.ReLU(),
        L.Conv2D(5, 3, name="conv2", use_bias=False), L.BatchNormalization(), L.ReLU(),
        L.Flatten(),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDED)
def test_folded_batch_normalization_is_folded_in_keras_too(tmp_path, name):
    keras.utils.set_random_seed(7)
    layers = [keras.layers.deserialize(keras.layers.serialize(layer)) for layer in FOLDED[name]]
    layers = [keras.Input((10, 10, 3)), *layers, L.Dense(3, activation="softmax", name="head")]
    model = with_statistics(keras.Sequential(layers))
    model.compile("adam", "categorical_crossentropy")
    spec, _ = convert(model, tmp_path, layers=("*",))
    result = verify(spec, model, steps=3)
    assert result.folded
    assert result.passed(), result


def test_what_cannot_be_folded_in_keras_is_said_without_an_accusation(tmp_path):
    """A scale of one's own behind the layer is no batch normalization."""
    layers = [
        keras.Input((5,)), L.Dense(4, name="dense"), L.Rescaling(0.5), L.ReLU(),
        L.Dense(3, activation="softmax", name="head"),
    ]  # fmt: skip
    spec, model = converted(layers, "categorical_crossentropy", "adam", ("*",), tmp_path)
    said = update_checked(spec, model)
    assert said.startswith("no update step was compared: 'dense' learns with what was folded")


@pytest.mark.parametrize("chosen", [("conv1",), ("dense1", "head"), ("*",)])
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


def test_another_model_of_the_same_shape(tmp_path):
    spec, model = fresh(tmp_path)
    for variable in model.weights:
        variable.assign(variable + 0.1)
    with pytest.raises(ParityError, match="is it the file that was converted"):
        verify(spec, model)


def test_other_shapes(tmp_path):
    spec, _ = fresh(tmp_path)
    with pytest.raises(
        ParityError, match=r"takes \[3, 16, 15\], but the Keras model \[28, 28, 1\]"
    ):
        verify(spec, keras.Sequential(lenet()))


def test_other_numbers_of_inputs(tmp_path):
    spec, _ = fresh(tmp_path)
    inputs = [keras.Input((16, 15, 3)), keras.Input((16, 15, 3))]
    model = keras.Model(inputs, L.Flatten()(L.Add()(inputs)))
    with pytest.raises(ParityError, match="has 1 inputs, the Keras model 2"):
        verify(spec, model)


def test_no_output_in_common(tmp_path):
    spec, _ = fresh(tmp_path)
    model = keras.Sequential([keras.Input((16, 15, 3)), L.Flatten(), L.Dense(5)])
    with pytest.raises(ParityError, match="no output of the same shape"):
        verify(spec, model)


class Untrainable(L.Layer):
    """Code of a user's own that fails where gradients are taken."""

    def call(self, x):
        if x.shape[0] is None:
            raise NotImplementedError("only a known number of samples")
        return x

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


def test_a_layer_that_cannot_train_is_named(tmp_path):
    layers = [keras.Input((5,)), L.Dense(4, name="below"), Untrainable(name="mine")]
    layers += [L.Dense(3, activation="softmax", name="head")]
    spec, model = converted(layers, "categorical_crossentropy", "adam", ("head",), tmp_path)
    with pytest.raises(
        ParityError, match=r"^layer 'mine' \(Untrainable\): Keras cannot train .*\(only a"
    ):
        verify(spec, model)


def test_a_model_that_is_not_updatable(tmp_path):
    spec, model = fresh(tmp_path)
    spec.isUpdatable = False
    with pytest.raises(TrainingError, match="not updatable"):
        verify(spec, model)
