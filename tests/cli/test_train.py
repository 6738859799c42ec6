"""The commands that train, evaluate and predict, on real digits."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder
from PIL import Image

from converter.cli import run
from converter.coreml import mlmodel
from tests.runtime.helpers import random
from tests.runtime.updatable import MNIST, adam, digits, floats_of, line, sgd

pytestmark = pytest.mark.slow

SCALE = ("--scale", "1/255")


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "digits.mlmodel"
    mlmodel.write(digits(optimizer=adam()), path)
    return path


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def called(capsys, *arguments):
    code = run([str(argument) for argument in arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


def test_training_evaluating_predicting(model, capsys, tmp_path):
    before = model.read_bytes()
    records = ("--history", "h.csv", "--plot", "h.png")
    code, out, err = called(
        capsys, "train", model, "--data", MNIST, *SCALE, "--epochs", 3, *records
    )
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("before       held-out loss 2.")
    assert [line.split()[1] for line in lines[1:4]] == ["1/3", "2/3", "3/3"]
    assert "held-out accuracy 0." in lines[3]
    assert lines[4:] == ["wrote h.csv", "wrote h.png", lines[6]]
    assert lines[6].startswith("wrote digitsTrained.mlmodel")
    assert files(tmp_path) == ["digits.mlmodel", "digitsTrained.mlmodel", "h.csv", "h.png"]
    assert model.read_bytes() == before

    with Path("h.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[2]["loss"]) < float(rows[0]["loss"])
    with Image.open("h.png") as image:
        assert image.size == (1280, 520)
        assert len(np.unique(np.asarray(image))) > 10

    code, out, _ = called(capsys, "evaluate", "digitsTrained.mlmodel", "--data", MNIST, *SCALE)
    assert code == 0
    found = dict(line.split() for line in out.splitlines())
    assert found["samples"] == "400"
    assert float(found["accuracy"]) == pytest.approx(float(rows[2]["held_out_accuracy"]))
    assert float(found["loss"]) == pytest.approx(float(rows[2]["held_out_loss"]), rel=1e-4)

    code, out, _ = called(
        capsys, "predict", "digitsTrained.mlmodel", "--data", MNIST, *SCALE, "-o", "p.csv"
    )
    assert (code, out) == (0, "wrote p.csv\n")
    with Path("p.csv").open() as file:
        answers = [int(row["class"]) for row in csv.DictReader(file)]
    with np.load(MNIST) as stored:
        share = (np.array(answers) == stored["y_test"]).mean()
    assert share == pytest.approx(float(found["accuracy"]))


def test_history_as_json(model, capsys):
    code, _, _ = called(
        capsys, "train", model, "--data", MNIST, *SCALE, "--epochs", 1, "--history", "h.json"
    )
    assert code == 0
    history = json.loads(Path("h.json").read_text())
    assert history["before"]["accuracy"] < 0.3
    assert [epoch["epoch"] for epoch in history["epochs"]] == [1]


def test_the_same_command_writes_the_same_file(model, capsys):
    for name in ("a.mlmodel", "b.mlmodel"):
        assert called(capsys, "train", model, "--data", MNIST, *SCALE, "-o", name)[0] == 0
    assert Path("a.mlmodel").read_bytes() == Path("b.mlmodel").read_bytes()


def test_settings_are_used(model, capsys):
    chosen = ("--epochs", 1, "--batch-size", 10, "--learning-rate", 1e-30, "--no-shuffle")
    assert called(capsys, "train", model, "--data", MNIST, *SCALE, *chosen)[0] == 0
    after = mlmodel.read(Path("digitsTrained.mlmodel"))
    np.testing.assert_array_equal(floats_of(after, "conv"), floats_of(mlmodel.read(model), "conv"))


def test_data_to_test_with(model, capsys):
    with np.load(MNIST) as stored:
        np.savez("small.npz", x=stored["x_test"][:50], y=stored["y_test"][:50])
    args = ("train", model, "--data", "small.npz", *SCALE, "--epochs", 1, "--force")
    code, out, _ = called(capsys, *args)
    assert code == 0
    assert "held-out" not in out
    assert "held-out accuracy" in called(capsys, *args, "--hold-out", 0.2)[1]
    assert "held-out accuracy" in called(capsys, *args, "--test", MNIST)[1]
    code, _, err = called(capsys, *args, "--hold-out", 0.2, "--test", MNIST)
    assert (code, err) == (
        2, "error: --test and --hold-out exclude each other; leave one out\n"
    )  # fmt: skip
    args = ("train", model, "--data", MNIST, *SCALE, "--hold-out", 0.2, "--force")
    code, _, err = called(capsys, *args)
    assert (code, err) == (2, "error: --hold-out: there are other data to test with\n")


def test_a_folder_of_images(model, capsys):
    with np.load(MNIST) as stored:
        for i, (x, y) in enumerate(zip(stored["x_train"][:40], stored["y_train"], strict=False)):
            folder = Path("images") / str(y)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(x).save(folder / f"{i}.png")
    code, out, err = called(capsys, "train", model, "--data", "images", *SCALE, "--epochs", 2)
    assert code == 0, err
    one = next(Path("images/7").iterdir())
    code, out, _ = called(capsys, "predict", model, "--data", one, *SCALE)
    assert code == 0
    assert out.startswith(f"{one}  ")
    assert len(out.splitlines()) == 1


def test_predictions_are_shown_or_written(model, capsys):
    code, out, _ = called(capsys, "predict", model, "--data", MNIST, *SCALE)
    assert code == 0
    assert len(out.splitlines()) == 21
    assert out.splitlines()[-1] == "… and 380 more; write them all with -o"
    assert called(capsys, "predict", model, "--data", MNIST, *SCALE, "-o", "p.npz")[0] == 0
    with np.load("p.npz") as stored:
        assert stored["y"].shape == (400, 10)


@pytest.fixture
def regression(tmp_path, monkeypatch):
    """Return y = x @ weights.T + bias, and two samples in x.npz."""
    monkeypatch.chdir(tmp_path)
    spec = line()
    mlmodel.write(spec, tmp_path / "line.mlmodel")
    x = np.array([[0, 0, 0], [1, 0, 2]], np.float32)
    np.savez("x.npz", x=x, y=np.zeros((2, 2)))
    weights, bias = floats_of(spec, "dense").reshape(2, 3), floats_of(spec, "dense", "bias")
    return x @ weights.T + bias


def test_values_are_printed_as_values(regression, capsys):
    code, out, _ = called(capsys, "predict", "line.mlmodel", "--data", "x.npz")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert [row[0] for row in rows] == ["0", "1"]
    printed = np.array([row[1:] for row in rows], float)
    np.testing.assert_allclose(printed, regression, rtol=1e-5)
    called(capsys, "predict", "line.mlmodel", "--data", "x.npz", "-o", "p.csv")
    with Path("p.csv").open() as file:
        table = list(csv.reader(file))
    assert table[0] == ["sample", "value_0", "value_1"]
    np.testing.assert_allclose(np.array(table[1:], float)[:, 1:], regression, rtol=1e-5)


def test_a_sigmoid_is_no_class_and_moved_probabilities_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", x=random(2, 3))
    for kind in ("SIGMOID", "softmax"):
        builder = NeuralNetworkBuilder([("x", datatypes.Array(3))], [("y", datatypes.Array(3))])
        if kind == "softmax":
            builder.add_softmax("last", "x", "shares")
        else:
            builder.add_activation("last", kind, "x", "shares")
        builder.add_flatten("flat", 0, "shares", "y")
        mlmodel.write(builder.spec, tmp_path / f"{kind}.mlmodel")

    def words(kind):
        line = ("predict", f"{kind}.mlmodel", "--data", "x.npz")
        return [len(row.split()) for row in called(capsys, *line)[1].splitlines()]

    assert (words("SIGMOID"), words("softmax")) == ([4, 4], [3, 3])


def test_many_values_are_shortened_on_a_terminal_only(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    builder = NeuralNetworkBuilder([("x", datatypes.Array(30))], [("y", datatypes.Array(30))])
    builder.add_activation("same", "LINEAR", "x", "y", [1.0, 0.0])
    mlmodel.write(builder.spec, tmp_path / "m.mlmodel")
    np.savez("x.npz", x=np.arange(60.0).reshape(2, 30))
    out = called(capsys, "predict", "m.mlmodel", "--data", "x.npz")[1]
    assert out.splitlines()[0] == f"0  {'  '.join(map(str, range(12)))}  … and 18 more values"
    called(capsys, "predict", "m.mlmodel", "--data", "x.npz", "-o", "p.csv")
    assert Path("p.csv").read_text().splitlines()[2].endswith(",58,59")


def normalizing(tmp_path, by_sample):
    builder = NeuralNetworkBuilder([("x", datatypes.Array(1, 2, 2))], [("y", None)])
    builder.add_batchnorm(
        "bn", 1, np.ones(1), np.zeros(1), compute_mean_var=True, instance_normalization=True,
        input_name="x", output_name="y",
    )  # fmt: skip
    builder.spec.neuralNetwork.layers[0].batchnorm.instanceNormalization = by_sample
    mlmodel.write(builder.spec, tmp_path / "m.mlmodel")
    np.savez("x.npz", x=random(4, 1, 2, 2) + np.arange(4).reshape(4, 1, 1, 1), y=random(4, 1, 2, 2))


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_what_depends_on_the_batch_size_is_said(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    line = (command, "m.mlmodel", "--data", "x.npz", "--batch-size")
    normalizing(tmp_path, by_sample=False)
    (code, one, note), (_, four, _) = (called(capsys, *line, size) for size in (1, 4))
    assert (code, note) == (
        0,
        "note: layer 'bn' normalizes by the mean of the samples that are computed at once, here 1; "
        "an app that asks for one answer at a time gets those of --batch-size 1\n",
    )
    assert one != four
    normalizing(tmp_path, by_sample=True)
    (code, one, note), (_, four, _) = (called(capsys, *line, size) for size in (1, 4))
    assert (code, note, one) == (0, "", four)


@pytest.fixture
def few():
    """The first 50 digits to learn from."""
    with np.load(MNIST) as stored:
        np.savez("few.npz", x=stored["x_train"][:50], y=stored["y_train"][:50])
    return ("--data", "few.npz", *SCALE, "--epochs", 1)


def test_the_loss_of_the_last_mini_batch_is_shown(model, few, capsys):
    code, out, _ = called(capsys, "train", model, *few, "--history", "h.json")
    assert code == 0
    (epoch,) = json.loads(Path("h.json").read_text())["epochs"]
    assert epoch["last_batch_loss"] != epoch["loss"]
    assert f"loss {epoch['loss']:.4f}  accuracy {epoch['accuracy']:.4f}  " in out
    assert f"  last mini-batch's loss {epoch['last_batch_loss']:.4f}  " in out


def test_another_arithmetic(model, few, capsys):
    """Keras's by name is the default; a file changes the weights, and which loss is told."""
    Path("own.json").write_text('{"adam": "no_correction", "loss": "last_batch"}')

    def trained(*options):
        line = ("train", model, *few, "-o", "t.mlmodel", "--history", "h.json", *options)
        assert called(capsys, *line)[0] == 0
        (epoch,) = json.loads(Path("h.json").read_text())["epochs"]
        return Path("t.mlmodel").read_bytes(), epoch["loss"] == epoch["last_batch_loss"]

    plain, own = trained(), trained("--arithmetic", "own.json")
    assert trained("--arithmetic", "keras") == plain
    assert (plain[1], own[1]) == (False, True)
    assert own[0] != plain[0]


