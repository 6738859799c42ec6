"""``convert --dry-run`` does everything, the proof too, and writes nothing."""

import json
from pathlib import Path

import pytest
import yaml

from converter import cli
from tests.converting import small_cnn


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("dry") / "model.keras"
    small_cnn().save(path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files():
    """Return what is in the folder, with its bytes, and when the folder was last written to."""
    found = {str(path): path.is_file() and path.read_bytes() for path in Path().rglob("*")}
    return found, Path().stat().st_mtime_ns


def dry(*arguments, code=0):
    before = files()
    assert cli.run([*map(str, arguments), "--dry-run"]) == code
    assert files() == before


def test_the_size_is_that_of_the_file_that_is_not_written(source, capsys):
    dry(source, "-o", "new.mlmodel")
    printed = capsys.readouterr()
    assert printed.err == ""
    last = printed.out.splitlines()[-1]
    assert "parity " in printed.out
    assert last.startswith("would write new.mlmodel (")
    dry(source, "-o", "new.mlmodel", "--json")
    told = json.loads(capsys.readouterr().out)
    assert cli.run([str(source), "-o", "new.mlmodel", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert (told.pop("dry_run"), written.pop("dry_run")) == (True, False)
    assert told == written
    assert written["size"] == Path("new.mlmodel").stat().st_size
    assert last == f"would write new.mlmodel ({written['size'] / 1e3:.1f} kB)"
    assert cli.run([str(source), "-o", "new.mlmodel", "--yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == {**written, "dry_run": False}


def test_a_default_name_that_is_taken_is_said_but_no_obstacle(source, capsys):
    Path("modelUpdatable.mlmodel").write_bytes(b"kept")
    dry(source)
    assert capsys.readouterr().out.splitlines()[-1].endswith(" kB), which exists")
    assert cli.run([str(source)]) == 1
    assert "exists already" in capsys.readouterr().err


NAMES = {
    "ending": ("new.bin", "the name must end in .mlmodel"),
    "folder": ("nowhere/new.mlmodel", "its folder does not exist"),
}


@pytest.mark.parametrize(("target", "words"), NAMES.values(), ids=NAMES)
def test_the_name_of_the_output_is_checked(target, words, source, capsys):
    dry(source, "-o", target, code=1)
    assert words in capsys.readouterr().err


def test_an_input_is_no_output(source, capsys):
    Path("recipe.yaml").write_text(f"model: {source}\nclasses: labels.mlmodel\n")
    Path("labels.mlmodel").write_text("a\nb\nc\nd\n")
    dry("recipe.yaml", "-o", "labels.mlmodel", code=1)
    assert "is the same file as the input" in capsys.readouterr().err


def test_the_proof_is_made(source, capsys):
    smaller = ("--layers", "dense_6", "--frozen-weights", "int8")
    dry(source, *smaller, "--tolerance", "1e-12", code=1)
    assert "e-12" in capsys.readouterr().err


def test_a_check_on_the_device_needs_the_file(source, capsys):
    dry(source, "--on-device", code=2)
    assert "--dry-run writes none" in capsys.readouterr().err


@pytest.mark.slow
def test_several_recipes_with_a_folder_that_is_not_made(source, capsys):
    Path("one.yaml").write_text(f"model: {source}\nlayers: [dense_6]\n")
    Path("two.yaml").write_text(f"model: {source}\nlayers: [nowhere]\n")
    Path("a_file").touch()
    dry("one.yaml", "two.yaml", "-o", "a_file/build/", code=1)
    assert "cannot be made" in capsys.readouterr().err
    dry("one.yaml", "two.yaml", "-o", "new/build/", code=1)
    assert "new/build/modelUpdatable.mlmodel: is the same file as the output" in (
        capsys.readouterr().err
    )
    Path("two.yaml").write_text(f"model: {source}\nlayers: [nowhere]\noutput_path: b.mlmodel\n")
    dry("one.yaml", "two.yaml", "-o", "new/build/", "--json", "--jobs", "1", code=1)
    good, bad = json.loads(capsys.readouterr().out)
    assert good["file"] == str(Path("new/build/modelUpdatable.mlmodel"))
    assert [layer["name"] for layer in good["layers"] if layer["updatable"]] == ["dense_6"]
    assert (bad["file"], bad["exit_code"]) == (str(Path("new/build/b.mlmodel")), 1)
    assert "no layer is called 'nowhere'" in bad["error"]
