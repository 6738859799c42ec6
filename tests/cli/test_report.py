"""``--report``: a page from every command that has something to show, and none from a failure."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from converter import cli
from converter import page as page_room
from converter.backend.tensorflow import keras
from converter.cli import report
from converter.coreml import mlmodel
from converter.errors import MissingDependencyError
from tests.lower.oracle import sequential
from tests.page.looking import Page
from tests.runtime.updatable import MNIST, digits, line, mnist

pytestmark = pytest.mark.slow

L = keras.layers
DATA = ("--data", MNIST, "--scale", "1/255")
ONE = ("--epochs", 1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with a Keras file, what it is converted to, and a model of digits."""
    folder = tmp_path_factory.mktemp("kept")
    model = sequential((5,), L.Dense(4, activation="relu", name="a"), L.Dense(3, name="b"),
                       L.Softmax())  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    model.save(folder / "net.keras")
    line = ("convert", folder / "net.keras", "-o", folder / "net.mlmodel", "-q")
    assert cli.run([str(part) for part in line]) == 0
    mlmodel.write(digits(), folder / "digits.mlmodel")
    return folder


@pytest.fixture(autouse=True)
def folder(kept, tmp_path, monkeypatch):
    for file in kept.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)


def called(capsys, *arguments):
    code = cli.run([str(argument) for argument in arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


def page(name="r.html"):
    return Page(Path(name).read_text())


MODEL = ["Size", "Network", "How it learns", "Interface", "Findings"]

COMMANDS = {
    "convert": (("convert", "net.keras", "-o", "n.mlmodel"), "n.mlmodel: converted",
                [*MODEL[:3], "Compared with Keras", *MODEL[3:]]),
    "inspect": (("inspect", "digits.mlmodel"), "digits.mlmodel: inspected", MODEL),
    "inspect keras": (("inspect", "net.keras"), "net.keras: inspected",
                      ["Size", "Network", "Interface", "Layers"]),
    "verify": (("verify", "net.mlmodel", "--against", "net.keras"), "net.mlmodel: verified",
               ["Compared with Keras", *MODEL]),
    "train": (("train", "digits.mlmodel", *DATA, *ONE), "digitsTrained.mlmodel: trained",
              ["Training", "Confusion matrix", "Samples before and after", *MODEL]),
    "evaluate": (("evaluate", "digits.mlmodel", *DATA), "digits.mlmodel: evaluated",
                 ["How well it answers", "Confusion matrix", "Samples", *MODEL]),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_writes_a_page_and_says_so(name, capsys):
    line, title, sections = COMMANDS[name]
    Path("r.html").write_text("what was there")
    code, out, _ = called(capsys, *line, "--report", "r.html")
    assert code == 0
    assert out.splitlines()[-1] == "wrote r.html"
    found = page()
    assert found.title == title
    assert list(found.sections) == sections
    assert Path("r.html").stat().st_size < 300_000


@pytest.mark.parametrize("name", ["inspect", "verify", "evaluate"])
def test_json_is_json_alone(name, capsys):
    line, title, _ = COMMANDS[name]
    code, out, err = called(capsys, *line, "--report", "r.html", "--json")
    assert (code, err) == (0, "")
    json.loads(out)
    assert page().title == title


@pytest.mark.parametrize("name", ["convert", "verify", "train"])
def test_quiet_is_quiet(name, capsys):
    line, title, _ = COMMANDS[name]
    assert called(capsys, *line, "--report", "r.html", "--quiet") == (0, "", "")
    assert page().title == title


def test_the_page_of_a_training_tells_what_was_printed(capsys):
    line = ("train", "digits.mlmodel", *DATA, "--epochs", 2, "--history", "h.json", "-q")
    assert called(capsys, *line, "--report", "r.html")[0] == 0
    history, found = json.loads(Path("h.json").read_text()), page()
    last = history["epochs"][-1]
    text = found.text("Training")
    assert f"held out, before loss {history['before']['loss']:.4f}" in text
    assert f"held out, after loss {last['held_out_loss']:.4f}" in text
    right = round(400 * last["held_out_accuracy"])
    assert found.text("Confusion matrix").startswith(f"Of 400 held-out samples, {right} are right")
    matrix = np.array([row[1:] for row in found.tables["Confusion matrix"][1:]], int)
    assert matrix.trace() == right
    assert matrix.sum(axis=1).tolist() == np.bincount(mnist("test").y).tolist()
    assert len(found.of("img")) == 12


def test_without_held_out_samples_those_to_learn_from_are_shown(capsys):
    data = mnist("train", 20)
    np.savez("d.npz", x=data.samples.arrays["image"][:, 0], y=data.y)
    line = ("train", "digits.mlmodel", "--data", "d.npz", *ONE, "-q", "--report", "r.html")
    assert called(capsys, *line) == (0, "", "")
    assert "Of 20 samples that it has learnt from, " in page().text("Confusion matrix")


def test_a_model_of_values_has_no_classes_to_show(capsys):
    mlmodel.write(line(), Path("line.mlmodel"))
    np.savez("d.npz", x=np.ones((20, 3), np.float32), y=np.ones((20, 2), np.float32))
    given = ("train", "line.mlmodel", "--data", "d.npz", *ONE, "-q", "--report", "r.html")
    assert called(capsys, *given)[0] == 0
    assert list(page().sections) == ["Training", *MODEL]


def test_a_difference_is_what_one_wants_to_look_at(capsys):
    verify = ("verify", "net.mlmodel", "--against", "net.keras", "--report", "r.html")
    code, out, _ = called(capsys, *verify, "--tolerance", "1e-30")
    assert (code, out.splitlines()[-1]) == (1, "wrote r.html")
    assert "verdict FAIL: the updates differ by" in page().text("Compared with Keras")
    spec = mlmodel.read(Path("net.mlmodel"))
    weights = spec.neuralNetwork.layers[0].innerProduct.weights.floatValue
    weights[:] = [2 * value for value in weights]
    mlmodel.write(spec, Path("other.mlmodel"))
    verify = ("verify", "other.mlmodel", "--against", "net.keras", "--report", "o.html")
    code, _, err = called(capsys, *verify)
    assert code == 1
    assert "error: the predictions differ by" in err
    assert "FAIL: the predictions differ by" in page("o.html").text("Compared with Keras")


def test_an_update_that_could_not_be_run_is_told(capsys):
    line = ("verify", "digits.mlmodel", "--on-device", "--report", "r.html", "-q")
    assert called(capsys, *line)[0] == 4
    assert page().text("One update in Core ML").startswith("verdict not run: Core ML runs on")


FAILURES = {
    "convert": (("convert", "net.keras", "--layers", "none"), 1),
    "dry run": (("convert", "net.keras", "--dry-run"), 2),
    "inspect": (("inspect", "missing.mlmodel"), 1),
    "verify": (("verify", "missing.mlmodel", "--against", "net.keras"), 1),
    "train": (("train", "digits.mlmodel", *DATA, "--epochs", 99), 2),
    "evaluate": (("evaluate", "digits.mlmodel", "--data", "missing.npz"), 1),
    "calibrate": (("verify", "--on-device", "--calibrate"), 2),
    "study": (("study", "digits.mlmodel", "--users", "missing"), 1),
    "recipes": (("convert", "one.yaml", "two.yaml"), 2),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_leaves_no_page_and_keeps_the_old_one(name, capsys):
    line, expected = FAILURES[name]
    for recipe in ("one", "two"):
        Path(f"{recipe}.yaml").write_text(f"model: net.keras\noutput_path: {recipe}.mlmodel\n")
    Path("r.html").write_text("what was there")
    before = sorted(Path().iterdir())
    code, _, err = called(capsys, *line, "--report", "r.html")
    assert (code, err.count("\n")) == (expected, 1), err
    assert "Traceback" not in err
    assert Path("r.html").read_text() == "what was there"
    assert sorted(Path().iterdir()) == before


def test_several_recipes_have_no_page(capsys):
    for recipe in ("one", "two"):
        Path(f"{recipe}.yaml").write_text(f"model: net.keras\noutput_path: {recipe}.mlmodel\n")
    _, _, err = called(capsys, "convert", "one.yaml", "two.yaml", "--report", "r.html")
    said = "--report r.html: is a page on one model, but there are 2 recipes; convert that one by "
    assert err == f"error: {said}itself\n"


class Interrupted:
    """An output whose reader presses ^C when the first epoch is told."""

    encoding = "utf-8"

    def write(self, text):
        if "epoch 1" in text:
            raise KeyboardInterrupt
        return len(text)

    def flush(self):
        pass

    def isatty(self):
        return False


def test_an_interrupted_training_leaves_no_page(monkeypatch, tmp_path):
    before = sorted(tmp_path.iterdir())
    line = ("train", "digits.mlmodel", *DATA, "--epochs", 2, "--report", "r.html")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Interrupted())
        assert cli.run([str(part) for part in line]) == 130
    assert sorted(tmp_path.iterdir()) == before


def test_a_page_that_cannot_be_made_loses_no_model(monkeypatch, capsys):
    """The page is written last; here a bug keeps it from being made."""

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(page_room, "document", broken)
    code, _, err = called(capsys, "train", "digits.mlmodel", *DATA, *ONE, "--report", "r.html")
    assert code == 3
    assert "internal error: ZeroDivisionError" in err
    assert mlmodel.read(Path("digitsTrained.mlmodel")).isUpdatable
    assert not list(Path().glob("*.html*"))


def test_what_is_not_installed_is_said_before_the_work(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(MissingDependencyError):
        report.report_outputs(Path("r.html"))
    line, _, _ = COMMANDS["train"]
    code, out, err = called(capsys, *line, "--report", "r.html")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"error: --report needs pygraphviz; .* pip install '\.\[report\]'\n", err)


def test_a_folder_that_cannot_be_written_is_said_before_the_work(capsys):
    line, _, _ = COMMANDS["train"]
    code, out, err = called(capsys, *line, "--report", "no/where.html")
    said = "error: --report no/where.html: its folder does not exist; create it first\n"
    assert (code, out, err) == (1, "", said)


def test_names_of_a_file_run_nothing(capsys):
    name = '</h2><script>alert(1)</script>"\x1b[2J\u202e$x^2$'
    spec = digits()
    spec.neuralNetwork.layers[0].name = name
    spec.description.metadata.author = name
    mlmodel.write(spec, Path("odd.mlmodel"))
    line = ("train", "odd.mlmodel", *DATA, *ONE, "-q", "--report", "r.html")
    assert called(capsys, *line)[0] == 0
    text = Path("r.html").read_text()
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "</h2><script>alert(1)</script>" in page().text("Interface")
