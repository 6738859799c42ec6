"""No output destroys an input: every command, every output, every input, every way to name a file.

The parameters come from the command line itself. `ROLES` says what each of them is; one that it
does not know fails the test, so that a new option cannot be forgotten.
"""

import itertools
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converter import cli
from converter.coreml import mlmodel
from converter.errors import OutputError
from converter.files.paths import Input, Output, check_outputs
from tests.cli.walk import LEAVES, flag, takes_text
from tests.runtime.updatable import MNIST, digits

FILE, PLACE, TEXT = "a file to read", "a file or folder to read", "no path"

ROLES = {
    ("convert", "files"): PLACE,
    ("convert", "weights"): PLACE,
    ("convert", "recipe"): FILE,
    ("convert", "classes"): FILE,
    ("convert", "calibration"): PLACE,
    ("convert", "output_path"): ".mlmodel",
    **{(name, "report"): ".html" for name in (
        "convert", "inspect", "verify", "train", "evaluate", "study run",
    )},
    **{("convert", name): TEXT for name in (
        "layers", "output", "signature", "input_name", "output_name", "label_name", "knn",
        "default_label",
    )},
    ("convert", "knn_samples"): PLACE,
    ("validate", "files"): FILE,
    ("validate", "ignore"): TEXT,
    ("validate", "explain"): TEXT,
    ("inspect", "file"): FILE,
    ("inspect", "weights"): PLACE,
    ("inspect", "output"): TEXT,
    ("inspect", "signature"): TEXT,
    ("recipe init", "model"): PLACE,
    ("recipe init", "weights"): PLACE,
    ("recipe init", "signature"): TEXT,
    ("recipe init", "out"): ".yaml",
    ("recipe check", "files"): FILE,
    ("recipe show", "model"): FILE,
    ("train", "model"): FILE,
    ("train", "data"): PLACE,
    ("train", "test"): PLACE,
    ("train", "arithmetic"): FILE,
    ("train", "out"): ".mlmodel",
    ("train", "history"): ".csv",
    ("train", "plot"): ".png",
    ("train", "checkpoint"): ".npz",
    ("evaluate", "model"): FILE,
    ("evaluate", "data"): PLACE,
    ("predict", "model"): FILE,
    ("predict", "data"): PLACE,
    ("predict", "out"): ".csv",
    ("weights list", "model"): FILE,
    ("weights get", "model"): FILE,
    ("weights get", "out"): ".npz",
    ("weights set", "model"): FILE,
    ("weights set", "weights"): FILE,
    ("weights set", "out"): ".mlmodel",
    ("weights diff", "first"): FILE,
    ("weights diff", "second"): FILE,
    ("weights average", "models"): FILE,
    ("weights average", "samples_from"): FILE,
    ("weights average", "out"): ".mlmodel",
    ("weights average", "weights"): TEXT,
    ("weights adopt", "personal"): PLACE,
    ("weights adopt", "into"): FILE,
    ("weights adopt", "out"): ".mlmodel",
    ("extract", "model"): FILE,
    ("extract", "into"): PLACE,
    ("extract", "weights"): PLACE,
    ("extract", "out"): ".keras",
    ("verify", "model"): FILE,
    ("verify", "signature"): TEXT,
    ("verify", "against"): PLACE,
    ("verify", "weights"): PLACE,
    ("verify", "data"): PLACE,
    ("verify", "out"): ".json",
    ("calibrate", "record"): FILE,
    ("calibrate", "out"): ".json",
    ("study run", "files"): FILE,
    **{("study run", name): PLACE for name in ("users", "simulate", "common")},
    ("study run", "scheduler_file"): FILE,
    **{("study run", name): TEXT for name in ("shifts", "scheduler", "memory_limit")},
    ("study run", "results"): ".results",
    ("study run", "out"): ".json",
    ("study run", "plot"): ".svg",
    ("study run", "write_recipe"): ".yaml",
    ("study init", "model"): FILE,
    ("study init", "out"): ".yaml",
    ("swift", "model"): FILE,
    ("swift", "target"): ".swift",
    ("swift", "resource"): TEXT,
}  # fmt: skip
"""(Command, parameter) -> what it is; of an output the ending."""

