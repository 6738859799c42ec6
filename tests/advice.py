"""Every message of the sources that names a flag, found in the sources themselves."""

import ast
import re

from tests.paths import ROOT

PACKAGE = ROOT / "converter"

FLAG = re.compile(r"(?<![\w-])--(?:[a-z][a-z0-9-]*|$)")
"""A flag; two dashes at the end of a part are one whose name is filled in."""

DECLARING = (
    "argument", "command", "group", "option", "file_option", "layout_option", "place_option",
    "_number", "_option", "version_option",
)  # fmt: skip
"""Functions whose texts are the help of the command line."""


def messages():
    """Return {(file, flags)} of all texts that name flags and are no documentation."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for text in texts(ast.parse(path.read_text())):
            if flags := FLAG.findall(text):
                found.add((path.relative_to(PACKAGE).as_posix(), " ".join(dict.fromkeys(flags))))
    return found


def texts(node):
    """Yield the texts below `node`, the parts of an f-string together, without documentation."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in DECLARING:
        return
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
        yield "".join(parts).replace("--\0", "--")
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node) if not isinstance(node, ast.JoinedStr) else ():
        yield from texts(child)
