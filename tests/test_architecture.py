"""The walls of the house: who may import whom, and what stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "converter"

FLOORS = {
    "__init__": 0,
    "errors": 0,
    "files": 1,
    "versions": 1,
    "backend": 1,
    "compile_settings": 1,
    "wire": 1,
    "coreml": 2,
    "mlmodel": 2,
    "program": 3,
    "tf_ops": 3,
    "shapes": 3,
    "recipe": 3,
    "interface": 3,
    "image_input": 4,
    "layer_table": 4,
    "interface_choice": 5,
    "training": 4,
    "metadata": 4,
    "rules": 4,
    "emit": 4,
    "fuse": 4,
    "runtime": 4,
    "subject": 4,
    "keras_file": 4,
    "load": 5,
    "trace": 5,
    "lower": 5,
    "head": 5,
    "gradient_path": 5,
    "updatable": 5,
    "parity": 5,
    "report": 5,
    "notes": 6,
    "proof": 6,
    "validate": 5,
    "device": 5,
    "swift": 5,
    "data": 5,
    "verification": 6,
    "conversion": 7,
    "inspection": 8,
    "api": 9,
    "cli": 10,
}
"""Room -> floor. A room imports itself and lower floors only, never a sibling."""

FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "converter":
            yield from (a.name if a.name in FLOORS else "__init__" for a in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("converter."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("converter."))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_lower_floors_only(path):
    room = room_of(path)
    assert room in FLOORS, f"{room} has no floor: add it to FLOORS deliberately"
    if room == "__init__":
        return  # the front door names the Python API, and imports it only when it is asked for
    for other in imported_rooms(path):
        assert other == room or FLOORS[other] < FLOORS[room], f"{room} imports {other}"


def test_the_scan_sees_imports():
    assert "errors" in set(imported_rooms(PACKAGE / "mlmodel.py"))


def modules_after(code):
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


HEAVY = {"tensorflow", "keras", "coremltools", "coremltools.converters"}


@pytest.mark.parametrize(
    "code",
    [
        "from converter.cli import run; run(['--help'])",
        "from converter.cli import run; run(['validate', 'README.md'])",
        "import converter",
        "import converter.mlmodel",
    ],
)
def test_light_commands_load_no_heavy_package(code):
    assert not HEAVY & modules_after(code)


def test_a_later_import_of_coremltools_shares_the_message_classes():
    code = (
        "from converter import mlmodel\n"
        "import coremltools\n"
        "assert coremltools.proto.Model_pb2.Model is mlmodel.Model_pb2.Model"
    )
    assert "coremltools.converters" in modules_after(code)