ENOUGH = {
    "convert": {"files": "model"},
    "inspect": {"file": "m"},
    "train": {"model": "m", "data": "d"},
    "evaluate": {"model": "m", "data": "d"},
    "predict": {"model": "m", "data": "d"},
    "weights get": {"model": "m"},
    "weights set": {"model": "m", "weights": "w"},
    "weights average": {"models": "m"},
    "weights adopt": {"personal": "p", "into": "m"},
    "extract": {"model": "m", "into": "k"},
    "verify": {"model": "m"},
    "calibrate": {"record": "r"},
    "study run": {"files": "model"},
    "study init": {"model": "m"},
    "swift": {"model": "m"},
    "recipe init": {"model": "m"},
}
"""Command -> what it needs at least, if the walk does not give it."""

MORE = {
    ("convert", "calibration"): ["--frozen-weights", "int8"],
    ("convert", "knn_samples"): ["--knn", "flat"],
    ("verify", "model"): ["--on-device"],
    ("verify", "data"): ["--on-device"],
    ("verify", "weights"): ["--against", "model"],
}
"""Flags that a command needs beside a parameter."""

FOR_OUTPUTS = {"verify": ["--on-device"]}
"""Command -> flags that it needs where no parameter brings them."""


def test_the_role_of_every_parameter_is_known():
    found = {(name, p.name) for name, c in LEAVES.items() for p in c.params if takes_text(p)}
    assert found == set(ROLES)


def same(read, ending):
    return read, read


def spelled_otherwise(read, ending):
    return read, read.parent / ".." / read.parent.name / read.name


def through_a_symlink(read, ending):
    link = read.with_name(f"link{ending}")
    link.symlink_to(read)
    return read, link


def what_a_symlink_leads_to(read, ending):
    link = read.with_name(f"link{ending}")
    link.symlink_to(read)
    return link, read


def through_a_hard_link(read, ending):
    link = read.with_name(f"link{ending}")
    os.link(read, link)
    return read, link


AS_FILE = (
    same, spelled_otherwise, through_a_symlink, what_a_symlink_leads_to, through_a_hard_link
)  # fmt: skip


def inside(folder, ending):
    return folder, folder / f"new{ending}"


def inside_a_class(folder, ending):
    return folder, folder / "cat" / f"new{ending}"


def a_file_of_it(folder, ending):
    return folder, folder / "train" / "dog" / f"1{ending}"


def a_symlink_to_a_file_of_it(folder, ending):
    return folder, through_a_symlink(folder / "train" / "dog" / f"1{ending}", ending)[1]


def an_outer_symlink_to_a_file_of_it(folder, ending):
    link = folder.parent / f"link{ending}"
    link.symlink_to(folder / "train" / "dog" / f"1{ending}")
    return folder, link


def an_outer_hard_link_to_a_file_of_it(folder, ending):
    link = folder.parent / f"link{ending}"
    os.link(folder / "train" / "dog" / f"1{ending}", link)
    return folder, link


def where_a_class_leads_to(folder, ending):
    return folder, folder.parent / "elsewhere" / f"new{ending}"


def inside_by_a_link_to_it(folder, ending):
    link = folder.with_name("link")
    link.symlink_to(folder)
    return folder, link / f"new{ending}"


AS_FOLDER = (
    inside, inside_a_class, a_file_of_it, a_symlink_to_a_file_of_it,
    an_outer_symlink_to_a_file_of_it, an_outer_hard_link_to_a_file_of_it, where_a_class_leads_to,
    inside_by_a_link_to_it,
)  # fmt: skip


def folder_of_data(ending):
    """Write a folder of classes: two of files, one that is a link; return it."""
    data, elsewhere = Path("data").absolute(), Path("elsewhere").absolute()
    for place in (data / "train" / "dog", data / "cat", elsewhere):
        place.mkdir(parents=True)
        (place / f"1{ending}").write_bytes(b"a photograph")
    (data / "bird").symlink_to(elsewhere)
    for place in (data, data / "train" / "dog"):
        (place / "loop").symlink_to("loop")
    return data


def file_to_read(ending):
    path = Path(f"keep{ending}").absolute()
    path.write_text("seed: 1\n")
    return path


FORMS = {FILE: [(file_to_read, form) for form in AS_FILE]}
FORMS[PLACE] = FORMS[FILE] + [(folder_of_data, form) for form in AS_FOLDER]


def outputs_of(command):
    return [name for (each, name), role in ROLES.items() if each == command and role[0] == "."]


COMBINATIONS = [
    (command, output, name, *form)
    for command in LEAVES
    for output in outputs_of(command)
    for (each, name), role in ROLES.items()
    for form in FORMS.get(role, ())
    if each == command
]


