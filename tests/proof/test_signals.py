"""Update steps against Keras where the input has two axes: signals, and gray images without one."""

import pytest

import converter
from converter import cli
from converter.backend.tensorflow import keras
from converter.errors import ParityError
from converter.proof.update import verify

L = keras.layers
SIGNAL = (16, 3)
CLASSES = "sparse_categorical_crossentropy"


def compiled(shape, *layers, loss=CLASSES):
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile("adam", loss)
    return model


def classes():
    return [L.Flatten(), L.Dense(3, activation="softmax", name="head")]


def conv(*args, **options):
    return L.Conv1D(*args, activation="relu", **options)


def gray():
    return [L.Reshape((12, 10, 1)), L.Conv2D(4, 3, activation="relu", name="conv"), *classes()]


CASES = {
    "signal": (SIGNAL, lambda: [conv(4, 3, name="conv"), *classes()], ("conv", "head")),
    "dense layer alone": (SIGNAL, lambda: [conv(4, 3), *classes()], ("head",)),
    "one channel": ((16, 1), lambda: [conv(4, 3, name="conv"), *classes()], ("conv", "head")),
    "one step": ((1, 3), lambda: [conv(4, 1, name="conv"), *classes()], ("conv", "head")),
    "as many steps as channels": (
        (5, 5), lambda: [conv(4, 2, name="conv"), *classes()], ("conv", "head"),
    ),
    "several layers": (
        SIGNAL,
        lambda: [
            conv(4, 3, name="first"), L.MaxPooling1D(),
            conv(5, 4, strides=2, padding="same", name="second"), L.AveragePooling1D(2),
            L.Flatten(), L.Dense(6, activation="tanh", name="dense"),
            L.Dense(3, activation="softmax", name="head"),
        ],
        ("first", "second", "dense", "head"),
    ),
    "global pooling": (
        SIGNAL,
        lambda: [conv(4, 3, name="conv"), L.GlobalAveragePooling1D(), L.Dense(3, "softmax")],
        ("conv",),
    ),
    "separable": (SIGNAL, lambda: [L.SeparableConv1D(4, 3, name="conv"), *classes()], ("conv",)),
    "depthwise": (
        SIGNAL,
        lambda: [L.DepthwiseConv1D(3, depth_multiplier=2, name="conv"), *classes()],
        ("conv",),
    ),
    "steps without convolution": (
        (5, 5), lambda: [L.Flatten(), L.Dense(3, activation="softmax", name="head")], ("head",),
    ),
    "gray images": ((12, 10), gray, ("conv", "head")),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_keras(case):
    shape, layers, chosen = CASES[case]
    result = converter.convert(compiled(shape, *layers()), layers=chosen).verify()
    assert result.predictions <= 1e-5
    assert result.update <= 1e-4
    assert all(tensor.movement > 0 for tensor in result.tensors)
    assert {tensor.name.split(".")[0].split("__")[0] for tensor in result.tensors} == set(chosen)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        (lambda: [conv(4, 3), L.Flatten(), L.Dense(2, name="head")], [2]),
        (lambda: [conv(4, 16), L.Conv1D(2, 1, name="head")], [2, 1, 1]),
    ],
    ids=["a vector", "one step of a signal"],
)
def test_regression_on_signals(layers, shape):
    model = converter.convert(compiled(SIGNAL, *layers(), loss="mean_squared_error"), layers=("*",))
    assert list(model.spec.description.output[0].type.multiArrayType.shape) == shape
    result = model.verify()
    assert result.ending == "values"
    assert result.update <= 1e-4
    assert all(tensor.movement > 0 for tensor in result.tensors)


def test_a_softmax_over_one_step_of_a_signal():
    model = compiled(SIGNAL, conv(4, 16), L.Conv1D(2, 1, activation="softmax"))
    assert converter.convert(model, layers=("*",)).verify().passed()


@pytest.mark.slow
def test_the_command_line_compares_the_files(tmp_path, capsys):
    shape, layers, chosen = CASES["gray images"]
    source, target = tmp_path / "model.keras", tmp_path / "model.mlmodel"
    compiled(shape, *layers()).save(source)
    options = ["-o", str(target), "--layers", ",".join(chosen), "--verify-update"]
    assert cli.run(["convert", str(source), *options]) == 0, capsys.readouterr().err
    assert "update steps equal Keras's" in capsys.readouterr().out
    command = ["verify", str(target), "--against", str(source), "--steps", "3"]
    assert cli.run(command) == 0, capsys.readouterr().err
    assert "PASS" in capsys.readouterr().out


def test_signals_of_another_length_are_refused():
    model = converter.convert(compiled(SIGNAL, *CASES["signal"][1]()))
    longer = compiled((17, 3), *CASES["signal"][1]())
    with pytest.raises(ParityError, match=r"takes \[3, 1, 16\], but the Keras model \[17, 3\]"):
        verify(model.spec, longer)
