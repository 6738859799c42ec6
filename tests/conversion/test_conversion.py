"""The whole story on live models: what is written, and what is said about it."""

import numpy as np
import pytest

from converter import runtime
from converter.backend.tensorflow import keras
from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.errors import NotUpdatableError, ParityError, UnsupportedError, UsageError
from converter.recipe import Recipe
from tests.converting import convert, updatable_names
from tests.lower.oracle import IOS12_KINDS, randomized, sequential

L = keras.layers
IMAGE = (8, 8, 3)


def small_cnn(units=4, activation="softmax", loss="categorical_crossentropy", optimizer="adam"):
    model = sequential(
        IMAGE, L.Conv2D(4, 3, activation="relu", name="conv"), L.MaxPooling2D(name="pool"),
        L.Flatten(name="flat"), L.Dense(6, activation="relu", name="dense_5"),
        L.Dense(units, activation=activation, name="dense_6"),
    )  # fmt: skip
    if loss:
        model.compile(optimizer, loss)
    return model


def test_the_target_form(tmp_path):
    spec, report = convert(small_cnn(), tmp_path, layers=("dense_5", "dense_6"))
    net = spec.neuralNetwork
    assert spec.specificationVersion == 4
    assert spec.isUpdatable
    assert net.arrayInputShapeMapping == 0
    assert {layer.WhichOneof("layer") for layer in net.layers} <= IOS12_KINDS
    assert [layer.name for layer in net.layers] == [
        "conv", "conv__activation", "pool", "flat", "dense_5", "dense_5__activation",
        "dense_6", "dense_6__softmax",
    ]  # fmt: skip
    assert updatable_names(spec) == ["dense_5", "dense_6"]
    for layer in mlmodel.updatable_layers(spec):
        assert layer.innerProduct.weights.isUpdatable
        assert layer.innerProduct.bias.isUpdatable
    assert len(net.updateParams.lossLayers) == 1
    assert net.updateParams.optimizer.WhichOneof("OptimizerType") == "adamOptimizer"
    assert [f.name for f in spec.description.trainingInput] == ["image", "output_true"]
    assert report.parity <= 1e-5


def test_weights_are_the_keras_weights(tmp_path):
    model = small_cnn()
    spec, _ = convert(model, tmp_path, layers=("*",))
    layers = {layer.name: mlmodel.layer_params(layer) for layer in spec.neuralNetwork.layers}
    kernel, bias = model.get_layer("conv").get_weights()
    np.testing.assert_array_equal(
        mlmodel.floats(layers["conv"].weights), kernel.transpose(3, 2, 0, 1).ravel()
    )
    np.testing.assert_array_equal(mlmodel.floats(layers["conv"].bias), bias)
    kernel, bias = model.get_layer("dense_5").get_weights()
    np.testing.assert_array_equal(mlmodel.floats(layers["dense_5"].weights), kernel.T.ravel())


def test_equal_models_give_equal_bytes(tmp_path):
    model = small_cnn()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in ("a", "b"):
        convert(model, tmp_path / folder)
    first, second = ((tmp_path / f / "converted.mlmodel").read_bytes() for f in ("a", "b"))
    assert first == second


def test_without_a_choice_the_dense_layers_learn(tmp_path):
    assert updatable_names(convert(small_cnn(), tmp_path)[0]) == ["dense_5", "dense_6"]


def test_without_dense_layers_the_last_convolution_learns(tmp_path):
    model = sequential(
        IMAGE, L.Conv2D(4, 3), L.Conv2D(3, 1, name="last"), L.GlobalAveragePooling2D(), L.Softmax()
    )
    assert updatable_names(convert(model, tmp_path)[0]) == ["last"]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (("dense_*",), ["dense_5", "dense_6"]),
        (("conv", "dense_6"), ["conv", "dense_6"]),
        (("*",), ["conv", "dense_5", "dense_6"]),
        (("*_[56]",), ["dense_5", "dense_6"]),
    ],
)
def test_layers_are_chosen_by_name_and_glob(patterns, names, tmp_path):
    assert updatable_names(convert(small_cnn(), tmp_path, layers=patterns)[0]) == names


