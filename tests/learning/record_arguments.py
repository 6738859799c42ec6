"""Records which arguments the optimizers and losses of old versions of Keras take.

    pip download --no-deps keras==1.2.2 keras==2.0.8 …    and unpack each to FOLDER/<version>/
    python tests/learning/record_arguments.py FOLDER > tests/learning/arguments.json

Reads the sources without running them: arguments of constructors and keys of ``get_config``.
"""

import ast
import json
import sys
from pathlib import Path

LOSS_FILES = ("losses.py", "objectives.py", "loss.py")
IGNORED = ("test", "schedule", "parallel", "dtensor", "_v1_", "legacy_")


def arguments(node: ast.ClassDef) -> set[str]:
    """Return what the constructor of a class takes, and what its configuration holds."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            found |= {arg.arg for arg in (*inner.args.args, *inner.args.kwonlyargs)} - {"self"}
        if isinstance(inner, ast.FunctionDef) and inner.name == "get_config":
            keys = (key for part in ast.walk(inner) if isinstance(part, ast.Dict)
                    for key in part.keys)  # fmt: skip
            found |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return found


def classes(path: Path) -> dict[str, set[str]]:
    """Return the arguments of the public classes in one file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name: arguments(node) for node in nodes if not node.name.startswith("_")}


def recorded(folder: Path) -> dict[str, dict[str, str]]:
    """Return the arguments by kind and class in the sources of one version."""
    found: dict[str, dict[str, set[str]]] = {"optimizers": {}, "losses": {}}
    for path in sorted(folder.rglob("keras/**/*.py")):
        if any(word in str(path.relative_to(folder)) for word in IGNORED):
            continue
        kind = "losses" if path.name in LOSS_FILES else "optimizers"
        if kind == "optimizers" and "optimizer" not in str(path.relative_to(folder)):
            continue
        for name, names in classes(path).items():
            if "Loss" not in name or kind == "losses" or name.startswith("LossScale"):
                found[kind].setdefault(name, set()).update(names)
    return {
        kind: {name: " ".join(sorted(names)) for name, names in sorted(by_class.items()) if names}
        for kind, by_class in found.items()
    }


if __name__ == "__main__":
    versions = sorted(Path(sys.argv[1]).iterdir())
    json.dump({v.name: recorded(v) for v in versions}, sys.stdout, indent=1, sort_keys=True)
    print()
