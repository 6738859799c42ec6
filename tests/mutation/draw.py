"""Which small changes are tried: drawn by a seed, at most one at each place of the code."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec, WorkItem


def draw(modules: Iterable[Path], count: int, seed: int) -> list[WorkItem]:
    """Return `count` mutants of `modules`, or all if they are fewer; more begin with the same.

    One at each place, or else half of them would be the eleven other operators of each `+`.
    """
    with use_db(":memory:") as everything:
        init(sorted(modules), everything, {})
        found = sorted(everything.work_items, key=_order)
    random.Random(seed).shuffle(found)
    places = {place(item): item for item in reversed(found)}
    chosen = (item for item in reversed(places.values()) if changes(item.mutations[0]))
    return list(islice(chosen, count))


def place(item: WorkItem) -> tuple[str, tuple[int, int]]:
    """Return where in the code the change is made."""
    mutation = item.mutations[0]
    return str(mutation.module_path), tuple(mutation.start_pos)


def _order(item: WorkItem) -> tuple[object, ...]:
    mutation = item.mutations[0]
    return *place(item), mutation.operator_name, mutation.occurrence


def changes(mutation: MutationSpec) -> bool:
    """Tell whether `mutation` gives Python that runs otherwise: not only an annotation differs."""
    code = mutation.module_path.read_text()
    operator = get_operator(mutation.operator_name)()
    try:
        return running(mutate_code(code, operator, mutation.occurrence)) != running(code)
    except SyntaxError:
        return False


GUARDS = {"dataclass": "frozen", "zip": "strict"}
"""Function -> its argument that only refuses what nothing here does."""


NOT_WHEN_IMPORTED = re.compile(r"TYPE_CHECKING|(?<!\.)__name__")
"""What is false where code is imported and types are not checked."""


def running(code: str) -> str:
    """Return what of `code` runs: no annotations and imports for them, no `GUARDS`, no program."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (guard := GUARDS.get(ast.unparse(node.func))):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != guard]
        for part in {"annotation", "returns"} & set(node._fields):
            setattr(node, part, ast.Constant(None))
        if isinstance(node, ast.If) and NOT_WHEN_IMPORTED.search(ast.unparse(node.test)):
            node.test = ast.Constant(False)
    return ast.dump(tree)


def rows(tree: ast.Module, row: int) -> range | None:
    """Return the rows of the statement at `row`, up to its body; None if it runs on import."""
    around = list(_around(tree, row))  # from the module inwards
    if not any(_is_function(node) and row >= node.body[0].lineno for node in around):
        return None
    inner = around[-1]
    body = getattr(inner, "body", None)
    last = body[0].lineno - 1 if body else inner.end_lineno
    return range(inner.lineno, max(inner.lineno, last) + 1)


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def _around(tree: ast.Module, row: int) -> Iterator[Any]:
    for node in ast.walk(tree):
        is_statement = isinstance(node, (ast.stmt, ast.ExceptHandler))
        if is_statement and node.lineno <= row <= node.end_lineno:
            yield node