def test_a_dense_layer_without_bias_is_updatable_without_one(tmp_path):
    model = sequential(IMAGE, L.Flatten(), L.Dense(3, use_bias=False, name="bare"), L.Softmax())
    spec, _ = convert(model, tmp_path, layers=("bare",))
    (layer,) = mlmodel.updatable_layers(spec)
    assert not layer.innerProduct.hasBias
    assert not layer.innerProduct.bias.floatValue


def test_a_rescaling_below_a_learning_layer_is_not_folded_into_it(tmp_path):
    model = sequential(
        IMAGE, L.Rescaling(1 / 255, -0.5), L.Conv2D(4, 3, name="conv"), L.Flatten(), L.Dense(2),
        L.Softmax(),
    )  # fmt: skip
    spec, _ = convert(model, tmp_path, layers=("conv",))
    layers = {layer.name: layer for layer in spec.neuralNetwork.layers}
    kernel = model.get_layer("conv").get_weights()[0]
    np.testing.assert_array_equal(
        mlmodel.floats(layers["conv"].convolution.weights), kernel.transpose(3, 2, 0, 1).ravel()
    )
    assert layers["rescaling" if "rescaling" in layers else next(iter(layers))].HasField("scale")


def test_batch_norm_behind_a_learning_layer_is_folded_and_said(tmp_path):
    model = sequential(
        IMAGE, L.Flatten(), L.Dense(5, name="a"), L.BatchNormalization(name="norm"), L.ReLU(),
        L.Dense(3, name="b", activation="softmax"),
    )  # fmt: skip
    spec, report = convert(model, tmp_path, layers=("a", "b"))
    assert "batchnorm" not in [layer.WhichOneof("layer") for layer in spec.neuralNetwork.layers]
    assert any("'norm' (BatchNormalization) is folded into 'a'" in note for note in report.notes)


def test_batch_norm_between_learning_layers_is_folded_forward(tmp_path):
    model = sequential(
        IMAGE, L.Flatten(), L.Dense(5, name="a", activation="relu"),
        L.BatchNormalization(name="norm"), L.Dense(3, name="b", activation="softmax"),
    )  # fmt: skip
    _, report = convert(model, tmp_path, layers=("a", "b"))
    assert any("is folded into 'b'" in note for note in report.notes)


# -- heads ----------------------------------------------------------------------------------------


def test_logits_get_their_softmax(tmp_path):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    spec, report = convert(small_cnn(activation=None, loss=loss), tmp_path)
    assert spec.neuralNetwork.layers[-1].WhichOneof("layer") == "softmax"
    assert report.loss == "categorical_crossentropy"
    assert report.parity <= 1e-5


def binary(loss="binary_crossentropy", activation="sigmoid", optimizer="adam"):
    return small_cnn(units=1, activation=activation, loss=loss, optimizer=optimizer)


