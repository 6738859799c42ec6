"""``inspect --advise``: what choices of layers would cost is what they cost when converted."""

import json

import numpy as np
import pytest
import yaml

from converter import cli
from converter.backend.tensorflow import keras
from converter.conversion.advice import FORMS, MOST, _choices
from converter.conversion.inspection import inspect
from converter.conversion.story import convert_file
from converter.errors import UnsupportedError
from converter.learning.choice import Candidate
from converter.recipe import Recipe
from converter.trace.program import KerasLayer
from tests.converting import IMAGE, binary, small_cnn
from tests.lower.oracle import sequential

L = keras.layers


def folded():
    model = sequential(
        IMAGE, L.Conv2D(4, 3, use_bias=False, name="conv"), L.BatchNormalization(name="norm"),
        L.ReLU(), L.DepthwiseConv2D(3, name="depthwise"), L.BatchNormalization(name="norm_2"),
        L.ReLU(), L.Conv2D(6, 1, name="point"), L.ReLU(), L.Flatten(),
        L.Dense(3, "softmax", name="head"),
    )  # fmt: skip
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "categorical_crossentropy")
    for layer in (model.get_layer("norm"), model.get_layer("norm_2")):
        layer.set_weights([weights + 0.25 for weights in layer.get_weights()])
    return model


def blocked():
    """Nothing before the addition can learn."""
    x = keras.Input(IMAGE)
    y = L.Conv2D(3, 1, name="below")(x)
    y = L.Conv2D(2, 3, name="above")(L.Add()([x, y]))
    model = keras.Model(x, L.Dense(2, "softmax", name="head")(L.Flatten()(y)))
    model.compile("adam", "categorical_crossentropy")
    return model


def uncompiled():
    return small_cnn(loss=None)


def guessed():
    return small_cnn(units=1, activation="tanh", loss=None)


def two_inputs():
    x, y = keras.Input((4,), name="left"), keras.Input((6,), name="right")
    joined = L.Concatenate()([L.Dense(3, activation="relu", name="inside")(x), y])
    model = keras.Model([x, y], L.Dense(2, "softmax", name="head")(joined))
    model.compile("sgd", "categorical_crossentropy")
    return model


MODELS = {
    "cnn": (small_cnn, [("dense_6",), ("dense_5", "dense_6"), ("conv", "dense_5", "dense_6")]),
    "binary": (binary, [("dense_6",), ("dense_5", "dense_6"), ("conv", "dense_5", "dense_6")]),
    "folded": (
        folded,
        [("head",), ("point", "head"), ("depthwise", "point", "head"),
         ("conv", "depthwise", "point", "head")],
    ),
    "blocked": (blocked, [("head",), ("above", "head")]),
    "uncompiled": (
        uncompiled, [("dense_6",), ("dense_5", "dense_6"), ("conv", "dense_5", "dense_6")],
    ),
    "guessed": (
        guessed, [("dense_6",), ("dense_5", "dense_6"), ("conv", "dense_5", "dense_6")],
    ),
    "two inputs": (two_inputs, [("head",)]),
}  # fmt: skip
LOSS = {"guessed": {"loss": "mean_squared_error"}}


def converted(source, layers, **settings):
    """Convert to a file beside `source`; return its size and the report."""
    target = source.with_name("out.mlmodel")
    report = convert_file(Recipe(model=source, output_path=target, layers=layers, **settings))
    return target.stat().st_size, report


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_each_choice_can_be_converted_and_is_as_large_as_was_said(name, tmp_path):
    make, choices = MODELS[name]
    source, loss = tmp_path / "model.keras", LOSS.get(name, {})
    make().save(source)
    found = inspect(Recipe(model=source), advise=True)
    assert [choice.layers for choice in found.advice] == choices
    assert [choice.layers for choice in found.advice if choice.is_default] == [found.chosen]
    for choice in found.advice:
        size, report = converted(source, choice.layers, **loss)
        assert choice.sizes["network"] == size
        assert choice.weights == report.parameters.learning
        learning = {layer.name for layer in report.layers if layer.updatable}
        assert learning == set(choice.layers)


