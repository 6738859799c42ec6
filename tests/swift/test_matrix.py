"""The generated Swift compiles, however a project may compile it."""

import pytest

from converter.swift import generate
from tests.device.specs import build
from tests.long import usual_or_long
from tests.paths import FIXTURES
from tests.swift import awkward
from tests.swift.compiler import MODES, VARIANTS, diagnostics, needs_swift, once, stand_in

pytestmark = [needs_swift, pytest.mark.slow]


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
def test_the_recorded_sources_compile(mode, goldens, tmp_path_factory):
    modules = stand_in(tmp_path_factory)
    thorough = mode.startswith("Swift 6")
    assert len(goldens) == 9
    assert diagnostics(modules, mode, goldens, thorough) == {}


@pytest.mark.parametrize("mode", usual_or_long(["Swift 6, MainActor"], MODES))
def test_awkward_models_compile(mode, awkward_sources, tmp_path_factory):
    assert len(awkward_sources) == len(awkward.MODELS)
    assert diagnostics(stand_in(tmp_path_factory), mode, awkward_sources) == {}


@pytest.mark.parametrize("variant", list(VARIANTS)[1:])
def test_the_recorded_sources_compile_as_the_sdk_may_be_read(variant, goldens, tmp_path_factory):
    modules = stand_in(tmp_path_factory, variant)
    assert diagnostics(modules, "Swift 6, MainActor", goldens) == {}


def test_names_that_are_not_refused_compile(tmp_path, tmp_path_factory):
    """Types of the file's own and of what it imports are refused; other frameworks' are not."""
    for name in ("Model", "Thread", "Notification", "Gallery", "Swift"):
        (tmp_path / f"{name}.swift").write_text(generate(build(image="rgb"), name, "Digits"))
    files = sorted(tmp_path.iterdir())
    assert diagnostics(stand_in(tmp_path_factory), "Swift 6", files) == {}
