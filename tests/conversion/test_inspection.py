"""The way to what ``inspect`` says of a Keras file."""

from contextlib import contextmanager

import pytest

from converter.backend.tensorflow import keras
from converter.conversion.inspection import inspect
from converter.recipe import Recipe

L = keras.layers


def image_model(*layers):
    return keras.Sequential([keras.Input((6, 6, 2)), L.Conv2D(2, 3, name="conv"), *layers])


MODELS = {
    "as compiled": (image_model(L.Flatten(), L.Dense(3, activation="softmax")), True, ["dense"]),
    "second guess": (image_model(L.Flatten(), L.Dense(1, activation="tanh")), False, ["dense"]),
    "no loss at all": (image_model(), False, []),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_traced_once_whatever_its_loss(name, tmp_path):
    model, is_compiled, chosen = MODELS[name]
    if is_compiled:
        model.compile("adam", "categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    steps = []

    @contextmanager
    def step(what):
        steps.append(what)
        yield

    found = inspect(Recipe(model=tmp_path / "model.keras"), step)
    assert steps == ["load", "trace", "lower"]
    assert [layer.split("_")[0] for layer in found.chosen] == chosen
    assert bool(found.problem) == (not chosen)


def test_a_model_in_which_nothing_can_learn_is_shown_with_the_reasons(tmp_path):
    tail = (L.LeakyReLU(0.1), L.GlobalAveragePooling2D(), L.Activation("softmax"))
    model = image_model(*tail)
    model.compile("sgd", "categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    found = inspect(Recipe(model=tmp_path / "model.keras"))
    assert (found.problem, found.chosen) == ("no layer of this model can learn on the device", ())
    rows = {row.name: row for row in found.layers}
    assert not rows["conv"].updatable
    assert "LeakyReLU" in rows["conv"].reason


@pytest.mark.parametrize(
    ("output", "loss", "layers"),
    [(None, "mean_squared_error", ["a"]), ("b", "categorical_crossentropy", ["b"])],
)
def test_of_several_outputs_the_loss_is_that_of_the_one_looked_at(output, loss, layers, tmp_path):
    x = keras.Input((4,))
    heads = [keras.layers.Dense(2, name="a")(x), keras.layers.Dense(3, "softmax", name="b")(x)]
    model = keras.Model(x, heads)
    model.compile(keras.optimizers.SGD(0.25), {"a": "mse", "b": "categorical_crossentropy"})
    model.save(tmp_path / "two.keras")
    found = inspect(Recipe(model=tmp_path / "two.keras", output=output))
    assert (found.loss, found.optimizer, found.learning_rate) == (loss, "SGD", 0.25)
    assert list(found.chosen) == layers
    assert found.outputs == ("a", "b")
    assert any("first of 2 outputs" in note for note in found.notes) == (output is None)


def test_each_layer_with_weights_has_a_verdict_and_a_reason(tmp_path):
    x = keras.Input((6, 6, 2))
    y = L.BatchNormalization(name="norm")(L.Conv2D(2, 3, name="conv")(x))
    heads = [L.Dense(3, "softmax", name="a")(L.Flatten()(y)), L.Conv2D(2, 1, name="b")(y)]
    model = keras.Model(x, heads)
    model.compile("adam", {"a": "categorical_crossentropy", "b": "mse"})
    model.save(tmp_path / "model.keras")
    rows = {row.name: row for row in inspect(Recipe(model=tmp_path / "model.keras")).layers}
    assert {name: row.updatable for name, row in rows.items() if row.weights} == {
        "conv": True, "norm": False, "a": True, "b": False,
    }  # fmt: skip
    assert rows["b"].reason == "does not contribute to the output that is trained"
    assert rows["norm"].reason.startswith("has no kernel")
    assert rows["a"].reason == ""


def test_a_layer_of_several_outputs_has_the_shape_of_the_first(tmp_path):
    x = keras.Input((6, 5, 2))
    lstm = L.LSTM(3, return_state=True, name="lstm")(L.Reshape((6, 10))(x))
    model = keras.Model(x, L.Dense(2, "softmax")(lstm[0]))
    model.save(tmp_path / "model.keras")
    rows = {row.name: row for row in inspect(Recipe(model=tmp_path / "model.keras")).layers}
    assert rows["lstm"].output == (None, 3)


def test_inner_layers_are_told_by_their_names_and_by_their_paths_where_two_share_one(tmp_path):
    one = keras.Sequential(
        [keras.Input((4,)), L.Dense(4, name="a"), L.Dense(4, name="b")], name="one"
    )
    two = keras.Sequential(
        [keras.Input((4,)), L.Dense(4, name="b"), L.Dense(4, name="c")], name="two"
    )
    head = L.Dense(2, activation="softmax", name="d")
    keras.Sequential([keras.Input((4,)), one, two, head]).save(tmp_path / "model.keras")
    found = inspect(Recipe(model=tmp_path / "model.keras"))
    assert [row.name for row in found.layers] == ["a", "one/b", "two/b", "c", "d"]
    assert [row.inputs for row in found.layers][1:] == [("a",), ("one/b",), ("two/b",), ("c",)]