@pytest.mark.slow
@pytest.mark.parametrize("form", [form for form in FORMS if form != "network"])
@pytest.mark.parametrize("make", [folded, binary])
def test_each_form_of_the_file_is_as_large_as_was_said(form, make, tmp_path):
    source = tmp_path / "model.keras"
    make().save(source)
    first, *_, last = inspect(Recipe(model=source), advise=True).advice
    settings, _ = FORMS[form]
    assert first.sizes[form] == converted(source, first.layers, **settings)[0]
    assert last.sizes[form] is None
    with pytest.raises(UnsupportedError, match="there is nothing to cut off"):
        converted(source, last.layers, **settings)


def test_no_kernel_is_read(tmp_path, capsys):
    """Those that are no numbers make a conversion fail, but have the same shapes."""
    model, path = folded(), tmp_path / "model.keras"
    model.save(path)
    before = inspect(Recipe(model=path), advise=True)
    for layer in model.layers:
        arrays = layer.get_weights()
        layer.set_weights([x * np.nan if x.ndim > 1 else x for x in arrays])
    model.save(path)
    assert inspect(Recipe(model=path), advise=True) == before
    found = inspect(Recipe(model=path))
    assert "holds NaN" in found.problem
    assert found.advice is None


def test_memory_is_what_samples_leave_the_weights_and_what_the_optimizer_remembers(tmp_path):
    small_cnn().save(tmp_path / "adam.keras")
    first, *_ = inspect(Recipe(model=tmp_path / "adam.keras"), advise=True).advice
    memory = first.memory
    assert (memory.batch_size, memory.activations) == (32, 4 * 32 * (6 + 4))
    assert memory.weights == 4 * (4 * 27 + 4 + 36 * 6 + 6 + 6 * 4 + 4)
    assert memory.optimizer == 4 * 2 * (6 * 4 + 4)
    assert memory.total == memory.activations + memory.weights + memory.optimizer
    for momentum, times in ((0.0, 0), (0.9, 1)):
        small_cnn(optimizer=keras.optimizers.SGD(0.1, momentum)).save(tmp_path / "sgd.keras")
        first, *_ = inspect(Recipe(model=tmp_path / "sgd.keras"), advise=True).advice
        assert first.memory.optimizer == 4 * times * (6 * 4 + 4)


def test_people_and_programs_are_told_the_same(tmp_path, capsys):
    path = tmp_path / "model.keras"
    small_cnn().save(path)
    assert cli.run(["inspect", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["advice"] is None
    assert cli.run(["inspect", str(path), "--advise", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [choice["what"] for choice in found["advice"]] == [
        "the last layer, dense_6", "all dense layers", "all that can learn",
    ]  # fmt: skip
    assert [choice["is_default"] for choice in found["advice"]] == [False, True, False]
    assert found["advice"][2]["sizes"]["pipeline"] is None
    assert cli.run(["inspect", str(path), "--advise", "--yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == found
    assert cli.run(["inspect", str(path), "--advise"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if "│ all dense layers (default)" in line)
    assert [cell.strip() for cell in row.split("│")[2:5]] == [
        "250", f"{found['advice'][1]['multiply_adds']:,}",
        f"{found['advice'][1]['memory']['total'] / 1e3:.1f} kB",
    ]  # fmt: skip
    assert "all dense layers: --layers dense_5,dense_6" in lines


def test_a_model_in_which_nothing_can_learn(tmp_path, capsys):
    model = sequential((5, 4), L.LSTM(3, name="lstm"), L.Dense(2, activation="softmax", name="d"))
    model.save(tmp_path / "lstm.keras")
    assert inspect(Recipe(model=tmp_path / "lstm.keras"), advise=True).advice == ()
    assert cli.run(["inspect", str(tmp_path / "lstm.keras"), "--advise"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("no layer can learn")


def test_of_a_core_ml_model_nothing_is_advised(capsys):
    assert cli.run(["inspect", "m.mlmodel", "--advise"]) == 2
    expected = "error: --advise: has no effect on a .mlmodel, only on a Keras file\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(("count", "choices"), [(1, 1), (MOST, MOST), (500, MOST)])
def test_of_a_deep_network_not_every_layer_is_a_choice(count, choices):
    layers = [KerasLayer(f"conv_{i}", "Conv2D", ("kernel",)) for i in range(count)]
    found = _choices([Candidate(layer, ("convolution",)) for layer in layers])
    assert len(found) == choices
    lengths = [len(names) for names in found]
    assert (lengths[0], lengths[-1]) == (1, count)
    assert found[f"conv_{count - 1}",] == f"the last layer, conv_{count - 1}"