def test_one_sigmoid_unit_becomes_two_classes(tmp_path):
    model = binary()
    spec, report = convert(model, tmp_path, layers=("dense_6",))
    head = next(layer for layer in spec.neuralNetwork.layers if layer.name == "dense_6")
    weights = mlmodel.floats(head.innerProduct.weights).reshape(2, 6)
    np.testing.assert_array_equal(weights[0], 0)
    np.testing.assert_array_equal(weights[1], model.get_layer("dense_6").get_weights()[0].ravel())
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == pytest.approx(0.0005)
    assert any("half the learning rate" in note for note in report.notes)
    x = np.random.default_rng(0).uniform(size=(4, *IMAGE)).astype(np.float32)
    found = runtime.predict(spec, {"image": x.transpose(0, 3, 1, 2)})["output"]
    np.testing.assert_allclose(found[:, 1], model(x).numpy()[:, 0], atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_a_sigmoid_head_among_others_keeps_its_rate_and_is_told(tmp_path):
    spec, report = convert(binary(), tmp_path, layers=("dense_5", "dense_6"))
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == pytest.approx(0.001)
    assert any("step is doubled" in note for note in report.notes)


def test_an_explicit_rate_is_not_halved(tmp_path):
    spec, _ = convert(binary(), tmp_path, layers=("dense_6",), learning_rate=0.25)
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == 0.25


def test_one_logit_becomes_two_classes(tmp_path):
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    spec, report = convert(binary(loss, activation=None), tmp_path)
    assert spec.neuralNetwork.layers[-1].WhichOneof("layer") == "softmax"
    assert report.parity <= 1e-5


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", None])
def test_regression_by_mean_squared_error(activation, tmp_path):
    spec, report = convert(small_cnn(3, activation, "mse"), tmp_path)
    loss = spec.neuralNetwork.updateParams.lossLayers[0]
    assert loss.WhichOneof("LossLayerType") == "meanSquaredErrorLossLayer"
    target = spec.description.trainingInput[-1]
    assert list(target.type.multiArrayType.shape) == [3]
    assert any("1983" in note for note in report.notes) == (activation is None)


def test_image_to_image_models_are_refused_in_one_sentence(tmp_path):
    model = sequential(IMAGE, L.Conv2D(3, 3, padding="same", activation="sigmoid"))
    model.compile("adam", "mse")
    with pytest.raises(UnsupportedError, match=r"output is an image \[8, 8, 3\]"):
        convert(model, tmp_path)


def test_a_model_too_large_for_a_file_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(mlmodel, "LARGEST_MESSAGE", 1000)
    with pytest.raises(UnsupportedError, match="at most"):
        convert(small_cnn(), tmp_path)
    small_cnn().save(tmp_path / "large.keras")
    monkeypatch.setattr("converter.load.weights.fill", lambda *_: pytest.fail("weights were read"))
    with pytest.raises(UnsupportedError, match="at most"):
        convert_file(Recipe(model=tmp_path / "large.keras"))


def test_saturation_is_said(tmp_path):
    model = sequential((5,), L.Dense(3, activation="softmax"))
    assert not any("saturate" in note for note in convert(model, tmp_path)[1].notes)
    model.set_weights([1e5 * array for array in model.get_weights()])
    assert any("saturate" in note for note in convert(model, tmp_path)[1].notes)


REFUSED_HEADS = {
    "independent sigmoids": (
        {"units": 3, "activation": "sigmoid", "loss": "binary_crossentropy"},
        UnsupportedError,
        "binary cross-entropy over 3",
    ),
    "softmax by squares": ({"loss": "mse"}, UnsupportedError, "ends in softmax"),
    "absolute error": (
        {"units": 1, "activation": None, "loss": "mae"},
        UnsupportedError,
        "mean_absolute_error",
    ),
    "unknown regression": ({"units": 2, "activation": None, "loss": None}, UsageError, "--loss"),
    "probabilities without softmax": ({"activation": "sigmoid"}, UnsupportedError, "not a softmax"),
}


@pytest.mark.parametrize("name", REFUSED_HEADS)
def test_what_core_ml_cannot_minimise_is_refused(name, tmp_path):
    options, error, message = REFUSED_HEADS[name]
    with pytest.raises(error, match=message) as caught:
        convert(small_cnn(**options), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_named_loss_wins_over_the_stored_one(tmp_path):
    _, report = convert(small_cnn(2, None, "mae"), tmp_path, loss="mean_squared_error")
    assert report.loss == "mean_squared_error"


# -- the gradient path ----------------------------------------------------------------------------


def chain(*middle):
    return sequential(
        IMAGE, L.Conv2D(4, 3, padding="same", name="first"), *middle,
        L.Flatten(name="flat"), L.Dense(3, name="last", activation="softmax"),
    )  # fmt: skip


BLOCKED = {
    "LeakyReLU": [L.LeakyReLU(name="wall")],
    "ELU": [L.ELU(name="wall")],
    "PReLU": [L.PReLU(name="wall", shared_axes=[1, 2])],
    "Activation": [L.Activation("softplus", name="wall")],
    "ReLU": [L.ReLU(max_value=6, name="wall")],
    "BatchNormalization": [L.ReLU(), L.BatchNormalization(name="wall"), L.ReLU()],
    "ZeroPadding2D": [L.ZeroPadding2D(name="wall")],
    "Cropping2D": [L.Cropping2D(1, name="wall")],
    "UpSampling2D": [L.UpSampling2D(name="wall")],
    "Softmax": [L.Softmax(name="wall")],
    "Conv2DTranspose": [L.Conv2DTranspose(3, 2, name="wall")],
    "Permute": [L.Permute((2, 1, 3), name="wall"), L.Conv2D(2, 1)],
}


@pytest.mark.parametrize("kind", BLOCKED)
def test_a_wall_between_layer_and_loss_is_named(kind, tmp_path):
    with pytest.raises(NotUpdatableError) as error:
        convert(chain(*BLOCKED[kind]), tmp_path, layers=("first",))
    message = str(error.value)
    assert "layer 'first' (Conv2D) cannot be reached by the gradient" in message
    assert kind.lower() in message.lower()
    assert "layers that can be chosen: " in message
    assert "last" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "middle",
    [
        [L.ReLU()], [L.Activation("sigmoid")], [L.Activation("tanh")], [L.MaxPooling2D()],
        [L.AveragePooling2D(2, padding="same")], [L.BatchNormalization()], [L.Dropout(0.5)],
        [L.Conv2D(4, 3), L.ReLU()], [L.ZeroPadding2D(), L.Conv2D(2, 3)],
    ],
    ids=lambda layers: layers[0].name,
)  # fmt: skip
def test_what_a_gradient_passes(middle, tmp_path):
    assert updatable_names(convert(chain(*middle), tmp_path, layers=("first",))[0]) == ["first"]


def test_a_wall_in_one_branch_is_enough(tmp_path):
    x = keras.Input(IMAGE)
    y = L.Conv2D(4, 1, name="first")(x)
    y = L.Concatenate(name="join")([L.ReLU()(y), L.Conv2D(4, 1)(y)])
    y = L.Dense(2, activation="softmax", name="last")(L.GlobalAveragePooling2D()(y))
    model = randomized(keras.Model(x, y))
    with pytest.raises(NotUpdatableError, match="'join'"):
        convert(model, tmp_path, layers=("first",))


def test_a_layer_off_the_trained_output(tmp_path):
    x = keras.Input((5,))
    a = L.Dense(3, activation="softmax", name="a")(L.Dense(4, name="common")(x))
    b = L.Dense(2, activation="softmax", name="b")(x)
    model = randomized(keras.Model(x, [a, b]))
    with pytest.raises(UsageError, match="2 outputs"):
        convert(model, tmp_path)
    with pytest.raises(NotUpdatableError, match=r"'b' \(Dense\) does not contribute"):
        convert(model, tmp_path, output="a", layers=("b",))
    assert updatable_names(convert(model, tmp_path, output="b")[0]) == ["b"]


def test_unknown_layers_list_near_names_and_all_candidates(tmp_path):
    with pytest.raises(NotUpdatableError) as error:
        convert(small_cnn(), tmp_path, layers=("dense5",))
    assert "did you mean dense_5" in str(error.value)
    assert "conv, dense_5, dense_6" in str(error.value)


def test_layers_without_kernels_cannot_be_chosen(tmp_path):
    with pytest.raises(NotUpdatableError, match=r"'pool' \(MaxPooling2D\) has no kernel"):
        convert(small_cnn(), tmp_path, layers=("pool",))


def test_a_layer_used_twice_cannot_learn(tmp_path):
    shared = L.Dense(5, activation="relu", name="shared")
    x = keras.Input((5,))
    model = randomized(keras.Model(x, L.Dense(2, activation="softmax")(shared(shared(x)))))
    with pytest.raises(NotUpdatableError, match="used in several places"):
        convert(model, tmp_path, layers=("shared",))


# -- interface ------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_an_image_input_takes_the_leading_rescaling(colour, tmp_path):
    model = sequential(
        IMAGE, L.Rescaling(1 / 127.5, -1), L.Conv2D(4, 3), L.Flatten(), L.Dense(2), L.Softmax()
    )
    spec, report = convert(model, tmp_path, image=colour)
    (preprocessing,) = spec.neuralNetwork.preprocessing
    assert preprocessing.scaler.channelScale == pytest.approx(1 / 127.5)
    assert preprocessing.scaler.redBias == -1
    assert spec.neuralNetwork.layers[0].WhichOneof("layer") == "convolution"
    assert spec.description.input[0].type.imageType.width == 8
    assert spec.description.trainingInput[0].type == spec.description.input[0].type
    assert report.parity <= 1e-5


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_own_scale_and_bias_per_channel(colour, tmp_path):
    model = small_cnn()
    options = {"image": colour, "scale": 1 / 255, "bias": (-0.5, -0.4, -0.3)}
    spec, report = convert(model, tmp_path, **options)
    scaler = spec.neuralNetwork.preprocessing[0].scaler
    assert [scaler.redBias, scaler.greenBias, scaler.blueBias] == pytest.approx([-0.5, -0.4, -0.3])
    assert report.parity <= 1e-5


def test_a_rescaling_per_channel_stays_in_the_network(tmp_path):
    model = sequential(
        IMAGE,
        L.Normalization(mean=[1.0, 2, 3], variance=[1.0, 4, 9]),
        L.Flatten(),
        L.Dense(2),
        L.Softmax(),
    )
    spec, report = convert(model, tmp_path, image="rgb")
    assert spec.neuralNetwork.preprocessing[0].scaler.channelScale == 1
    assert report.parity <= 1e-5


@pytest.mark.parametrize("options", [{}, {"scale": 1 / 255}, {"bias": (-128.0,)}])
@pytest.mark.parametrize("own", [[], [L.Rescaling(1 / 255, -0.5)]], ids=["", "Rescaling"])
def test_gray_images(own, options, tmp_path):
    model = sequential((8, 8, 1), *own, L.Flatten(), L.Dense(2, activation="softmax"))
    spec, report = convert(model, tmp_path, image="gray", **options)
    image = spec.description.input[0].type.imageType
    assert image.ColorSpace.Name(image.colorSpace) == "GRAYSCALE"
    assert report.parity <= 1e-5


@pytest.mark.parametrize(
    ("labels", "kind"), [(("a", "b", "c", "d"), "stringType"), ((3, 1, 4, 5), "int64Type")]
)
def test_classifiers(labels, kind, tmp_path):
    spec, _ = convert(small_cnn(), tmp_path, classes=labels)
    description = spec.description
    assert spec.WhichOneof("Type") == "neuralNetworkClassifier"
    assert description.predictedFeatureName == "classLabel"
    assert description.predictedProbabilitiesName == "classProbability"
    assert [f.name for f in description.trainingInput] == ["image", "classLabel"]
    assert description.trainingInput[1].type.WhichOneof("Type") == kind


def test_labels_from_a_file(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("cat\n dog \n\nbird\nfish\n")
    spec, _ = convert(small_cnn(), tmp_path, classes=path)
    labels = spec.neuralNetworkClassifier.stringClassLabels.vector
    assert list(labels) == ["cat", "dog", "bird", "fish"]


def test_two_labels_for_one_sigmoid_unit(tmp_path):
    spec, _ = convert(binary(), tmp_path, classes=("cat", "dog"))
    assert list(spec.neuralNetworkClassifier.stringClassLabels.vector) == ["cat", "dog"]


WRONG_INTERFACE = {
    "too few labels": ({"classes": ("a", "b")}, "2 class labels for 4 outputs"),
    "a label twice": ({"classes": ("a", "b", "b", "c")}, "'b' is given twice"),
    "no file of labels": ({"classes": "nowhere.txt"}, "cannot be read as class labels"),
    "gray for a coloured model": ({"image": "gray"}, r"1 channel\(s\)"),
    "scale without image": ({"scale": 0.5}, "add --image"),
    "two biases": ({"image": "rgb", "bias": (1.0, 2.0)}, "2 numbers for 3"),
    "equal names": ({"input_name": "x", "output_name": "x"}, "different names"),
    "momentum of adam": ({"momentum": 0.5}, "not a parameter of the optimizer adam"),
    "unknown output": ({"output": "b"}, "no output 'b'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_INTERFACE)
def test_contradictions_are_usage_errors(name, tmp_path):
    options, message = WRONG_INTERFACE[name]
    with pytest.raises(UsageError, match=message) as error:
        convert(small_cnn(), tmp_path, **options)
    assert error.value.exit_code == 2


def test_a_keras_layer_may_have_the_name_of_the_input(tmp_path):
    model = sequential(
        IMAGE, L.Conv2D(2, 3, name="image"), L.Flatten(name="output"), L.Dense(2, name="loss"),
        L.Softmax(name="classLabel"),
    )  # fmt: skip
    spec, report = convert(model, tmp_path, layers=("loss",))
    assert updatable_names(spec) == ["loss__2"]
    assert report.parity <= 1e-5


# -- training settings ----------------------------------------------------------------------------


def test_settings_of_compile_are_taken_over(tmp_path):
    optimizer = keras.optimizers.SGD(0.05, momentum=0.8, nesterov=True)
    spec, report = convert(small_cnn(optimizer=optimizer), tmp_path, epochs=3, batch_size=7)
    params = spec.neuralNetwork.updateParams
    sgd = params.optimizer.sgdOptimizer
    assert sgd.learningRate.defaultValue == pytest.approx(0.05)
    assert (sgd.learningRate.range.minValue, sgd.learningRate.range.maxValue) == (0, 1)
    assert sgd.momentum.defaultValue == pytest.approx(0.8)
    assert sgd.miniBatchSize.defaultValue == 7
    assert {1, 7, 32} <= set(sgd.miniBatchSize.set.values)
    assert params.epochs.defaultValue == 3
    assert set(range(1, 101)) <= set(params.epochs.set.values)
    assert params.shuffle.defaultValue
    assert any("Nesterov" in note for note in report.notes)


def test_defaults_without_compile_settings(tmp_path):
    spec, _ = convert(small_cnn(loss=None), tmp_path)
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == pytest.approx(1e-3)
    assert adam.beta1.defaultValue == pytest.approx(0.9)
    assert adam.eps.defaultValue == pytest.approx(1e-7)
    assert adam.miniBatchSize.defaultValue == 32
    assert spec.neuralNetwork.updateParams.epochs.defaultValue == 10


def test_no_shuffle_and_a_seed(tmp_path):
    spec, _ = convert(small_cnn(), tmp_path, shuffle=False, seed=5)
    params = spec.neuralNetwork.updateParams
    assert not params.shuffle.defaultValue
    assert params.seed.defaultValue == 5


UNSPOKEN = {
    "RMSprop": ({"optimizer": "rmsprop"}, "no RMSprop"),
    "amsgrad": ({"optimizer": keras.optimizers.Adam(amsgrad=True)}, "AMSGrad"),
    "weight decay": ({"optimizer": keras.optimizers.AdamW()}, "weight decay"),
    "clipping": ({"optimizer": keras.optimizers.SGD(clipnorm=1.0)}, "clipping"),
    "schedule": (
        {
            "optimizer": keras.optimizers.SGD(
                keras.optimizers.schedules.ExponentialDecay(0.3, 10, 0.9)
            )
        },
        "learning-rate schedule",
    ),
    "label smoothing": (
        {"loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.1)},
        "label smoothing",
    ),
}


@pytest.mark.parametrize("name", UNSPOKEN)
def test_what_core_ml_has_no_word_for_is_said(name, tmp_path):
    options, words = UNSPOKEN[name]
    _, report = convert(small_cnn(**options), tmp_path)
    assert any(words in note for note in report.notes)


def test_the_first_rate_of_a_schedule_is_kept(tmp_path):
    spec, _ = convert(small_cnn(**UNSPOKEN["schedule"][0]), tmp_path)
    sgd = spec.neuralNetwork.updateParams.optimizer.sgdOptimizer
    assert sgd.learningRate.defaultValue == pytest.approx(0.3)


def test_dropout_and_regularizers_are_said(tmp_path):
    model = sequential(
        (5,), L.Dropout(0.5, name="drop"), L.Dense(3, kernel_regularizer="l2", name="dense"),
        L.Softmax(),
    )  # fmt: skip
    _, report = convert(model, tmp_path)
    assert any("without dropout (drop)" in note for note in report.notes)
    assert any("no kernel regularizer; 'dense'" in note for note in report.notes)


def test_mixed_precision_is_refused_with_the_way_out(tmp_path):
    model = sequential((5,), L.Dense(3, dtype="mixed_float16", name="half"), L.Softmax())
    with pytest.raises(UnsupportedError, match=r"'half' \(Dense\): computes in float16"):
        convert(model, tmp_path)


# -- proof ----------------------------------------------------------------------------------------


def test_a_wrong_model_is_never_left_behind(tmp_path, monkeypatch):
    from converter.lower.weighted import Weighted

    bind = Weighted.bind

    def bind_wrongly(self):
        if self.name == "dense_5":
            self.scale_outputs(np.full(6, 1.01), None)
        return bind(self)

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    (tmp_path / "converted.mlmodel").write_bytes(b"old")
    with pytest.raises(ParityError, match="differs from Keras"):
        convert(small_cnn(), tmp_path)
    assert (tmp_path / "converted.mlmodel").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_saturated_outputs_are_still_compared(tmp_path, monkeypatch):
    """All probabilities are 0 or 1 here; only the logits tell the two models apart."""
    from converter.lower.weighted import Weighted

    bind = Weighted.bind

    def bind_wrongly(self):
        self.scale_outputs(np.full(3, 1.01), None)
        return bind(self)

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    model = sequential((5,), L.Rescaling(20.0), L.Dense(3, activation="softmax"))
    with pytest.raises(ParityError):
        convert(model, tmp_path)


def test_nothing_is_printed(tmp_path, capfd):
    import tqdm  # noqa: F401 (coremltools draws bars with it, in a program that has it already)

    convert(small_cnn(), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_verification_can_be_skipped(tmp_path):
    assert convert(small_cnn(), tmp_path, verify=False)[1].parity is None


# -- code of one's own ----------------------------------------------------------------------------


@keras.saving.register_keras_serializable("tests.conversion")
class SqueezeExcite(keras.layers.Layer):
    """A class with a ``call`` of its own, a layer inside, a weight, and ``keras.ops``."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = L.Dense(4, activation="sigmoid")

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), name="gain", initializer="ones")
        self.inner.build((None, shape[-1]))

    def call(self, x):
        gate = self.inner(keras.ops.mean(x, axis=(1, 2))) * self.gain
        return x * keras.ops.reshape(gate, (-1, 1, 1, 4))


@keras.saving.register_keras_serializable("tests.conversion")
class Halved(keras.layers.Layer):
    """A class without weights."""

    def __init__(self, **options):
        super().__init__(**options)

    def call(self, x):
        return x / 2


@pytest.mark.parametrize("name", ["own.keras", "own.h5"])
def test_registered_classes_may_stand_in_the_frozen_part(tmp_path, name):
    model = sequential(
        IMAGE, L.Conv2D(4, 3, activation="relu"), Halved(name="half"),
        SqueezeExcite(name="gate"), SqueezeExcite(name="gate_2"), L.Flatten(),
        L.Dense(3, activation="softmax", name="head"),
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    model.save(tmp_path / name)
    report = convert_file(Recipe(model=tmp_path / name, layers=("head",)))
    assert report.parity <= 1e-5
    with pytest.raises(NotUpdatableError, match="conv"):
        convert_file(Recipe(model=tmp_path / name, layers=("*",)))