def test_the_number_of_combinations():
    """A new output or input adds to it; none is lost unseen."""
    assert len(COMBINATIONS) == 806


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working folder, with a model in it."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    Path("model").touch()


def everything():
    """Return every file in the working folder with its bytes, and where links lead to."""
    found = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    return found, {path: path.readlink() for path in Path().rglob("*") if path.is_symlink()}


def arguments(command, **values):
    """Return the command line on which the parameters have `values`, and others what they need."""
    given = {**ENOUGH[command], **values}
    parts = [[*flag(command, name), str(value)] for name, value in given.items()]
    more = [MORE.get((command, name), []) for name in values]
    return list(itertools.chain(command.split(), *parts, *more))


REFUSED = re.compile(r"is the same file as the (input|output)|lies inside the input")


def refused(line, capsys):
    """Run `line`; check that it is refused in one line and changes nothing; return what it says."""
    before = everything()
    assert cli.run(line) in (1, 2)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert everything() == before
    return printed.err


@pytest.mark.parametrize(
    ("command", "output", "name", "prepare", "form"), COMBINATIONS,
    ids=[f"{command} {output} {name} {form.__name__}" for command, output, name, _, form
         in COMBINATIONS],
)  # fmt: skip
def test_no_output_is_an_input(command, output, name, prepare, form, capsys):
    ending = ROLES[command, output]
    read, write = form(prepare(ending), ending)
    assert REFUSED.search(refused(arguments(command, **{name: read, output: write}), capsys))


INDIRECT = {
    "the model of a recipe": "model: keep.mlmodel\n",
    "the labels of a recipe": "model: model\nclasses: keep.mlmodel\n",
    "what a recipe extends": "model: model\nextends: keep.mlmodel\n",
}


@pytest.mark.parametrize("recipe", INDIRECT.values(), ids=INDIRECT)
@pytest.mark.parametrize("form", AS_FILE)
def test_no_output_is_an_input_of_a_recipe(recipe, form, capsys):
    _, write = form(file_to_read(".mlmodel"), ".mlmodel")
    Path("r.yaml").write_text(recipe)
    assert REFUSED.search(refused(["r.yaml", "-o", str(write)], capsys))
    Path("r.yaml").write_text(f"{recipe}output_path: {write}\n")
    assert REFUSED.search(refused(["r.yaml"], capsys))


def test_no_output_is_an_input_of_another_recipe(capsys):
    Path("one.yaml").write_text("model: model\noutput_path: labels.mlmodel\n")
    Path("two.yaml").write_text("model: model\nclasses: labels.mlmodel\n")
    Path("labels.mlmodel").write_text("cat\ndog\n")
    assert REFUSED.search(refused(["one.yaml", "two.yaml"], capsys))


def test_no_output_is_a_recipe_that_is_read(capsys):
    Path("r.yaml").write_text("model: model\n")
    Path("link.mlmodel").symlink_to("r.yaml")
    assert REFUSED.search(refused(["r.yaml", "-o", "link.mlmodel"], capsys))


DEFAULTS = {
    "labels": ["convert", "model", "--classes", "modelUpdatable.mlmodel"],
    "a recipe": ["convert", "model", "--recipe", "modelUpdatable.mlmodel"],
    "data": ["train", "m", "--data", "mTrained.mlmodel"],
    "a folder of data": ["train", "m", "--data", "."],
    "data to test with": ["train", "m", "--data", "d", "--test", "mTrained.mlmodel"],
}


@pytest.mark.parametrize("line", DEFAULTS.values(), ids=DEFAULTS)
def test_no_default_name_is_an_input_even_by_force(line, capsys):
    for name in ("modelUpdatable.mlmodel", "mTrained.mlmodel"):
        Path(name).write_text("seed: 1\n")
    assert REFUSED.search(refused([*line, "--force"], capsys))


