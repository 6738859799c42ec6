"""Recipes on the command line: convert, init, check, show, schema."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest
import yaml

from converter import cli
from converter.conversion.metadata import VERSIONS
from converter.coreml import mlmodel
from converter.recipe.contradictions import GRADIENT_ONLY, KNN_ONLY
from converter.recipe.model import Recipe
from converter.recipe.reading import read
from converter.recipe.template import EXAMPLES, json_schema
from tests.keras_file.damage import LOOPS, changed
from tests.paths import MODELS, ZOO

LENET = MODELS / "lenet.h5"
RECIPES = sorted(MODELS.glob("*.yaml"))
SCRIPT = Path(sys.executable).with_name("make-updatable")


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The examples and a recipe that fails, converted by one command to a folder that is made."""
    folder, other = tmp_path_factory.mktemp("first") / "build", tmp_path_factory.mktemp("bad")
    (other / "bad.yaml").write_text("model: bad.h5\nlayers: [nothing]\n")
    (other / "bad.h5").symlink_to(LENET)
    recipes = [other / "bad.yaml", *RECIPES]
    done = subprocess.run(
        [SCRIPT, *recipes, "-o", folder, "--jobs", "2"],
        capture_output=True, text=True, cwd=folder.parent,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(
        f"error: {folder}/badUpdatable.mlmodel: no layer is called 'nothing'"
    )
    assert len(done.stderr.splitlines()) == 1
    return folder, done.stdout


@pytest.mark.slow
def test_one_command_converts_all_recipes_but_the_one_that_fails(converted):
    folder, printed = converted
    assert sorted(path.name for path in folder.iterdir()) == [
        "cats_dogsUpdatable.mlmodel", "lenetUpdatable.mlmodel",
    ]  # fmt: skip
    assert printed.count("wrote ") == 2
    assert "learns dense_5, dense_6 (581,510 of 585,958 parameters); parity" in printed
    lenet = mlmodel.read(folder / "lenetUpdatable.mlmodel")
    metadata = lenet.description.metadata
    assert metadata.license == "MIT"
    assert metadata.versionString == "1.0"
    assert "handwritten digits" in metadata.shortDescription
    for name in ("make-updatable 0", "coremltools ", "tensorflow ", "keras "):
        assert name in metadata.userDefined[VERSIONS]
    assert lenet.description.input[0].shortDescription.startswith("A gray image")
    assert lenet.description.trainingInput[1].shortDescription.startswith("The digit")
    update = lenet.neuralNetwork.updateParams
    assert update.optimizer.adamOptimizer.learningRate.range.maxValue == 0.1
    assert list(update.epochs.set.values) == list(range(1, 51))
    assert update.seed.defaultValue == 1
    colour = mlmodel.read(folder / "cats_dogsUpdatable.mlmodel")
    assert list(colour.neuralNetworkClassifier.stringClassLabels.vector) == ["cat", "dog"]


@pytest.mark.slow
def test_a_second_run_elsewhere_makes_the_same_bytes(converted, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(
        MODELS
    )  # other folder, other spelling of the paths, one process after another
    for path in RECIPES:
        assert cli.run([path.name, "-o", f"{tmp_path}/new/build/", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    for first in converted[0].iterdir():
        assert (tmp_path / "new" / "build" / first.name).read_bytes() == first.read_bytes()


@pytest.mark.slow
def test_a_model_can_be_rebuilt_from_what_it_carries(converted, tmp_path, capsys):
    first = converted[0] / "lenetUpdatable.mlmodel"
    assert cli.run(["recipe", "show", str(first)]) == 0
    shown = capsys.readouterr().out
    assert str(MODELS) not in shown
    again = tmp_path / "again.yaml"
    again.write_text(shown)
    assert cli.run(["recipe", "check", str(again)]) == 0
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "lenet.h5").symlink_to(LENET)
    assert cli.run([str(again), "-o", str(tmp_path), "-q"]) == 0
    assert (tmp_path / first.name).read_bytes() == first.read_bytes()


def test_flags_win_over_the_recipe(tmp_path, capsys):
    target = tmp_path / "x.mlmodel"
    flags = ["--layers", "dense_6", "--learning-rate", "0.01", "--no-verify", "-o", str(target)]
    assert cli.run(["--recipe", str(MODELS / "lenet.yaml"), *flags]) == 0
    printed = capsys.readouterr().out
    assert "learning_rate 0.01 (0 … 0.1)" in printed
    assert "not checked" in printed
    spec = mlmodel.read(target)
    assert [layer.name for layer in mlmodel.updatable_layers(spec)] == ["dense_6"]


@pytest.mark.skipif(platform.system() == "Darwin", reason="there, Core ML can be run")
def test_an_update_in_core_ml_is_asked_for_after_converting(tmp_path, capsys):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"model: {LENET}\nverify: false\non_device: true\n")
    assert cli.run([str(recipe), "-o", str(tmp_path), "--quiet"]) == 4
    assert "Core ML runs on macOS only" in capsys.readouterr().err
    assert (tmp_path / "lenetUpdatable.mlmodel").exists()


def test_mistakes_of_all_recipes_are_reported_in_one_run(tmp_path, capsys):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("model: lenet.h5\nlayrs: [a]\nepochs: 0\noptimizer: sdg\n")
    two.write_text("model: lenet.h5\ntolerance: 0\nseed: x\n")
    for command in ([], ["recipe", "check"]):
        assert cli.run([*command, str(one), str(two)]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(": ")[1:3] for line in lines] == [
            [f"{one}:2", "layrs"], [f"{one}:3", "epochs"], [f"{one}:4", "optimizer"],
            [f"{two}:2", "tolerance"], [f"{two}:3", "seed"],
        ]  # fmt: skip
        assert all(line.startswith("error: ") for line in lines)


@pytest.mark.slow
def test_an_interrupt_ends_all_processes_and_leaves_nothing(tmp_path):
    """One of them waits for work, after a file without a model; the other reads one for ever."""
    endless, empty = changed(tmp_path, *LOOPS), tmp_path / "empty.h5"
    h5py.File(empty, "w").close()
    recipes = [file.with_suffix(".yaml") for file in (endless, empty)]
    for recipe in recipes:
        recipe.write_text(f"model: {recipe.stem}.h5\n")
    process = subprocess.Popen(
        [SCRIPT, *recipes, "-o", tmp_path, "-v", "--jobs", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    for _ in recipes:
        assert "starting TensorFlow" in process.stderr.readline()
    time.sleep(0.5)  # a process that waits for work, and is ended, holds the lock of the queue
    os.killpg(process.pid, signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; " in printed
    assert "Traceback" not in printed
    for _ in range(50):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.2)
    else:
        raise AssertionError("processes are left")
    assert not list(tmp_path.glob(".*"))


def test_check_looks_at_the_files_of_labels_and_models(tmp_path, capsys):
    (tmp_path / "m.h5").write_text("<html>")
    (tmp_path / "empty.txt").write_text("\n")
    for name, classes in (("a", "nowhere.txt"), ("b", "empty.txt")):
        text = f"model: {name}.h5\n\nclasses: {classes}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "c.yaml").write_text("layers: [a]\nmodel: m.h5\n")
    files = [str(tmp_path / f"{name}.yaml") for name in "abc"]
    assert cli.run(["recipe", "check", *files]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.replace(f"{tmp_path}/", "") for line in err.splitlines()] == [
        "error: a.yaml:3: classes: nowhere.txt: cannot be read as class labels (No such file or "
        "directory)",
        "error: b.yaml:3: classes: empty.txt: holds no class label",
        "error: c.yaml:2: model: m.h5: is an HTML page; download the file itself (on GitHub: "
        "'Download raw file')",
    ]


def test_a_recipe_that_others_build_on_is_no_mistake_among_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("layers: [dense_6]\nverify: false\n")
    Path("between.yaml").write_text("extends: base.yaml\nepochs: 3\n")
    for name in ("a", "b"):
        Path(f"{name}.yaml").write_text(f"extends: between.yaml\nmodel: {LENET}\n")
    files = ["a.yaml", "b.yaml", "base.yaml", "between.yaml"]
    assert cli.run(["recipe", "check", *files]) == 0
    assert capsys.readouterr() == ("a.yaml: correct\nb.yaml: correct\n", "")
    assert cli.run(["a.yaml", "base.yaml", "between.yaml", "-q", "-o", "x.mlmodel"]) == 0
    assert Path("x.mlmodel").exists()
    assert cli.run(["recipe", "check", "base.yaml"]) == 1
    assert "model: is missing" in capsys.readouterr().err


WRONG = {
    "two models": ([LENET, LENET], 2, "give one model"),
    "a model and two recipes": ([LENET, *RECIPES], 2, "give one model"),
    "one name for two": ([*RECIPES, "-o", "x.mlmodel"], 2, "is no folder"),
    "a file as the folder": (
        [RECIPES[0], "-o", "other.mlmodel/"],
        1,
        "cannot be made (File exists",
    ),
    "the same recipe twice": ([RECIPES[0], RECIPES[0]], 1, "as "),
    "no such recipe": (["nowhere.yaml"], 1, "nowhere.yaml: cannot be read"),
    "show a model without": (["recipe", "show", "other.mlmodel"], 1, "is not a Core ML model"),
    "show a picture": (["recipe", "show", "a.png"], 2, "neither a .mlmodel nor a recipe"),
    "init over a recipe": (["recipe", "init", LENET], 1, "lenet.yaml: exists already"),
    "check nothing": (["recipe", "check"], 2, "Missing argument"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage(name, tmp_path, monkeypatch, capsys):
    arguments, code, words = WRONG[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.mlmodel").write_bytes(b"no model")
    (tmp_path / "lenet.yaml").write_text("model: mine.h5\n")
    assert cli.run([*map(str, arguments)]) == code
    assert words in capsys.readouterr().err


def test_init_writes_a_commented_recipe_that_is_correct(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["recipe", "init", str(LENET)]) == 0
    written = (tmp_path / "lenet.yaml").read_text()
    recipe = read(Path("lenet.yaml"))
    assert recipe.model.resolve() == LENET
    assert recipe.layers == ("dense_5", "dense_6")
    assert (recipe.optimizer, recipe.learning_rate) == ("adam", 0.001)
    for name, field in Recipe.model_fields.items():
        assert f"# {field.description}" in written
        assert f"\n{name}:" in written or f"\n# {name}:" in written
    capsys.readouterr()
    assert cli.run(["recipe", "check", "lenet.yaml"]) == 0
    assert capsys.readouterr() == ("lenet.yaml: correct\n", "")


def test_what_a_template_shows_as_a_comment_may_be_switched_on(tmp_path):
    """All at once, but for those that belong to another way to learn."""
    path, tried = tmp_path / "all.yaml", set()
    by_loss = {*KNN_ONLY, "knn"}
    for left_out in (by_loss | {"spare_classes"}, by_loss | {"new_head"}, {*GRADIENT_ONLY}):
        apart = left_out | {"extends", "momentum"}
        examples = {k: v for k, v in EXAMPLES.items() if k not in apart}
        path.write_text(yaml.safe_dump({"model": "m.h5", **examples}, allow_unicode=True))
        assert read(path).model_fields_set == {"model", *examples}
        tried |= set(examples)
    assert tried == set(EXAMPLES) - {"extends", "momentum"}


def test_the_schema_is_printed_and_knows_every_setting(capsys):
    assert cli.run(["recipe", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {*Recipe.model_fields, "extends"}
    assert all(setting["description"] for setting in schema["properties"].values())


def test_a_recipe_scales_where_a_lambda_stood(tmp_path, capsys):
    """Such a scale is not one of an image's pixels."""
    recipe = tmp_path / "lambda.yaml"
    source = ZOO / "keras315_lambda.keras"
    recipe.write_text(f"model: {source}\nscale: 0.00392156863\nbias: [-0.5]\n")
    assert cli.run(["--recipe", str(recipe), "-o", str(tmp_path / "m.mlmodel")]) == 0
    assert (tmp_path / "m.mlmodel").exists()
