"""The generated Swift compiles, however a project may compile it."""

import pytest

from converter.errors import OutputError
from converter.swift import generate
from tests.device.specs import build
from tests.paths import FIXTURES
from tests.swift import awkward
from tests.swift.compiler import MODES, VARIANTS, diagnostics, needs_swift, once, stand_in

pytestmark = needs_swift


def write_goldens(folder):
    """The recorded sources, each with a type of its own so that they may be one module."""
    for path in (FIXTURES / "swift").glob("*.swift"):
        name = path.stem.title().replace("_", "") + "Trainer"
        (folder / f"{name}.swift").write_text(path.read_text().replace("ModelTrainer", name))


def write_awkward(folder):
    for name, model in awkward.MODELS.items():
        (folder / f"{name}.swift").write_text(generate(model(), name, "Digits"))


@pytest.fixture(scope="module")
def goldens(tmp_path_factory):
    return sorted(once(tmp_path_factory, "goldens", write_goldens).iterdir())


@pytest.fixture(scope="module")
def awkward_sources(tmp_path_factory):
    return sorted(once(tmp_path_factory, "awkward", write_awkward).iterdir())


@pytest.mark.parametrize("mode", MODES)
def test_everything_compiles(mode, goldens, awkward_sources, tmp_path_factory):
    assert (len(goldens), len(awkward_sources)) == (8, len(awkward.MODELS))
    assert diagnostics(stand_in(tmp_path_factory), mode, goldens + awkward_sources) == {}


@pytest.mark.parametrize("variant", list(VARIANTS)[1:])
def test_the_recorded_sources_compile_as_the_sdk_may_be_read(variant, goldens, tmp_path_factory):
    modules = stand_in(tmp_path_factory, variant)
    assert diagnostics(modules, "Swift 6, MainActor", goldens) == {}


def test_what_does_not_compile_is_noticed(goldens, tmp_path_factory):
    """The compiler is asked, in the mode that is meant, and each file has its own diagnostics."""
    folder = tmp_path_factory.mktemp("wrong")
    for name, text in {
        "Unknown": "import CoreML\nlet key = MLParameterKey.dropout",
        "Isolated": "final class Box { var x = 1 }\nactor Other { func f() { Box().x = 2 } }",
        "Unused": "func g() -> Int { 1 }\nfunc f() { g() }",
    }.items():
        (folder / f"{name}.swift").write_text(text)
    files = sorted(folder.iterdir())
    modules = stand_in(tmp_path_factory)
    assert set(diagnostics(modules, "Swift 5", files)) == {"Unknown.swift", "Unused.swift"}
    assert set(diagnostics(modules, "Swift 6, MainActor", files)) == {file.name for file in files}


@pytest.mark.parametrize("name", awkward.NAMES)
def test_a_name_for_the_type_compiles_or_is_refused(name, tmp_path, tmp_path_factory):
    path = tmp_path / f"{name}.swift"
    try:
        path.write_text(generate(build(image="rgb"), name, "Digits"))
    except OutputError:
        return
    assert diagnostics(stand_in(tmp_path_factory), "Swift 6", [path]) == {}