LABELS = {"x": np.zeros((2, 28, 28), np.uint8), "y": np.array([1, 10])}
SHAPES = {"x": np.zeros((2, 27, 28), np.uint8), "y": np.array([1, 2])}
NUMBERS = {"x": np.full((2, 28, 28), np.nan), "y": np.array([1, 2])}

BAD = {
    "label": (LABELS, (), 1, "label 10 of sample 1 is not a class: they go from 0 to 9"),
    "shape": (SHAPES, (), 1, "do not fit the input 'image'"),
    "nan": (NUMBERS, (), 1, "sample 0 holds NaN or infinity"),
    "epochs": (None, ("--epochs", 99), 2, "epochs 99: the model allows 20 values from 1 to 20"),
    "rate": (None, ("--learning-rate", 2), 2, "learning_rate 2: the model allows 0 to 1"),
    "optimizer": (None, ("--momentum", 0.5), 2, "momentum is no number of this model's optimizer"),
    "scale": (None, ("--scale", "half"), 2, "'half' is no number like 0.5 or 1/255"),
    "history": (None, ("--history", "h.txt"), 1, "the name must end in .csv or .json"),
    "plot": (None, ("--plot", "p.pdf"), 1, "the name must end in .png"),
    "out": (None, ("-o", "model.bin"), 1, "the name must end in .mlmodel"),
    "folder": (None, ("-o", "no/where.mlmodel"), 1, "its folder does not exist"),
    "input": (None, ("-o", "digits.mlmodel"), 1, "is the same file as the input MODEL"),
    "arithmetic": (None, ("--arithmetic", "keas"), 1, "keas: cannot be read (No such file or"),
    "own file": (None, ("--arithmetic", "digits.mlmodel"), 1, "digits.mlmodel: is not JSON; "),
    "place": (None, ("--data", "nothing.npz"), 1, "nothing.npz: there is no such file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_writes_nothing(model, capsys, tmp_path, case):
    arrays, options, expected, message = BAD[case]
    place = MNIST
    if arrays:
        place = tmp_path / "bad.npz"
        np.savez(place, **arrays)
    before = files(tmp_path)
    code, out, err = called(capsys, "train", model, "--data", place, *SCALE, *options)
    assert code == expected
    assert message in err
    assert "Traceback" not in out + err
    assert files(tmp_path) == before


def test_models_that_cannot_be_trained(model, capsys, tmp_path):
    spec = digits()
    spec.isUpdatable = False
    mlmodel.write(spec, tmp_path / "fixed.mlmodel")
    code, _, err = called(capsys, "train", "fixed.mlmodel", "--data", MNIST)
    assert (code, err.count("\n")) == (1, 1)
    assert "the model is not updatable" in err
    code, _, err = called(capsys, "train", "missing.mlmodel", "--data", MNIST)
    assert code == 1
    assert "missing.mlmodel: cannot be read" in err


def test_a_model_that_no_device_would_train(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spec = digits()
    spec.neuralNetwork.layers[1].activation.leakyReLU.alpha = 0.1
    mlmodel.write(spec, tmp_path / "leaky.mlmodel")
    code, out, err = called(capsys, "train", "leaky.mlmodel", "--data", MNIST, *SCALE)
    assert code == 0
    assert "epoch 2/2" in out
    assert err.startswith("warning: not on a device: ")
    assert "'relu'" in err


def test_a_loss_that_is_no_number(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mlmodel.write(digits(optimizer=sgd(1.0)), tmp_path / "wild.mlmodel")
    np.savez("big.npz", x=np.full((40, 28, 28), 1e30, np.float32), y=np.arange(40) % 10)
    code, _, err = called(capsys, "train", "wild.mlmodel", "--data", "big.npz", "--epochs", 5)
    assert code == 1
    assert "the loss is no longer a number; nothing was written; try a lower learning rate" in err
    assert files(tmp_path) == ["big.npz", "wild.mlmodel"]


def test_resuming_is_said_in_one_line(model, capsys):
    with np.load(MNIST) as stored:
        part = {name: stored[name][:50] for name in stored}
    np.savez("small.npz", **part)
    line = ("train", model, "--data", "small.npz", *SCALE, "--checkpoint", "state", "--force")
    before = called(capsys, *line, "--epochs", 2)[1].splitlines()[0]
    code, out, err = called(capsys, *line, "--epochs", 3)
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["resuming     from state, after 2 of 3 epochs", before]
    assert [row.split()[1] for row in out.splitlines()[2:-1]] == ["3/3"]
    code, out, err = called(capsys, *line, "--epochs", 1)
    assert (code, out) == (2, "")
    assert err == (
        "error: state: holds 3 epochs already, so epochs cannot be 1; choose 3 or more, or give "
        "the checkpoint another name\n"
    )


@pytest.mark.parametrize("content", [b"", b"a diary", b"PK\x03\x04broken", b"\x93NUMPY\x01\x00"])
def test_what_is_no_checkpoint_is_left_as_it_is(model, capsys, content):
    Path("diary").write_bytes(content)
    line = ("train", model, "--data", "nowhere.npz", "--checkpoint", "diary")
    expected = "error: diary: is not a checkpoint; give another name for one\n"
    assert called(capsys, *line) == (1, "", expected)
    assert Path("diary").read_bytes() == content


class Interrupted(io.StringIO):
    """A standard output during which Ctrl-C is pressed, when the second epoch is shown."""

    def write(self, text):
        if text.startswith("epoch 2/"):
            raise KeyboardInterrupt
        return super().write(text)


TRAINING = ("train", "digits.mlmodel", "--data", MNIST, *SCALE, "--epochs", 3)


@pytest.fixture
def interrupted(model, capsys, monkeypatch):
    """Return a function that gives what a training says that is interrupted."""

    def train(*options):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", Interrupted())
            return called(capsys, *TRAINING, *options)

    return train


def test_an_interrupted_training_writes_nothing(interrupted, tmp_path):
    assert interrupted() == (130, "", "interrupted; nothing was written\n")
    assert files(tmp_path) == ["digits.mlmodel"]


def test_an_interrupted_training_with_a_checkpoint_goes_on(interrupted, tmp_path, capsys):
    checkpoint = ("--checkpoint", "state")
    said = "interrupted; run the same command again to go on from state\n"
    assert interrupted(*checkpoint) == (130, "", said)
    assert files(tmp_path) == ["digits.mlmodel", "state"]
    _, out, _ = called(capsys, *TRAINING, *checkpoint, "-o", "resumed.mlmodel")
    assert out.startswith("resuming     from state, after 1 of 3 epochs")
    assert "epoch 1/3" not in out
    assert "epoch 3/3" in out
    called(capsys, *TRAINING, "-o", "whole.mlmodel")
    assert Path("resumed.mlmodel").read_bytes() == Path("whole.mlmodel").read_bytes()
