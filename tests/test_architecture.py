"""The walls of the house: who may import whom, and what stays light."""

import ast
import subprocess
import sys

import pytest

from tests.paths import ROOT

PACKAGE = ROOT / "converter"

FLOORS = (
    ("errors", "versions"),
    ("files",),
    ("arithmetic", "backend", "coreml", "drawing", "keras_file"),
    ("recipe", "loading", "trace", "validation", "runtime", "swift"),
    ("lower", "data", "device"),
    ("learning", "calibration"),
    ("proof",),
    ("neighbors",),
    ("conversion",),
    ("weights", "studies"),
    ("page",),
    ("api",),
    ("cli",),
)
"""The rooms, lowest first. A room imports itself and lower floors only, never a sibling."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "converter":
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("converter."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("converter."))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_lower_floors_only(path):
    room = room_of(path)
    if room == "__init__":
        return  # the front door names the Python API, and imports it only when it is asked for
    assert room in FLOOR, f"{room} has no floor: add it to FLOORS deliberately"
    for other in imported_rooms(path):
        assert other == room or FLOOR[other] < FLOOR[room], f"{room} imports {other}"


def test_few_files_stand_outside_of_the_rooms():
    assert len(list(PACKAGE.glob("*.py"))) <= 6


def test_the_tests_of_a_room_stand_under_its_name():
    tests = [path.relative_to(ROOT / "tests") for path in ROOT.glob("tests/*/**/test_*.py")]
    assert {path.parts[0] for path in tests} - {"docs"} <= set(FLOOR)


def test_the_scan_sees_imports():
    assert "errors" in set(imported_rooms(PACKAGE / "coreml" / "mlmodel.py"))


def modules_after(code):
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


HEAVY = {"tensorflow", "keras", "coremltools", "coremltools.converters", "dask", "distributed",
         "matplotlib"}  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        "from converter.cli import run; run(['--help'])",
        "from converter.cli import run; run(['validate', 'README.md'])",
        "from converter.cli import run; run(['study', 'schema']); run(['study', 'none.yaml'])",
        "from converter import calibration; from converter.cli import run; "
        "run(['calibrate', 'README.md'])",
        "import converter",
        "import converter.coreml.mlmodel",
        "import converter.page.model, converter.cli.report",
    ],
)
def test_light_commands_load_no_heavy_package(code):
    assert not HEAVY & modules_after(code)


def test_only_studies_know_dask():
    names = {"dask", "distributed"}
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and names & {str(getattr(node, "module", "")), *(alias.name for alias in node.names)}
    }
    assert found == {"studies/cluster.py", "studies/tasks.py"}


def test_a_finding_is_known_without_the_rules():
    loaded = modules_after("import converter.validation.finding")
    assert {m for m in loaded if m.startswith("converter.")} == {
        "converter.validation", "converter.validation.finding", "converter.versions",
    }  # fmt: skip
