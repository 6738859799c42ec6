"""Layers are chosen, shown and written by the names that their users gave them."""

import json

import h5py
import numpy as np
import pytest

from converter import convert
from converter.backend.tensorflow import keras
from converter.conversion.inspection import inspect
from converter.errors import NotUpdatableError
from converter.recipe import Recipe
from tests.lower.oracle import randomized

L = keras.layers

NAMES = [
    "my dense", "плотный", "dense😀", "a\\b", "100%", '"quoted"', "it's", "a:b", "a.b", "[ab]",
    "a*b", "__x", "-x", " x ", "two\nlines", "n" * 500, "keras_layer_0", "w0", "const", "main",
    "input", "output", "loss", "output_true",
]  # fmt: skip


def classifier(*layers, **options):
    model = keras.Sequential(
        [keras.Input((4,)), *layers, L.Dense(3, activation="softmax", name="last")], **options
    )
    model.compile("sgd", "categorical_crossentropy")
    return randomized(model)


def names(model):
    return [layer.name for layer in model.spec.neuralNetwork.layers]


def learning(model):
    return [layer.name for layer in model.spec.neuralNetwork.layers if layer.isUpdatable]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_layer(name):
    model = classifier(L.Dense(5, activation="relu", name=name), name="the model")
    found = convert(model, layers=[name])
    assert learning(found) == [name]
    assert names(found) == [name, f"{name}__activation", "last", "last__softmax"]
    assert model.layers[0].name == name
    assert not [finding for finding in found.validate() if finding.severity == "error"]


@pytest.mark.slow
def test_all_names_at_once_learn_as_in_keras():
    model = classifier(*[L.Dense(3, name=name) for name in NAMES])
    found = convert(model, layers=NAMES, verify_update=True)
    assert learning(found) == NAMES
    assert any("update steps equal Keras's" in note for note in found.report.notes)


def with_slashes(path, renamed, model):
    """Save `model` as Keras 2 would, with layers renamed to what today's Keras refuses."""
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            layer["config"]["name"] = renamed.get(layer["config"]["name"], layer["config"]["name"])
        file.attrs["model_config"] = json.dumps(config)
        groups = file["model_weights"]
        groups.attrs["layer_names"] = [renamed.get(n, n) for n in groups.attrs["layer_names"]]
        for old, new in renamed.items():
            groups.move(old, f"moved-{old}")
            groups.move(f"moved-{old}", new)
    return path


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("block1/dense", ["block1/dense"]),
        ("block1/*", ["block1/dense", "block1/other"]),
        ("block1_dense", ["block1_dense"]),
    ],
)
def test_slashes_of_keras_2(pattern, chosen, tmp_path):
    model = classifier(*[L.Dense(5, name=name) for name in "abc"])
    renamed = {"a": "block1/dense", "b": "block1/other", "c": "block1_dense"}
    path = with_slashes(tmp_path / "model.h5", renamed, model)
    found = convert(path, layers=[pattern])
    assert learning(found) == chosen
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    np.testing.assert_allclose(
        found.predict(x)["output"].reshape(2, 3), model(x), rtol=1e-4, atol=1e-5
    )
    rows = inspect(Recipe(model=path)).layers
    assert [row.name for row in rows] == ["block1/dense", "block1/other", "block1_dense", "last"]


def test_the_same_odd_name_in_two_nested_models():
    x = keras.Input((4,), name="мой вход")
    inner = [
        keras.Sequential([keras.Input((4,)), L.Dense(4, name="d d")], name=name)
        for name in ("inner one", "inner two")
    ]
    model = keras.Model(x, L.Dense(3, activation="softmax", name="o o")(inner[1](inner[0](x))))
    model.compile("sgd", "categorical_crossentropy")
    found = convert(randomized(model), layers=["inner one/*"], verify_update=True)
    assert learning(found) == ["inner one/d d"]
    assert "inner two/d d" in names(found)


def test_names_of_several_inputs_and_of_the_output():
    inputs = [keras.Input((4,), name="вход 1"), keras.Input((4,), name="100% in")]
    both = L.Concatenate(name="con cat")(inputs)
    model = keras.Model(inputs, L.Dense(3, activation="softmax", name="my output")(both))
    model.compile("sgd", "categorical_crossentropy")
    found = convert(randomized(model), output="my output", output_name="мой выход")
    description = found.spec.description
    assert [feature.name for feature in description.input] == ["вход 1", "100% in"]
    assert [feature.name for feature in description.output] == ["мой выход"]


@pytest.mark.parametrize("pattern", ["dropout", "drop*"])
def test_a_layer_with_nothing_to_learn_exists(pattern):
    model = classifier(L.Dense(5), L.Dropout(0.5, name="dropout"))
    with pytest.raises(NotUpdatableError, match=r"layer 'dropout' \(Dropout\) has no weights"):
        convert(model, layers=[pattern])
