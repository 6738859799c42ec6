"""What other packages do not make public is used in one room, `converter/backend/`."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "converter"
ELSEWHERE = [p for p in sorted(PACKAGE.rglob("*.py")) if p.parent != PACKAGE / "backend"]

PYTHON = ("atexit", "os")
"""Modules of Python whose private names end a process."""

TAKE_A_NAME = ("getattr", "hasattr", "setattr", "delattr", "object")
"""Functions, ``patch.object`` too, whose second argument is the name of an attribute."""

REPLACED = ("__call__", "__init__")
"""Methods that a patch would put in the place of another package's."""


def foreign_private_parts(source):
    """Yield what `source` uses of other packages that is private to them, or replaces there."""
    tree = ast.parse(source)
    own = set(own_names(tree))
    for node in ast.walk(tree):
        if (
            (isinstance(node, ast.Attribute) and is_foreign(node, own))
            or (isinstance(node, ast.Call) and is_by_name(node))
            or (isinstance(node, ast.ImportFrom) and is_private_import(node))
        ):
            yield ast.unparse(node)


def own_names(tree):
    """Yield what a file and the bases of its classes define: functions, variables, attributes."""
    bases = {ast.unparse(b) for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for b in c.bases}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and bases & {each.name for each in node.names}:
            path = PACKAGE.parent / f"{node.module.replace('.', '/')}.py"
            if path.exists():
                yield from own_names(ast.parse(path.read_text()))
        elif not isinstance(getattr(node, "ctx", None), ast.Store):
            continue
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
            yield node.attr


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def is_foreign(node, own):
    if node.attr in REPLACED:
        return isinstance(node.ctx, ast.Store)
    private = is_private(node.attr) and node.attr not in own
    return node.attr == "src" or (private and ast.unparse(node.value) not in PYTHON)


def is_by_name(call):
    named = ast.unparse(call.func).split(".")[-1] in TAKE_A_NAME and len(call.args) > 1
    return named and is_private(str(getattr(call.args[1], "value", "")))


def is_private_import(node):
    parts = (node.module or "").split(".")
    return "src" in parts or parts[-1] == "mock" or any(map(is_private, parts))


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_private_parts_of_other_packages_are_used_in_the_backend_only(path):
    found = list(foreign_private_parts(path.read_text()))
    assert not found, f"{found} belongs into converter/backend/, with a test in tests/backend/"


@pytest.mark.parametrize(
    "source",
    [
        "model._flatten_layers()",
        "getattr(model, '_operations', None)",
        "keras.src.ops.nn",
        "from keras.src.ops import nn",
        "from unittest.mock import patch",
        "builder._check = lambda _: False",
        "keras.Operation.__call__ = tagged",
        "from keras import Model\nclass A(Model):\n def f(self): return self._flatten_layers()",
        "from converter.api.contents import Contents\nclass A(Contents):\n x = model._layers",
    ],
)
def test_the_scan_sees(source):
    assert list(foreign_private_parts(source))


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n def __init__(self): self._x = 1\n def same(self, other): return other._x",
        "from converter.api.contents import Contents\nclass A(Contents):\n x = a._copied()",
        "os._exit(0)",
        "super().__init__()",
    ],
)
def test_the_scan_allows(source):
    assert not list(foreign_private_parts(source))
