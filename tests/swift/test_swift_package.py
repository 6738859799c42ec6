"""The Swift package of a model: what is in it, that it compiles, and what it never harms."""

import re

import pytest

from converter import cli
from converter.coreml import mlmodel
from converter.errors import OutputError, TrainingError
from converter.swift import generate, package
from tests.device.specs import INTERFACES, build
from tests.swift.compiler import (
    MODES,
    diagnostics,
    needs_swift,
    stand_in,
)
from tests.swift.grammar import Source
from tests.swift.test_swift import two_inputs
from tests.validation.specs import drawings

DRAWN = {
    "array": "[Double]",
    "image": "DigitsTrainer.Image",
    "string_classifier": "DigitsTrainer.Image",
}
"""Interface -> the type of its pictures, of those that the example app draws."""


def files(app=False, resource="Digits", name="DigitsTrainer", **options):
    return package.files(build(**options), b"the model", name, resource, app=app)


@pytest.fixture(scope="module", params=DRAWN)
def app(request):
    """Return an interface and the files of the package with an app for it."""
    return request.param, files(app=True, **INTERFACES[request.param])


def test_a_package_has_the_trainer_the_model_and_a_test():
    found = files()
    assert sorted(found) == [
        "Package.swift",
        "README.md",
        "Sources/DigitsTrainer/Digits.mlmodel",
        "Sources/DigitsTrainer/DigitsTrainer+Packaged.swift",
        "Sources/DigitsTrainer/DigitsTrainer.swift",
        "Tests/DigitsTrainerTests/DigitsTrainerTests.swift",
    ]
    assert found["Sources/DigitsTrainer/Digits.mlmodel"] == b"the model"
    trainer = found["Sources/DigitsTrainer/DigitsTrainer.swift"].decode()
    assert trainer == generate(build(), "DigitsTrainer", "Digits")
    manifest = found["Package.swift"].decode()
    assert 'path: "Sources/DigitsTrainer"' in manifest
    assert 'resources: [.copy("Digits.mlmodel")]' in manifest
    test = found["Tests/DigitsTrainerTests/DigitsTrainerTests.swift"].decode()
    assert "parameters.epochs = 1\n" in test
    assert "(0..<8).map(sample)" in test  # two mini-batches of the smallest size, 4


def test_an_app_has_the_library_inside(app):
    _, found = app
    folder = "Example.swiftpm"
    library = [path for path in found if path.startswith(f"{folder}/DigitsTrainer/")]
    assert {path.split("/")[-1] for path in library} == {
        "Digits.mlmodel", "DigitsTrainer.swift", "DigitsTrainer+Packaged.swift", "Session.swift",
        "Drawing.swift",
    }  # fmt: skip
    assert f'path: "{folder}/DigitsTrainer"' in found["Package.swift"].decode()
    copied = '.copy("DigitsTrainer/Digits.mlmodel")'
    assert copied in found[f"{folder}/Package.swift"].decode()


def test_every_swift_file_is_swift(app):
    interface, found = app
    sources = {path: content.decode() for path, content in found.items() if path.endswith(".swift")}
    assert len(sources) == 10
    assert [path for path, text in sources.items() if Source(text).mistakes()] == []
    assert max(len(line) for text in sources.values() for line in text.splitlines()) <= 120
    assert f"picture: {DRAWN[interface]}?" in sources["Example.swiftpm/Views.swift"]


@pytest.mark.slow
@needs_swift
@pytest.mark.parametrize("mode", ["Swift 5", "Swift 6, MainActor"])
def test_the_library_compiles(app, mode, tmp_path, tmp_path_factory):
    assert mode in MODES
    _, found = app
    # What the package manager generates for the resources of a target.
    bundle = (
        "import Foundation\nextension Bundle { nonisolated static var module: Bundle { .main } }\n"
    )
    library = {path: text for path, text in found.items() if "/DigitsTrainer/" in path}
    sources = [tmp_path / path.split("/")[-1] for path in library if path.endswith(".swift")]
    for source in sources:
        source.write_bytes(library[f"Example.swiftpm/DigitsTrainer/{source.name}"])
    (tmp_path / "bundle.swift").write_text(bundle)
    modules = stand_in(tmp_path_factory)
    assert diagnostics(modules, mode, [*sources, tmp_path / "bundle.swift"]) == {}


