"""The worker against what pyobjc and the macOS SDK say: selectors, arguments, blocks, results."""

import ast
import hashlib
import json
import os
import subprocess
import sys

import pytest

from tests.device import pyobjc_metadata
from tests.paths import ROOT

WORKER = sorted((ROOT / "converter" / "device" / "worker").glob("*.py"))
TABLE = json.loads(pyobjc_metadata.TABLE.read_text())
ROWS = {row["selector"].replace(":", "_"): row for row in TABLE["selectors"]}
TREE = ast.Module([node for path in WORKER for node in ast.parse(path.read_text()).body], [])
BRIDGED = {"objc", "CoreML", "Foundation"}

PYTHON = {
    "append", "as_buffer", "astype", "change_rate", "count", "endswith", "exists", "flush",
    "fromkeys", "get", "items", "join", "load", "loads", "dumps", "mac_ver", "machine", "main",
    "mkdir", "monotonic", "ravel", "read_text", "move", "replace", "run", "save", "save_arrays",
    "savez", "set", "setdefault", "stack", "stage", "tell", "wait", "write_text", "frombuffer",
    "array", "dtype", "Event", "Path", "autorelease_pool", "_exit",
}  # fmt: skip
"""Methods of Python's own that the worker calls."""

LIFE = {"alloc", "init"}
"""Every Objective-C class has these."""