def test_no_output_lies_among_the_datasets_of_keras(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    mnist = tmp_path / "keras" / "datasets" / "mnist.npz"
    mnist.parent.mkdir(parents=True)
    mnist.write_bytes(b"downloaded")
    line = arguments("predict", data="mnist", out=mnist)
    assert REFUSED.search(refused(line, capsys))
    assert mnist.read_bytes() == b"downloaded"


PAIRS = [
    (command, *pair)
    for command in LEAVES
    for pair in itertools.permutations(outputs_of(command), 2)
]


def first_a_symlink(one, other):
    one.symlink_to(other)


def a_hard_link(one, other):
    one.touch()
    os.link(one, other)


def a_symlink_to_what_is_there(one, other):
    other.touch()
    one.symlink_to(other)


@pytest.mark.parametrize("link", [first_a_symlink, a_hard_link, a_symlink_to_what_is_there])
@pytest.mark.parametrize(("command", "one", "other"), PAIRS)
def test_no_two_outputs_are_one_file(command, one, other, link, capsys):
    names = {name: Path(f"{name}{ROLES[command, name]}") for name in (one, other)}
    link(*names.values())
    line = [*arguments(command, **names), *FOR_OUTPUTS.get(command, [])]
    assert REFUSED.search(refused(line, capsys))


def test_names_that_are_one_file_where_case_and_accents_do_not_count(capsys):
    outputs = [Output("--one", Path("caf\u00e9.csv"), (".csv",)),
               Output("--two", Path("CAFE\u0301.csv"), (".csv",))]  # fmt: skip
    with pytest.raises(OutputError, match="is the same file as the output --one"):
        check_outputs([], outputs)


def test_two_recipes_do_not_write_one_file(capsys):
    for name in ("one", "two"):
        Path(f"{name}.yaml").write_text("model: model\n")
    found = refused(["one.yaml", "two.yaml", "--force"], capsys)
    assert "two.yaml: modelUpdatable.mlmodel: is the same file as the output one.yaml" in found


ENDINGS = [(command, name) for (command, name), role in ROLES.items() if role[0] == "."]


@pytest.mark.parametrize(("command", "output"), ENDINGS)
def test_each_output_has_its_ending_and_a_folder(command, output, capsys):
    ending = ROLES[command, output]
    found = refused(arguments(command, **ENOUGH[command], **{output: "model.bin"}), capsys)
    assert re.search(rf"model.bin: the name must end in .*{ending}", found)
    found = refused(arguments(command, **ENOUGH[command], **{output: f"nowhere/x{ending}"}), capsys)
    assert f"nowhere/x{ending}: its folder does not exist; create it first" in found


def test_what_is_beside_the_inputs_may_be_written(tmp_path):
    """Names that begin like an input's, files beside a folder, links that lead out of it."""
    data = folder_of_data(".csv")
    inputs = [Input("--data", data), Input("MODEL", Path("model"))]
    (data / "train" / "broken").symlink_to("nowhere")
    for name in ("data.csv", "data2.csv", "model.csv", "new.csv"):
        check_outputs(inputs, [Output("-o", Path(name), (".csv",))])


REAL = {
    "data by predictions": ["predict", "--data", "keep.npz", "-o", "keep.npz"],
    "data by predictions, through a link": ["predict", "--data", "keep.npz", "-o", "link.npz"],
    "a photograph by a plot": ["train", "--data", "pets", "--plot", "pets/1/0.png"],
    "data to test with by a checkpoint": [
        "train", "--data", "keep.npz", "--test", "test.npz", "--checkpoint", "test.npz",
    ],
    "a checkpoint by the model": [
        "train", "--data", "keep.npz", "--checkpoint", "new.mlmodel", "-o", "new.mlmodel",
    ],
    "the model by a verdict": ["verify", "--on-device", "-o", "link.json"],
    "another file by a checkpoint": ["train", "--data", "keep.npz", "--checkpoint", "model.h5"],
}  # fmt: skip
"""Lines without their model, of which each could be run: the files are what they should be."""


@pytest.mark.parametrize("line", REAL.values(), ids=REAL)
def test_real_files_are_kept(line, capsys):
    mlmodel.write(digits(), Path("digits.mlmodel"))
    with np.load(MNIST) as stored:
        np.savez("keep.npz", x=stored["x_train"][:20], y=stored["y_train"][:20])
        np.savez("test.npz", x=stored["x_test"][:20], y=stored["y_test"][:20])
        for label in ("1", "7"):
            Path("pets", label).mkdir(parents=True)
            Image.fromarray(stored["x_train"][0]).save(f"pets/{label}/0.png")
    Path("model.h5").write_bytes(b"\x89HDF\r\n\x1a\n of a model")
    Path("link.npz").symlink_to("keep.npz")
    os.link("digits.mlmodel", "link.json")
    capsys.readouterr()
    name, *rest = line
    assert "delete" not in refused([name, "digits.mlmodel", *rest], capsys)
