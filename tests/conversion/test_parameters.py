"""Parameters are counted as Keras counts them: every weight once."""

import json
import re

import pytest

from converter import cli
from converter.backend.tensorflow import keras
from converter.conversion.inspection import inspect
from converter.files.paths import size_of
from converter.recipe import Recipe
from tests.converting import IMAGE, convert
from tests.lower.oracle import sequential

L = keras.layers


def with_norm():
    return sequential(
        IMAGE, L.Conv2D(4, 3, use_bias=False, name="conv"), L.BatchNormalization(name="norm"),
        L.Flatten(), L.Dense(3, "softmax", name="head"),
    )  # fmt: skip


def shared():
    twice = L.Dense(5, activation="relu", name="twice")
    x = keras.Input((5,))
    return keras.Model(x, L.Dense(2, "softmax", name="head")(twice(twice(x))))


def nested():
    inner = sequential(IMAGE, L.Conv2D(2, 3, name="conv"), L.Flatten(name="flat"))
    return sequential(IMAGE, inner, L.Dense(2, activation="softmax", name="head"))


def nested_and_shared():
    inner = sequential((4,), L.Dense(4, activation="relu", name="inside"))
    x = keras.Input((4,))
    return keras.Model(x, L.Dense(2, "softmax", name="head")(inner(inner(x))))


def partly_frozen():
    model = with_norm()
    model.get_layer("conv").trainable = False
    return model


MODELS = {
    "norm": (with_norm, 144 * 3 + 3),
    "shared": (shared, 5 * 2 + 2),
    "nested": (nested, 72 * 2 + 2),
    "nested and shared": (nested_and_shared, 4 * 2 + 2),
    "partly frozen": (partly_frozen, 144 * 3 + 3),
}
"""Name -> how it is made, and the weights of its last layer, which learns."""


def by_summary(model):
    """Return what Keras itself prints: total, trainable and other parameters."""
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    found = re.findall(r"(?:Total|Trainable|Non-trainable) params: ([0-9,]+)", "\n".join(lines))
    return [int(number.replace(",", "")) for number in found]


@pytest.mark.parametrize("name", MODELS)
def test_the_counts_are_those_of_keras(name, tmp_path):
    make, learning = MODELS[name]
    model = make()
    expected = by_summary(model)
    assert expected[0] == model.count_params()
    model.compile("sgd", "categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    recipe = Recipe(model=tmp_path / "model.keras", layers=("head",))
    counts = inspect(recipe).parameters
    assert [counts.total, counts.trainable, counts.non_trainable] == expected
    assert counts.learning + counts.frozen == expected[0]
    _, report = convert(model, tmp_path, layers=("head",))
    found = report.parameters
    assert [found.total, found.trainable, found.non_trainable] == expected
    assert (found.learning, found.frozen) == (learning, expected[0] - learning)


def test_a_folder_is_as_large_as_its_files(tmp_path):
    (tmp_path / "variables").mkdir()
    for name, size in (("saved_model.pb", 7), ("variables/variables.index", 35)):
        (tmp_path / name).write_bytes(bytes(size))
    assert size_of(tmp_path) == 42
    assert size_of(tmp_path / "saved_model.pb") == 7


def test_what_is_folded_is_a_parameter_of_keras_but_none_of_the_file(tmp_path):
    model = with_norm()
    model.compile("sgd", "categorical_crossentropy")
    _, report = convert(model, tmp_path, layers=("head",))
    kernel, norm, head = 4 * 27, 4 * 4, 144 * 3 + 3
    assert report.parameters.total == kernel + norm + head
    assert report.stored.total == report.stored.frozen + head
    assert report.stored.total < report.parameters.total


def test_a_core_ml_model_is_counted_by_what_it_stores(tmp_path, capsys):
    model = sequential(IMAGE, L.Flatten(), L.Dense(4, activation="softmax", name="head"))
    model.compile("sgd", "categorical_crossentropy")
    convert(model, tmp_path, classes=("a", "b", "c", "d"), image="rgb", scale=0.5, bias=(1, 2, 3))
    path = tmp_path / "converted.mlmodel"
    assert cli.run(["inspect", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["size"] == path.stat().st_size
    count = model.count_params()
    assert found["parameters"] == {"total": count, "learning": count, "frozen": 0}
    assert found["labels"] == ["a", "b", "c", "d"]
    assert found["images"] == [
        {"name": "image", "colour": "rgb", "width": 8, "height": 8, "scale": [0.5] * 3,
         "bias": [1.0, 2.0, 3.0], "mean_image": False},
    ]  # fmt: skip
    assert cli.run(["inspect", str(path)]) == 0
    printed = capsys.readouterr().out
    size = path.stat().st_size
    for line in (
        f"file             {path}, {size / 1e3:.1f} kB ({size:,} bytes)",
        f"parameters       {count:,}: {count:,} learn on the device, 0 stay frozen",
        "classes          a, b, c, d",
        "image            image: rgb 8 × 8, red: 0.5 × pixel + 1; green: 0.5 × pixel + 2; "
        "blue: 0.5 × pixel + 3",
    ):
        assert line in printed.splitlines()
