"""New classes at the command line: converted, shown, trained on folders, evaluated, verified."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converter.cli import run
from converter.cli.tables import classes
from converter.coreml import mlmodel
from tests.converting import binary, small_cnn
from tests.lower.oracle import randomized

CAT_DOG = ("--image", "rgb", "--scale", "1/255", "--optimizer", "sgd")
COLOURS = {"cat": (220, 20, 20), "dog": (20, 220, 20), "bird": (20, 20, 220)}


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A folder with models, the files made of them, and a folder of pictures for each class."""
    folder = tmp_path_factory.mktemp("classes")
    binary().save(folder / "two.keras")
    small_cnn().save(folder / "four.keras")
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (folder / "pictures" / label).mkdir(parents=True)
        for number in range(6):
            pixels = np.clip(rng.normal(colour, 15, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / label / f"{number}.png")
    asked = {
        "head": ["--classes", "cat,dog,bird", "--new-head", str(folder / "two.keras")],
        "spare": [str(folder / "two.keras"), "--classes", "cat,dog,bird", "--spare-classes", "1"],
    }
    for name, options in asked.items():
        assert run([*options, *CAT_DOG, "-o", str(folder / f"{name}.mlmodel"), "--quiet"]) == 0
    return folder


def test_of_many_labels_the_first_are_shown():
    assert classes(range(21)).endswith(", 18, 19 and 1 more")
    assert classes(["a", "b"]) == "a, b"


@pytest.fixture
def here(converted, monkeypatch):
    monkeypatch.chdir(converted)


def called(capsys, *arguments):
    code = run([str(argument) for argument in arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


@pytest.mark.parametrize("name", ["head", "spare"])
def test_the_new_classes_are_shown_trained_and_evaluated(name, here, capsys, tmp_path):
    code, out, _ = called(capsys, "inspect", f"{name}.mlmodel")
    assert code == 0
    assert "classes          cat, dog, bird\n" in out
    assert "make-updatable.new_classes layer 'dense_6' (Dense) " in out
    shown = json.loads(called(capsys, "inspect", f"{name}.mlmodel", "--json")[1])
    assert shown["labels"] == ["cat", "dog", "bird"]

    trained = tmp_path / "trained.mlmodel"
    learning = ("--epochs", 60, "--batch-size", 6, "--learning-rate", 0.05)
    given = ("--data", "pictures")
    assert called(capsys, "train", f"{name}.mlmodel", *given, *learning, "-o", trained)[0] == 0
    _, out, _ = called(capsys, "evaluate", trained, "--data", "pictures", "--json")
    assert json.loads(out)["accuracy"] > 0.9

    called(capsys, "swift", trained, "-o", tmp_path / "Trainer.swift")
    assert '"cat", "dog", "bird"' in (tmp_path / "Trainer.swift").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("head", "note: in Keras, too, layer 'dense_6' (Dense) is new: 6 × 3 weights, made by"),
        ("spare", "note: in Keras, too, layer 'dense_6' (Dense) has 1 spare output(s): its single"),
    ],
)
def test_verify_makes_the_same_of_the_keras_model(name, words, here, capsys):
    code, out, err = called(capsys, "verify", f"{name}.mlmodel", "--against", "two.keras")
    assert (code, err) == (0, "")
    assert words in out
    assert out.splitlines()[-1].startswith("PASS: the updates differ by ")
    as_json = called(capsys, "verify", f"{name}.mlmodel", "--against", "two.keras", "--json")[1]
    assert "dense_6" in json.loads(as_json)["notes"][0]


def test_verify_against_another_model(here, capsys, tmp_path):
    code, _, err = called(capsys, "verify", "spare.mlmodel", "--against", "four.keras")
    assert code == 1
    assert "the Keras model cannot get the new classes (" in err
    assert "is it the one that was converted?" in err
    randomized(binary(), seed=1).save(tmp_path / "other.keras")
    code, _, err = called(capsys, "verify", "head.mlmodel", "--against", tmp_path / "other.keras")
    assert code == 1
    assert "is it the file that was converted?" in err


def test_a_head_of_zeros(here, tmp_path):
    target = tmp_path / "zeros.mlmodel"
    asked = ["four.keras", "--new-head", "zeros", "--classes", "a,b", "-o", str(target), "--quiet"]
    assert run([*asked, "--no-verify"]) == 0
    head = list(mlmodel.updatable_layers(mlmodel.read(target)))[-1].innerProduct
    assert not np.any(mlmodel.floats(head.weights))


def test_a_recipe_asks_for_a_new_head(here, capsys, tmp_path):
    shutil.copy("four.keras", tmp_path)
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    recipe = tmp_path / "r.yaml"
    lines = ["model: four.keras", "classes: labels.txt", "new_head: true", "verify: false"]
    recipe.write_text("\n".join(lines))
    assert called(capsys, "recipe", "check", recipe)[0] == 0
    target = tmp_path / "m.mlmodel"
    assert called(capsys, recipe, "-o", target)[0] == 0
    assert "new_head: glorot" in called(capsys, "recipe", "show", target)[1]
    head = list(mlmodel.updatable_layers(mlmodel.read(target)))[-1].innerProduct
    assert np.any(mlmodel.floats(head.weights))
    code, out, _ = called(capsys, "verify", target, "--against", "four.keras")
    assert (code, out.count("PASS")) == (0, 1)  # though the file of labels is elsewhere


HEAD, SPARE = ("four.keras", "--new-head"), ("four.keras", "--spare-classes")
LABELS = ("--classes", "a,b,c,d")
WRONG = {
    "no labels": ([*HEAD], 2, "--new-head: needs classes"),
    "no labels of spare ones": ([*SPARE, 1], 2, "--spare-classes: needs classes"),
    "both": ([*HEAD, *SPARE[1:], 1, *LABELS], 2, "--spare-classes: has no place beside new_head"),
    "nothing spare": ([*SPARE, 0, *LABELS], 2, "--spare-classes"),
    "absurdly many": ([*SPARE, 10**9, *LABELS], 2, "--spare-classes"),
    "no number": ([*SPARE, "two", *LABELS], 2, "--spare-classes"),
    "another start": ([*HEAD[:1], "--new-head=ones", *LABELS], 2, "'ones' is not one of"),
    "another loss": ([*HEAD, *LABELS, "--loss", "mean_squared_error"], 2, "--loss: has no place"),
    "nearest neighbors": ([*HEAD, *LABELS, "--knn"], 2, "--new-head: has no effect with knn"),
    "spare neighbors": ([*SPARE, 1, *LABELS, "--knn"], 2, "--spare-classes: has no effect with"),
    "one class": (["--classes", "one.txt", *HEAD], 2, "one class leaves nothing to tell apart"),
    "twice the same": ([*HEAD, "--classes", "a,b,a"], 2, "class label 'a' is given twice"),
    "more labels": ([*SPARE, 1, "--classes", "a,b,c,d,e,f"], 2, "give 4, or 5"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage_is_one_line_and_leaves_nothing(name, here, capfd):
    Path("one.txt").write_text("alone\n")
    before = sorted(Path.cwd().iterdir())
    arguments, code, words = WRONG[name]
    assert run(["convert", *map(str, arguments)]) == code
    printed = capfd.readouterr().err
    assert words in printed
    assert "Traceback" not in printed
    assert sorted(Path.cwd().iterdir()) == before