def calls():
    return [
        node
        for node in ast.walk(TREE)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def imported(module):
    return {
        alias.name
        for node in ast.walk(TREE)
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


def test_the_worker_calls_nothing_that_is_not_in_the_table():
    seen = set()
    for call in calls():
        name = call.func.attr
        if name in PYTHON or name in LIFE:
            continue
        assert name in ROWS, f"line {call.lineno}: {name} is not in the table"
        assert len(call.args) == ROWS[name]["sdk"]["arguments"], f"line {call.lineno}: {name}"
        assert not call.keywords
        seen.add(name)
    references = {node.attr for node in ast.walk(TREE) if isinstance(node, ast.Attribute)}
    assert set(ROWS) <= references, "the table has rows that the worker does not use"
    assert len(seen) > 40


@pytest.mark.parametrize("row", TABLE["selectors"], ids=lambda row: row["selector"])
def test_a_selector_is_what_the_worker_takes_it_for(row):
    sdk, bridge, name = row["sdk"], row["bridge"], row["selector"].replace(":", "_")
    assert sdk["arguments"] == row["selector"].count(":")
    assert sdk["introduced"] is None or tuple(map(int, sdk["introduced"].split("."))) <= (10, 15)
    # 100000 is Apple's "to be deprecated, some day".
    assert sdk["deprecated"] is None or sdk["deprecated"].startswith("100000")
    # The headers do not mark the URL that comes out of this one, which the bridge knows.
    known = [4] if row["selector"].startswith("replaceItemAtURL:") else []
    assert bridge["outs"] == known + sdk["outs"]
    # pyobjc marks an argument of this one as a block that is an object; it is passed through.
    known = [3] if row["selector"].startswith("updateTaskForModelAtURL:") else []
    assert bridge["blocks"] == sdk["blocks"] + known
    for call in calls():
        if call.func.attr != name:
            continue
        for position in bridge["outs"]:
            assert isinstance(call.args[position], ast.Constant)
            assert call.args[position].value is None
        for position in sdk["blocks"]:
            assert isinstance(call.args[position], ast.Attribute), "a bound method"


def test_the_result_of_a_call_with_an_error_is_taken_apart_by_need():
    """Such a call gives (result, NSError): it must go through ``need``, at once or by a name."""
    with_errors = {name for name, row in ROWS.items() if row["sdk"]["outs"]}
    needed = set()
    for node in ast.walk(TREE):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "need":
            needed.add(ast.dump(node.args[0]))
    for function in (n for n in ast.walk(TREE) if isinstance(n, ast.FunctionDef)):
        for node in ast.walk(function):
            is_call = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            if is_call and result_given_to_need(node.targets[0]) in needed:
                needed.add(ast.dump(node.value))
    for call in calls():
        if call.func.attr in with_errors:
            assert ast.dump(call) in needed, f"line {call.lineno}"


def result_given_to_need(target):
    """Return how a call's results, assigned to `target`, would be given to ``need``.

    As (result, error): by the name of the pair, or its first and its last part.
    """
    if isinstance(target, ast.Tuple):
        target = ast.Tuple([target.elts[0], target.elts[-1]])
    return ast.dump(ast.parse(ast.unparse(target), mode="eval").body)


def test_handlers_take_what_the_blocks_give():
    (row,) = [r for r in TABLE["selectors"] if r["class"] == "MLUpdateProgressHandlers"]
    assert row["block_arity"] == {"1": 1, "2": 1}
    handlers = {
        node.name: node for node in ast.walk(TREE)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("on_")
    }  # fmt: skip
    assert set(handlers) == {"on_progress", "on_completion"}
    for handler in handlers.values():
        assert len(handler.args.args) == 1 + 1
        statement = handler.body[1]
        assert isinstance(statement, ast.Try), "an exception must not leave a handler"
        assert statement.handlers[0].type.id == "BaseException"
        assert len(handler.body) == 2


def test_names_from_core_ml_are_classes_or_constants_of_the_table():
    classes = {row["class"] for row in TABLE["selectors"]}
    assert imported("CoreML") <= classes | set(TABLE["constants"])
    assert imported("Foundation") <= classes


def test_array_types_are_those_of_the_sdk():
    (assigned,) = [
        node.value for node in TREE.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "DTYPES"
    ]  # fmt: skip
    names = {"<f2": "Float16", "<f4": "Float32", "<f8": "Double", "<i4": "Int32"}
    found = {names[v.value]: k.value for k, v in zip(assigned.keys, assigned.values, strict=True)}
    prefix = "MLMultiArrayDataType"
    assert found == {
        n.removeprefix(prefix): v for n, v in TABLE["constants"].items() if n.startswith(prefix)
    }


def test_nothing_but_the_worker_imports_pyobjc_and_nothing_imports_the_worker():
    for path in (ROOT / "converter").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
            for name in names:
                if path in WORKER:
                    own = name.startswith("converter.device.worker.")
                    assert own or name.split(".")[0] != "converter", path
                else:
                    assert name.split(".")[0] not in BRIDGED, path
                    assert not name.startswith("converter.device.worker"), path


def test_the_macos_extra_pins_one_generation_of_pyobjc():
    from configparser import ConfigParser

    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    pins = config["options.extras_require"]["macos"].strip().splitlines()
    packages = ("pyobjc-core", "pyobjc-framework-Cocoa", "pyobjc-framework-CoreML")
    assert pins == [f'{name}>=12.0,<13; sys_platform == "darwin"' for name in packages]


@pytest.mark.skipif(
    not os.environ.get("MAKE_UPDATABLE_NETWORK"), reason="MAKE_UPDATABLE_NETWORK=1 downloads it"
)
@pytest.mark.parametrize("package", ["CoreML", "Foundation"])
def test_the_table_is_what_the_wheel_says(tmp_path, package):
    name = {"CoreML": "pyobjc-framework-CoreML", "Foundation": "pyobjc-framework-Cocoa"}[package]
    (recorded,) = [w for w in TABLE["wheels"] if w.startswith(name.lower().replace("-", "_"))]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", tmp_path,
               "--only-binary=:all:", "--platform", "macosx_10_9_universal2",
               "--python-version", "3.11", f"{name}=={recorded.split('-')[1]}"]  # fmt: skip
    subprocess.run(list(map(str, command)), check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == TABLE["wheels"][recorded]
    registered, enums = pyobjc_metadata.read_bridge(wheel, package)
    rows = [r for r in TABLE["selectors"] if pyobjc_metadata.framework(r["class"]) == package]
    assert rows
    for row in rows:
        facts = pyobjc_metadata.bridge_facts(registered, row["class"], row["selector"])
        assert facts == row["bridge"], row["selector"]
        for position, arity in row["block_arity"].items():
            found = pyobjc_metadata.block_arity(
                registered, row["class"], row["selector"], int(position)
            )
            assert found == arity
    constants = TABLE["constants"].items() if package == "CoreML" else ()
    assert {name: enums[name] for name, _ in constants} == dict(constants)