@pytest.mark.parametrize(
    "name", ["Session", "Drawing", "Package", "ExampleApp", "Digits", "String"]
)
def test_a_type_that_the_app_has_already_is_refused(name):
    with pytest.raises(OutputError, match=f"the type {name} would"):
        files(app=True, name=name)


@pytest.mark.parametrize("resource", ["../Digits", "a/Digits", "/Digits"])
def test_a_model_outside_of_the_package_is_refused(resource):
    with pytest.raises(OutputError, match="is no name of a file"):
        files(resource=resource)


@pytest.mark.parametrize(
    "model", [build(**INTERFACES["regressor"]), two_inputs()], ids=["regressor", "two inputs"]
)
def test_an_app_for_what_cannot_be_drawn_is_refused(model):
    with pytest.raises(TrainingError, match="leave out --app"):
        package.files(model, b"", "DigitsTrainer", "Digits", app=True)
    assert package.files(model, b"", "DigitsTrainer", "Digits")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    mlmodel.write(build(), tmp_path / "digits.mlmodel")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_command_writes_a_new_folder(folder, capsys):
    before = held(folder)
    assert cli.run(["swift", "digits.mlmodel", "--package"]) == 0
    assert cli.run(["swift", "digits.mlmodel", "-o", "Learner/", "--package", "--app", "-q"]) == 0
    assert capsys.readouterr().out == "wrote DigitsTrainer (DigitsTrainer)\n"
    after = held(folder)
    data = before["digits.mlmodel"]
    assert after["digits.mlmodel"] == data
    assert after["DigitsTrainer/Sources/DigitsTrainer/digits.mlmodel"] == data
    assert after["Learner/Example.swiftpm/Learner/digits.mlmodel"] == data
    assert {path.split("/")[0] for path in after} == {"digits.mlmodel", "DigitsTrainer", "Learner"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("-o full --package", 1, "full: exists already"),
        ("-o link --package", 1, "link: exists already"),
        ("-o digits.mlmodel --package", 1, "digits.mlmodel: exists already"),
        ("-o none/Learner --package", 1, "its folder does not exist"),
        ("-o Learner.swift --package", 1, "must end in nothing"),
        ("-o Digits --package --resource Digits", 1, "collide with the class that Xcode makes"),
        ("-o Learner --app", 2, "--app has no effect without --package"),
        ("-o Learner --package --force", 2, "exclude each other"),
    ],
)
def test_the_command_refuses_and_leaves_everything_as_it_was(
    folder, capsys, arguments, code, message
):
    (folder / "full").mkdir()
    (folder / "full" / "mine.txt").write_text("mine")
    (folder / "link").symlink_to(folder / "elsewhere")
    before = held(folder)
    assert cli.run(["swift", "digits.mlmodel", *arguments.split()]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(re.escape(message), line)
    assert held(folder) == before


def test_what_cannot_be_written_leaves_nothing(folder):
    with pytest.raises(OutputError, match="cannot be written"):
        package.write(folder / "Learner", {"a": b"1", "a/b": b"2"})
    assert [path.name for path in folder.iterdir()] == ["digits.mlmodel"]


def test_the_command_refuses_a_type_that_would_hide_another(folder, capsys):
    assert cli.run(["swift", "digits.mlmodel", "-o", "String.swift"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "the type String would hide another String" in line
    assert not (folder / "String.swift").exists()


def test_a_package_of_nearest_neighbors_asks_for_what_it_has_added():
    found = package.files(drawings(), b"the model", "SketchTrainer", "Sketch")
    test = found["Tests/SketchTrainerTests/SketchTrainerTests.swift"].decode()
    assert 'label: "class \\(number % 2)"' in test
    assert "updatableLayers" not in test
    assert Source(test).mistakes() == []
    assert "Adds a few samples" in found["README.md"].decode()
    with pytest.raises(TrainingError, match="leave out --app"):
        package.files(drawings(), b"the model", "SketchTrainer", "Sketch", app=True)
