"""SavedModels that are read by their graph: the same predictions, names and gradient steps."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import converter
from converter import cli
from converter.backend.tensorflow import keras, tf
from converter.conversion.inspection import inspect
from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.errors import KerasFileError, UsageError
from converter.keras_file.names import own_name
from converter.loading import load
from converter.recipe import Recipe
from tests.loading.saved_graphs import FORMS, unpacked
from tests.lower.oracle import sequential

L = keras.layers

LOGITS = {"loss": "categorical_crossentropy"}


@dataclass(frozen=True)
class Written:
    """A fixture: how it is read, its layers with variables, and which learn by default."""

    layers: dict[str, str]
    learning: str
    options: dict[str, Any] = field(default_factory=dict)
    answers: tuple[str, ...] = ("y0",)


NETWORK = {
    "conv": "Conv2D",
    "conv_bn": "BatchNormalization",
    "depthwise": "DepthwiseConv2dNative",
    "depthwise_bn": "BatchNormalization",
    "hidden": "MatMul",
    "dense_5": "MatMul",
}

WRITTEN = {
    "keras315_export": Written(NETWORK, "hidden, dense_5"),
    "tf215_function": Written(NETWORK, "hidden, dense_5"),
    "tf215_hub": Written(
        {
            "Conv_0": "Conv2D",
            "Conv_0_bn": "BatchNormalization",
            "separable": "DepthwiseConv2dNative",
            "logits": "MatMul",
        },
        "logits",
        {"input_shape": (16, 20, 3), "output": "logits", **LOGITS},
        ("y1", "y0"),
    ),
    "tf215_subclassed": Written(
        {"conv": "Conv2D", "norm": "BatchNormalization", "head": "MatMul"}, "head"
    ),
    "tf221_module": Written(
        {"kernel": "Conv2D", "dense/0": "MatMul", "dense/1": "MatMul"},
        "dense/0, dense/1",
        {"signature": "scores", **LOGITS},
    ),
    "tf221_v1": Written({"Conv2d_0": "Conv2D", "Logits": "MatMul"}, "Logits"),
}

READING = ("input_shape", "signature")


def loaded(name):
    options = WRITTEN[name].options
    given = {key: value for key, value in options.items() if key in READING}
    return load(FORMS / f"{name}.zip", **given).model


def recorded(name, keys):
    with np.load(FORMS / f"{name}.npz") as data:
        return [data[key] for key in keys]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_graph_predicts_what_its_writer_did_and_has_its_names(name):
    written, model = WRITTEN[name], loaded(name)
    (x,) = recorded(name, ["x0"])
    answers = keras.tree.flatten(model(x, training=False))
    for answer, expected in zip(answers, recorded(name, written.answers), strict=True):
        np.testing.assert_allclose(np.asarray(answer), expected, rtol=0, atol=1e-6)
    found = {own_name(one.name): type(one).__name__ for one in model.layers if one.weights}
    assert found == written.layers


def test_other_signatures_are_told_unless_one_was_chosen(tmp_path):
    model, shape = sequential((4,), L.Dense(3, name="head")), tf.TensorSpec((None, 4))
    tf.saved_model.save(model, tmp_path / "saved", {
        "serving_default": tf.function(lambda x: {"y": model(x)}, [shape]),
        "double": tf.function(lambda x: {"twice": 2 * model(x)}, [shape]),
    })  # fmt: skip
    told = "the signature 'serving_default' was read; --signature names another (double)"
    assert load(tmp_path / "saved").notes == (told,)
    assert load(tmp_path / "saved", signature="double").notes == ()


@pytest.mark.parametrize("name", WRITTEN)
def test_all_learn_but_the_statistics_of_a_normalization(name):
    """Graphs of TensorFlow 1 do not say what learned."""
    fixed = [v.name for v in loaded(name).weights if not v.trainable]
    norms = sum(kind == "BatchNormalization" for kind in WRITTEN[name].layers.values())
    assert sorted(fixed) == ["moving_mean"] * norms + ["moving_variance"] * norms


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_a_graph_is_converted_and_learns_as_tensorflow_does(name, tmp_path):
    written = WRITTEN[name]
    target = tmp_path / "m.mlmodel"
    source = FORMS / f"{name}.zip"
    report = convert_file(
        Recipe(model=source, output_path=target, verify_update=True, **written.options)
    )
    assert report.parity is not None
    assert report.parity <= 1e-5
    assert report.learning == written.learning
    steps = [note for note in report.notes if note.startswith("2 update steps equal Keras's to")]
    assert float(steps[0].split(" to ")[1].split()[0]) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("has_bias", [True, False])
def test_nothing_in_a_graph_is_frozen(has_bias, tmp_path):
    """A convolution before a batch normalization learns, with that folded into it in both."""
    layers = [
        L.Conv2D(4, 3, use_bias=has_bias, name="conv"), L.BatchNormalization(name="norm"), L.ReLU(),
        L.Flatten(), L.Dense(3, activation="softmax", name="head"),
    ]  # fmt: skip
    sequential((6, 6, 1), *layers).export(tmp_path / "source", verbose=False)
    recipe = Recipe(
        model=tmp_path / "source", output_path=tmp_path / "m.mlmodel", verify_update=True,
        layers=("c*", "head"),
    )  # fmt: skip
    report = convert_file(recipe)
    assert report.learning == "conv, head"
    notes = "; ".join(report.notes)
    assert "layer 'norm' (BatchNormalization) is folded into 'conv'" in notes
    assert "2 update steps equal Keras's" in notes
    assert "with the batch normalization folded into conv in Keras, too" in notes


def test_the_arithmetic_of_pixels_goes_into_an_image_input(tmp_path):
    recipe = Recipe(
        model=FORMS / "tf215_function.zip", output_path=tmp_path / "m.mlmodel", image="rgb",
        classes=("a", "b", "c"),
    )  # fmt: skip
    report = convert_file(recipe)
    assert report.parity <= 1e-5
    assert report.layers[0].name == "conv"
    preprocessing = mlmodel.read(tmp_path / "m.mlmodel").neuralNetworkClassifier.preprocessing
    assert preprocessing[0].scaler.channelScale == pytest.approx(1 / 127.5)


def test_a_layer_that_is_used_twice_is_one_layer(tmp_path):
    x = keras.Input((6,), name="left")
    y = keras.Input((6,), name="right")
    shared = L.Dense(4, activation="relu", name="shared")
    joined = L.Concatenate(name="joined")([shared(x), shared(y)])
    model = keras.Model([x, y], L.Dense(2, activation="softmax", name="head")(joined))
    model.export(tmp_path / "twins", verbose=False)
    again = load(tmp_path / "twins").model
    names = [layer.name for layer in again.layers if layer.weights]
    assert names == ["shared", "head"]
    given = [np.random.default_rng(i).normal(size=(3, 6)).astype("f4") for i in range(2)]
    np.testing.assert_allclose(again(given), model(given), atol=1e-6)
    rows = inspect(Recipe(model=tmp_path / "twins")).layers
    reasons = {row.name: row.reason for row in rows}
    assert reasons["shared"] == "is used in several places, which would learn apart from each other"


class Names(tf.Module):
    """Two branches whose layers have one name, and two weights of one object."""

    def __init__(self):
        super().__init__()
        self.left = tf.Variable(tf.random.normal((4, 3), seed=1), name="net/left/dense/kernel")
        self.right = tf.Variable(tf.random.normal((4, 3), seed=2), name="net/right/dense/kernel")
        self.first = tf.Variable(tf.random.normal((3, 3), seed=3), name="net/block/first")
        self.second = tf.Variable(tf.random.normal((3, 2), seed=4), name="net/block/second")

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def call(self, x):
        y = tf.nn.relu(x @ self.left) + tf.nn.relu(x @ self.right)
        return tf.nn.softmax(tf.nn.relu(y @ self.first) @ self.second)


def test_layers_of_one_name_are_told_apart(tmp_path):
    module = Names()
    tf.saved_model.save(module, tmp_path / "names", signatures=module.call)
    model = load(tmp_path / "names").model
    names = [own_name(layer.name) for layer in model.layers if layer.weights]
    assert names == ["left/dense", "right/dense", "first", "second"]
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("f4")
    np.testing.assert_allclose(model(x), module.call(x), atol=1e-6)


class Objects(tf.Module):
    """Variables that have names of no layer, in objects of their own or in a list."""

    def __init__(self, last, *listed):
        super().__init__()
        self.first, self.second, self.last = tf.Module(), tf.Module(), last
        self.first.w = tf.Variable(tf.random.normal((4, 3), seed=1), name="v")
        self.first.s = tf.Variable(tf.random.normal((3,), seed=2), name="v")
        self.second.b = tf.Variable(tf.random.normal((3,), seed=3), name="v")
        self.listed = [
            tf.Variable(tf.random.normal((3, 3), seed=4 + i), name=name)
            for i, name in enumerate(listed)
        ]

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def call(self, x):
        return self.last(self, x @ self.first.w)


def two_more(module, y):
    return tf.nn.relu(tf.nn.relu(y) @ module.listed[0]) @ module.listed[1]


LAST = {
    "of another object": ((lambda it, y: y + it.second.b,), {"first": 1, "second": 1}),
    "of the same object": ((lambda it, y: y * it.first.s,), {"first": 2}),
    "of a list": ((two_more, "alpha", "v"), {"first": 1, "alpha": 1, "v": 1}),
    "of a list, in a scope": (
        (two_more, "net/alpha", "net/beta"), {"first": 1, "alpha": 1, "beta": 1}
    ),
    "of a list, alike": ((two_more, "net/w", "net/w"), {"first": 1, "w/0": 1, "w/1": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", LAST)
def test_variables_without_names_of_layers_belong_to_their_objects(case, tmp_path):
    made, layers = LAST[case]
    module = Objects(*made)
    tf.saved_model.save(module, tmp_path / "saved", signatures=module.call)
    model = load(tmp_path / "saved").model
    found = {own_name(layer.name): len(layer.weights) for layer in model.layers if layer.weights}
    assert found == layers
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("f4")
    np.testing.assert_allclose(model(x), module.call(x), atol=1e-6)


def test_variables_of_another_model_are_refused(tmp_path):
    one, other = Objects(two_more, "a", "b"), Names()
    for module, name in ((one, "one"), (other, "other")):
        tf.saved_model.save(module, tmp_path / name, signatures=module.call)
    shutil.rmtree(tmp_path / "one/variables")
    shutil.copytree(tmp_path / "other/variables", tmp_path / "one/variables")
    with pytest.raises(KerasFileError, match=r"no array for the variable 'v'; .* of another model"):
        load(tmp_path / "one")


@pytest.mark.parametrize(("is_halved", "taken"), [(False, "float32"), (True, "int32")])
def test_whole_numbers_are_taken_as_floats_if_all_they_do_is_to_become_such(
    is_halved, taken, tmp_path
):
    module = tf.Module()
    module.w = tf.Variable(tf.random.normal((4, 2), seed=1), name="w")

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.int32, name="x")])
    def call(x):
        y = tf.cast(x, tf.float32) @ module.w
        return y + tf.cast(x // 2, tf.float32) @ module.w if is_halved else y

    tf.saved_model.save(module, tmp_path / "saved", signatures=call)
    model = load(tmp_path / "saved").model
    assert [given.dtype for given in model.inputs] == [taken]
    np.testing.assert_allclose(model(np.int32([[1, 2, 3, 4]])), call([[1, 2, 3, 4]]), atol=1e-6)


def test_a_graph_of_other_floats_is_refused(tmp_path):
    module = tf.Module()
    module.w = tf.Variable(tf.ones((4, 2)), name="w")

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def call(x):
        return tf.cast(tf.cast(x, tf.float16) @ tf.cast(module.w, tf.float16), tf.float32)

    tf.saved_model.save(module, tmp_path / "half", signatures=call)
    with pytest.raises(KerasFileError, match="computes in float16, but Core ML learns in float32"):
        load(tmp_path / "half")


def test_weights_of_fewer_bits_are_taken_where_the_graph_computes_in_float32(tmp_path):
    module = tf.Module()
    module.w = tf.Variable(tf.cast([[0.1, 0.2], [0.3, 0.4]], tf.float16), name="w")

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
    def call(x):
        return x @ tf.cast(module.w, tf.float32)

    tf.saved_model.save(module, tmp_path / "whole", signatures=call)
    x = np.float32([[1, 2]])
    found = keras.tree.flatten(load(tmp_path / "whole").model(x))[0]
    np.testing.assert_allclose(found, x @ module.w.numpy().astype(np.float32), rtol=1e-6)


def test_python_takes_a_signature():
    model = converter.convert(FORMS / "tf221_module.zip", signature="scores", **LOGITS)
    learning = [layer.name for layer in mlmodel.updatable_layers(model.spec)]
    assert learning == ["dense/0", "dense/1"]
    with pytest.raises(UsageError, match=r"several signatures \(features, scores\); choose: signa"):
        converter.convert(FORMS / "tf221_module.zip", **LOGITS)


def test_the_command_line_reads_a_folder_and_writes_nothing_into_it(tmp_path, capsys):
    source = unpacked("tf221_module", tmp_path)
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    assert cli.run(["inspect", str(source), "--json"]) == 2
    assert "several signatures (features, scores)" in capsys.readouterr().err
    target = tmp_path / "m.mlmodel"
    options = ["--signature", "scores", "--loss", "categorical_crossentropy"]
    assert cli.run(["convert", str(source), "-o", str(target), *options, "-q"]) == 0
    assert cli.run(["verify", str(target), "--against", str(source), "-q"]) == 0
    other = ["--against", str(source), "--signature", "features"]
    assert cli.run(["verify", str(target), *other]) == 1
    recipe = tmp_path / "m.yaml"
    assert cli.run(["recipe", "init", str(source), "--signature", "scores", "-o", str(recipe)]) == 0
    assert "\nsignature: scores\n" in recipe.read_text()
    into = ["--into", str(source), "-o", str(tmp_path / "m.keras")]
    assert cli.run(["extract", str(target), *into]) != 0
    assert before == {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}


class Subclassed(keras.Model):
    """A model that says in Python how it computes, as PyTorch's do."""

    def __init__(self):
        super().__init__()
        self.conv, self.flat = L.Conv2D(3, 3, activation="relu"), L.Flatten()
        self.hidden, self.head = L.Dense(4, activation="relu"), L.Dense(2, activation="softmax")

    def call(self, images):
        return self.head(self.hidden(self.flat(self.conv(images))))


@pytest.mark.slow
def test_layers_of_a_subclassed_model_have_the_names_of_their_scopes(tmp_path):
    """Keras 3 exports its variables in one list, all called after the model: subclassed/kernel."""
    model, images = Subclassed(), np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    expected = model(images).numpy()
    with pytest.raises(KerasFileError, match=r"is subclassed: .*export\('folder'\)"):
        converter.convert(model)
    model.export(tmp_path / "exported", verbose=False)
    converted = converter.convert(tmp_path / "exported")
    learning = [layer.name for layer in converted.report.layers if layer.updatable]
    assert [name.rstrip("_0123456789") for name in learning] == ["dense", "dense"]
    answers = next(iter(converted.predict(images).values()))
    np.testing.assert_allclose(answers, expected, atol=1e-6)
    assert converted.verify().passed()
