"""The commands that train, evaluate and predict, on pipelines and on nearest neighbours."""

import json
from pathlib import Path

import numpy as np
import pytest

from converter.cli import run
from converter.coreml import mlmodel, neighbors
from converter.coreml.pipelines import learner
from tests.runtime.pipelines import split, stored
from tests.runtime.test_neighbors import classifier, pictures
from tests.runtime.updatable import MNIST, digits

SCALE = ("--scale", "1/255")


def called(capsys, *arguments):
    code = run([str(argument) for argument in arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlmodel.write(split(digits(["head"]), "dense", "head"), tmp_path / "digits.mlmodel")
    with np.load(MNIST) as samples:
        np.savez("some.npz", x=samples["x_train"][:60], y=samples["y_train"][:60])
    return Path("digits.mlmodel")


def test_a_pipeline_goes_on_from_its_checkpoint(pipeline, capsys):
    how = ("--data", "some.npz", *SCALE, "--batch-size", 10, "--quiet", "--force")
    assert called(capsys, "train", pipeline, *how, "--epochs", 4, "-o", "whole.mlmodel")[0] == 0
    for epochs, name in ((2, "half.mlmodel"), (4, "resumed.mlmodel")):
        done = called(
            capsys, "train", pipeline, *how, "--epochs", epochs, "--checkpoint", "c", "-o", name
        )
        assert done == (0, "", "")
    other = mlmodel.read(pipeline)
    other.pipeline.models[0].neuralNetwork.layers[0].convolution.bias.floatValue[0] += 0.01
    mlmodel.write(other, Path("other.mlmodel"))
    code, _, err = called(capsys, "train", "other.mlmodel", *how, "--checkpoint", "c")
    assert (code, err) == (
        1, "error: c: belongs to another model, other data or other settings; give another name\n"
    )  # fmt: skip
    whole, half, resumed = (
        stored(learner(mlmodel.read(Path(f"{name}.mlmodel"))))["head", "weights"]
        for name in ("whole", "half", "resumed")
    )
    np.testing.assert_array_equal(whole, resumed)
    assert not np.array_equal(whole, half)
    code, out, _ = called(capsys, "evaluate", "whole.mlmodel", "--data", "some.npz", *SCALE)
    loss = float(dict(line.split() for line in out.splitlines())["loss"])
    out = called(capsys, "evaluate", pipeline, "--data", "some.npz", *SCALE)[1]
    assert loss < float(dict(line.split() for line in out.splitlines())["loss"])
    code, out, _ = called(capsys, "predict", "whole.mlmodel", "--data", "some.npz", *SCALE)
    assert (code, len(out.splitlines())) == (0, 21)


@pytest.fixture
def keeper(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlmodel.write(pictures(count=1), tmp_path / "keeper.mlmodel")
    x = np.eye(4, dtype=np.float32).reshape(4, 1, 2, 2)
    np.savez("d.npz", x_train=x, y_train=["a", "b", "b", "c"], x_test=x * 0.9, y_test=list("abca"))
    return Path("keeper.mlmodel")


def test_training_nearest_neighbours_adds_the_samples(keeper, capsys):
    code, out, err = called(capsys, "train", keeper, "--data", "d.npz")
    assert (code, err) == (0, "")
    added, after, wrote = out.splitlines()
    assert added == "added        4 samples of 3 classes (a: 1, b: 2, c: 1)"
    assert after == "after        held-out accuracy 0.5000"
    assert wrote.startswith("wrote keeperTrained.mlmodel")
    trained = mlmodel.read(Path("keeperTrained.mlmodel"))
    assert neighbors.read(learner(trained)).labels == ("a", "b", "b", "c")
    code, out, err = called(capsys, "evaluate", "keeperTrained.mlmodel", "--data", "d.npz")
    assert (code, out, err) == (0, "samples   4\naccuracy  0.500000\n", "")
    code, out, err = called(capsys, "predict", "keeperTrained.mlmodel", "--data", "d.npz")
    assert (code, out) == (0, "0  a  1\n1  b  1\n2  b  1\n3  c  1\n")
    code, out, _ = called(
        capsys, "train", "keeperTrained.mlmodel", "--data", "d.npz", "-o", "2.mlmodel"
    )
    assert out.splitlines()[0] == "before       held-out accuracy 0.5000"
    assert len(neighbors.read(learner(mlmodel.read(Path("2.mlmodel")))).samples) == 8


def test_an_empty_classifier_answers_with_its_default_label(keeper, capsys):
    assert called(capsys, "predict", keeper, "--data", "d.npz")[1].startswith("0  unknown  1\n")
    code, out, _ = called(capsys, "evaluate", keeper, "--data", "d.npz", "--json")
    assert (code, json.loads(out)) == (0, {"samples": 4, "loss": None, "accuracy": 0})


USELESS = {
    "epochs": ("--epochs", 3),
    "learning_rate": ("--learning-rate", 0.1),
    "batch_size": ("--batch-size", 4),
    "shuffle": ("--no-shuffle",),
    "--checkpoint": ("--checkpoint", "c"),
    "--history": ("--history", "h.csv"),
    "--plot": ("--plot", "p.png"),
    "arithmetic": ("--arithmetic", "coreml"),
}


@pytest.mark.parametrize(("name", "option"), USELESS.items(), ids=USELESS.keys())
def test_what_keeping_samples_has_no_use_for_is_refused(keeper, capsys, name, option):
    before = sorted(path.name for path in Path().iterdir())
    code, out, err = called(capsys, "train", keeper, "--data", "d.npz", *option)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {name} is no")
    assert "learns by keeping the samples, once" in err
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in Path().iterdir()) == before


def test_labels_of_another_type_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mlmodel.write(classifier(default=0), tmp_path / "n.mlmodel")
    np.savez("d.npz", x=np.zeros((2, 2)), y=["cat", "7"])
    code, out, err = called(capsys, "train", "n.mlmodel", "--data", "d.npz")
    assert (code, out) == (1, "")
    assert err == "error: label 'cat' is a text, but the model's labels are whole numbers\n"
    assert not Path("nTrained.mlmodel").exists()
