"""Arrays as Keras has them and as Core ML has them, for signals, vectors and gray images."""

import numpy as np
import pytest

import converter
from converter import cli
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from converter.coreml.inspection import inspect
from converter.errors import DataError, UsageError
from tests.lower.oracle import randomized

L = keras.layers


def head():
    return [L.Flatten(), L.Dense(3, activation="softmax", name="head")]


CASES = {
    "signal": ((12, 3), [L.Conv1D(4, 3)], [3, 1, 12], [(12, 3), (1, 12, 3)]),
    "as many steps as channels": ((5, 5), [L.Conv1D(4, 3)], [5, 1, 5], [(5, 5), (1, 5, 5)]),
    "signal of one channel": ((12, 1), [L.Conv1D(4, 3)], [1, 1, 12], [(12, 1), (12,)]),
    "flattened signal": ((12, 3), [], [3, 1, 12], [(12, 3)]),
    "gray image of two axes": (
        (9, 8), [L.Reshape((9, 8, 1)), L.Conv2D(4, 3)], [1, 9, 8], [(9, 8), (9, 8, 1)],
    ),
    "gray image": ((9, 8, 1), [L.Conv2D(4, 3)], [1, 9, 8], [(9, 8, 1), (9, 8)]),
    "image": ((9, 8, 3), [L.Conv2D(4, 3)], [3, 9, 8], [(9, 8, 3)]),
    "image of one row": ((1, 8, 3), [L.Conv2D(4, 1)], [3, 1, 8], [(1, 8, 3), (8, 3)]),
    "vector": ((7,), [], [7], [(7,)]),
    "single number": ((1,), [], [1], [(1,), ()]),
}  # fmt: skip
"""Keras's shape, the first layers, the shape that Core ML declares, shapes that are taken."""


@pytest.fixture(scope="module", params=CASES)
def case(request):
    shape, layers, declared, taken = CASES[request.param]
    net = randomized(keras.Sequential([keras.Input(shape), *layers, *head()]))
    net.compile("sgd", "sparse_categorical_crossentropy")
    return net, converter.convert(net), shape, declared, taken


def samples(shape):
    return np.random.default_rng(0).uniform(-1, 1, (6, *shape)).astype(np.float32)


def as_core_ml(x):
    """Return Keras's ``[N, H, W, C]`` or ``[N, steps, C]`` as ``[N, C, H, W]``, by hand."""
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x.transpose(0, 2, 1)[:, :, None]


def test_predictions_are_those_of_keras_in_every_shape(case):
    net, made, shape, declared, taken = case
    x = samples(shape)
    expected = np.asarray(net(x))
    for rows in taken:
        found = made.predict(x.reshape(6, *rows))["output"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
    if len(declared) == 3 and len(shape) > 1 and list(shape) != [9, 8]:
        found = made.predict(as_core_ml(x))["output"]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("case", ["image of one row", "single number"], indirect=True)
def test_update_steps_are_those_of_keras(case):
    """Those of signals, vectors and gray images are in the tests of the proof."""
    assert case[1].verify().passed()


def test_both_shapes_are_shown(case):
    _, made, shape, declared, _ = case
    (feature,) = made.report.inputs
    assert feature.type == f"float32 {declared}"
    in_keras = f" (in Keras {list(shape)})" if list(shape) != declared else ""
    assert str(feature) == f"{feature.name}: float32 {declared}{in_keras}"
    assert made.report.training_inputs[0] == feature


@pytest.mark.slow
def test_training_takes_them_too(case):
    _, made, shape, _, taken = case
    x, y = samples(shape), np.arange(6) % 3
    first, *others = (made.train(x.reshape(6, *rows), y, epochs=2, seed=1) for rows in taken)
    assert first.history.epochs[-1].loss > 0
    for other in others:
        assert other.history.epochs[-1].loss == first.history.epochs[-1].loss


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
def test_archives_hold_signals_as_keras_has_them(command, tmp_path, capsys):
    net = randomized(keras.Sequential([keras.Input((12, 3)), L.Conv1D(4, 3), *head()]))
    net.compile("sgd", "sparse_categorical_crossentropy")
    target, printed = tmp_path / "m.mlmodel", []
    converter.convert(net).save(target)
    x = samples((12, 3))
    for name, array in {"keras": x, "core_ml": as_core_ml(x)}.items():
        np.savez(tmp_path / f"{name}.npz", x=array, y=np.arange(6) % 3)
        out = ["-o", str(tmp_path / "t.mlmodel"), "--epochs", "1"] if command == "train" else []
        line = [command, str(target), "--data", str(tmp_path / f"{name}.npz"), *out]
        assert cli.run(line) == 0, capsys.readouterr().err
        out = capsys.readouterr().out  # of training the time, too
        printed.append((tmp_path / "t.mlmodel").read_bytes() if command == "train" else out)
    assert printed[0] == printed[1]


def test_inspect_shows_both_shapes_of_a_keras_file(tmp_path, capsys):
    path = tmp_path / "m.keras"
    keras.Sequential([keras.Input((12, 3)), L.Conv1D(4, 3), *head()]).save(path)
    assert cli.run(["inspect", str(path)]) == 0
    assert "? × 12 × 3 (in Core ML [3, 1, 12])" in capsys.readouterr().out


def test_of_models_of_others_the_shapes_alone_decide(case):
    _, made, shape, declared, taken = case
    other = type(made.spec)()
    other.CopyFrom(made.spec)
    other.description.metadata.userDefined.clear()
    expected = {"signal": [12, 3], "image": [9, 8, 3]}
    assert (inspect(other).inputs[0].keras is None) == (len(declared) == 1)
    if declared == [3, 1, 12]:
        assert inspect(other).inputs[0].keras == tuple(expected["signal"])
    from converter.data.layout import to_core_ml

    for rows in taken:
        feature = mlmodel.network(other) and other.description.input[0]
        turned = to_core_ml(feature, (6, *rows), "auto")(samples(shape).reshape(6, *rows))
        assert list(turned.shape) == [6, *declared]


@pytest.mark.parametrize("rows", [(13, 3), (3, 12), (12, 3, 1), (36,)])
def test_what_fits_no_layout_is_refused_with_what_does(rows):
    net = keras.Sequential([keras.Input((12, 3)), L.Conv1D(4, 3), *head()])
    net.compile("sgd", "sparse_categorical_crossentropy")
    message = r"\[N, 1, 12, 3\], \[N, 12, 3\] \(nhwc\) or \[N, 3, 1, 12\] \(nchw\) is needed"
    with pytest.raises(DataError, match=message):
        converter.convert(net, verify=False).predict(samples(rows))


def test_images_that_fit_both_layouts_must_be_told():
    net = keras.Sequential([keras.Input((3, 3, 3)), L.Conv2D(4, 3), *head()])
    net.compile("sgd", "sparse_categorical_crossentropy")
    made, x = converter.convert(net, verify=False), samples((3, 3, 3))
    with pytest.raises(UsageError, match="say layout='nhwc' or layout='nchw'"):
        made.predict(x)
    for layout, keras_form in (("nhwc", x), ("nchw", x.transpose(0, 2, 3, 1))):
        expected = np.asarray(net(keras_form))
        np.testing.assert_allclose(made.predict(x, layout=layout)["output"], expected, atol=1e-5)
