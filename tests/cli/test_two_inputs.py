"""Data of a model with two inputs: arrays named after them, in every command that reads some."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converter import cli
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel, neighbors
from converter.coreml.pipelines import learner

L = keras.layers
LEFT, RIGHT = 4, 6


def saved(path, names=("left", "right")):
    x, y = (
        keras.Input((size,), name=name) for size, name in zip((LEFT, RIGHT), names, strict=True)
    )
    inside = L.Dense(5, activation="relu", name="inside")(L.Concatenate()([x, y]))
    model = keras.Model([x, y], L.Dense(3, "softmax", name="head")(inside))
    model.compile("sgd", "categorical_crossentropy")
    model.save(path)


def numbers(count, seed):
    random = np.random.default_rng(seed)
    left, right = (random.random((count, size), np.float32) for size in (LEFT, RIGHT))
    return left, right, np.arange(count) % 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    saved(folder / "two.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.run(["two.keras", "--layers", "head", "-o", "two.mlmodel", "-q"]) == 0
    left, right, y = numbers(9, 1)
    left_test, right_test, y_test = numbers(6, 2)
    np.savez(folder / "one.npz", left=left, right=right, y=y)
    np.savez(folder / "parts.npz", left_train=left, right_train=right, y_train=y,
             left_test=left_test, right_test=right_test, y_test=y_test)  # fmt: skip
    np.savez(folder / "x.npz", x=left, y=y)
    np.savez(folder / "half.npz", left=left, y=y)
    (folder / "pictures").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "pictures" / "one.png")
    return folder


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    capsys.readouterr()


def as_json(capsys, *arguments):
    assert cli.run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("file", "samples"), [("one.npz", 9), ("parts.npz", 6)])
def test_the_same_archive_fits_every_command(file, samples, capsys):
    trained = as_json(capsys, "train", "two.mlmodel", "--data", file, "--epochs", "1", "-o",
                      "out.mlmodel")  # fmt: skip
    assert trained["samples"] == 9
    evaluated = as_json(capsys, "evaluate", "two.mlmodel", "--data", file)
    assert evaluated["samples"] == samples
    predicted = as_json(capsys, "predict", "two.mlmodel", "--data", file)
    assert predicted["samples"] == samples
    right = sum(int(a["class"]) == i % 3 for i, a in enumerate(predicted["answers"]))
    assert evaluated["accuracy"] == pytest.approx(right / samples)


def test_samples_of_a_conversion_are_named_so_too(capsys):
    smaller = ["--layers", "head", "--frozen-weights", "int8", "--calibration", "one.npz"]
    found = as_json(capsys, "convert", "two.keras", *smaller, "-o", "out.mlmodel")
    assert found["compression"]["calibration"]["samples"] == 9
    knn = ["--knn", "--knn-samples", "one.npz", "--no-verify"]
    assert cli.run(["convert", "two.keras", *knn, "-o", "out.mlmodel", "-q"]) == 0
    assert len(neighbors.read(learner(mlmodel.read(Path("out.mlmodel")))).samples) == 9


NAMED = "the model has 2 inputs, so arrays are called as these are: left, right"
READERS = {
    "train": ["train", "two.mlmodel", "--data"],
    "evaluate": ["evaluate", "two.mlmodel", "--data"],
    "predict": ["predict", "two.mlmodel", "--data"],
    "calibration": ["convert", "two.keras", "--layers", "head", "--frozen-weights", "int8", "-o",
                    "no.mlmodel", "--calibration"],
    "samples": ["convert", "two.keras", "--knn", "-o", "no.mlmodel", "--knn-samples"],
}  # fmt: skip


@pytest.mark.parametrize("line", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("file", "missing", "has"), [("x.npz", "left", "x, y"), ("half.npz", "right", "left, y")]
)
def test_what_is_missing_is_said_with_all_that_is_expected(line, file, missing, has, capsys):
    assert cli.run([*line, file]) == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert error == f"error: {file}: holds no array {missing}; {NAMED}; it has {has}"
    assert not Path("no.mlmodel").exists()


def test_pictures_are_data_for_one_input(capsys):
    assert cli.run(["predict", "two.mlmodel", "--data", "pictures"]) == 1
    printed = capsys.readouterr().err
    assert "the model has 2; give an .npz file with an array for each (left, right), and y" in (
        printed
    )


def test_an_image_is_for_one_input(capsys):
    assert cli.run(["two.keras", "--image", "gray", "-o", "no.mlmodel"]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("error: --image gray is for models with one input, and this one has 2")


def test_answers_have_another_name_where_an_input_has_theirs(capsys):
    saved("xy.keras", ("x", "y"))
    assert cli.run(["xy.keras", "--layers", "head", "-o", "xy.mlmodel", "-q"]) == 0
    first, second, y = numbers(9, 1)
    np.savez("xy.npz", x=first, y=second, output_true=y)
    found = as_json(capsys, "evaluate", "xy.mlmodel", "--data", "xy.npz")
    answers = as_json(capsys, "predict", "xy.mlmodel", "--data", "xy.npz")["answers"]
    right = sum(int(each["class"]) == i % 3 for i, each in enumerate(answers))
    assert (found["samples"], found["accuracy"]) == (9, pytest.approx(right / 9))
    np.savez("xy.npz", x=first, y=second)
    assert cli.run(["evaluate", "xy.mlmodel", "--data", "xy.npz"]) == 1
    assert "holds no array output_true; it has x, y" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
def test_the_help_says_how_arrays_are_called(command, capsys):
    assert cli.run([command, "--help"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "of a model with several inputs their names instead of x: left, right, y" in printed
