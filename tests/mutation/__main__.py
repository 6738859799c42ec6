"""Small changes to the code, one at a time: is there a test that notices?

    python -m tests.mutation learning device/checks.py --count 40 --seed 1

Cosmic Ray makes the changes, in a copy of the project, and keeps what came of each in a session,
which goes on where it was stopped; ``cr-report`` and ``cr-html`` read it, too.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from cosmic_ray.modules import find_modules
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import (
    MutationSpec,
    TestOutcome,
    WorkerOutcome,
    WorkItem,
    WorkResult,
)

from tests.mutation.draw import draw, place
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.forks import Forks
from tests.mutation.reach import Reach, record

PACKAGES = ("tensorflow", "keras", "coremltools", "pytest")
"""What tests take seconds to import."""

WANTED = 0.9
"""Share of the mutants, without the equivalent ones, that tests shall notice."""


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser("python -m tests.mutation", description=__doc__)
    parser.add_argument("rooms", nargs="+", help="folders or files of converter/")
    parser.add_argument("--count", type=int, default=40, help="changes to try (40)")
    parser.add_argument("--seed", type=int, default=1, help="which of them are drawn (1)")
    parser.add_argument("--tests", nargs="+", help="paths of tests (tests/ROOM of each room)")
    parser.add_argument("--again", action="store_true", help="try those that nothing noticed again")
    parser.add_argument("--limit", type=int, default=120, help="seconds for each change (120)")
    parser.add_argument("--folder", type=Path, default=Path("build/mutation"), help="of sessions")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None, packages: Sequence[str] = PACKAGES) -> int:
    """Try changes of the project in the current folder; return 0 if enough of them are noticed."""
    asked = options(arguments)
    modules = sorted(find_modules([Path("converter") / room for room in asked.rooms]))
    code = b"".join(path.read_bytes() for path in modules)
    name = f"{hashlib.sha256(code).hexdigest()[:8]}-{asked.seed}"  # changed code: another session
    folder = (asked.folder / name).absolute()
    coverage = folder / "coverage"
    os.environ["COVERAGE_FILE"] = str(coverage)
    enter(folder / "tree")
    with Forks(*packages) as forks, use_db(str(folder / "session.sqlite")) as session:
        own = {f"tests/{Path(room).parts[0].removesuffix('.py')}" for room in asked.rooms}
        tests = asked.tests or sorted(own)
        if asked.again or not coverage.exists():
            record(tests, forks, coverage)
        reach = Reach(coverage, tests)
        known = {place(item) for item in session.work_items}
        sample = draw(modules, asked.count, asked.seed)
        session.add_work_items(item for item in sample if place(item) not in known)
        again = [item for item, result in session.completed_work_items if is_open(result)]
        for item in [*session.pending_work_items, *(again if asked.again else ())]:
            session.set_result(item.job_id, attempt(item.mutations[0], reach, forks, asked.limit))
        return told(session.completed_work_items)


def enter(tree: Path) -> None:
    """Copy the project in the current folder to `tree`, and go on in there."""
    copy(Path.cwd(), tree)
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree)  # for processes that tests start elsewhere
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # of code that is other the next second


def copy(root: Path, tree: Path) -> None:
    """Copy the files of `root` that git does not ignore to `tree`, as they are now."""
    shutil.rmtree(tree, ignore_errors=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, tree / name)


def attempt(mutation: MutationSpec, reach: Reach, forks: Forks, limit: int) -> WorkResult:
    """Make one change, run the tests that reach it, and return what came of it."""
    path, row = mutation.module_path, mutation.start_pos[0]
    tests = reach.tests(path, row)
    operator = get_operator(mutation.operator_name)()
    with use_mutation(path, operator, mutation.occurrence) as (before, after):
        ending = forks.run(["-x", *(tests or reach.slow)], limit)
    lines = before.splitlines(), after.splitlines()
    diff = "\n".join(difflib.unified_diff(*lines, str(path), str(path), lineterm="", n=1))
    survives = ending in ("passed", "not run")
    noticed = TestOutcome.SURVIVED if survives else TestOutcome.KILLED
    result = WorkResult(WorkerOutcome.NORMAL, ending, noticed, diff)
    print(f"{path}:{row}: {len(tests)} tests {ending}: {changed(result)[1]}", flush=True)
    return result


def changed(result: WorkResult) -> tuple[str, str]:
    """Return the file and the line as it was changed; the line is empty if one was left out."""
    head, _, *lines = result.diff.splitlines()
    return head.removeprefix("--- "), " ".join(n[1:].strip() for n in lines if n[0] == "+")


def outcome(result: WorkResult) -> str:
    """Return what came of a change, in a word."""
    if result.is_killed:
        return "noticed"
    return "equivalent" if changed(result) in EQUIVALENT else "unnoticed"


def is_open(result: WorkResult) -> bool:
    """Tell whether nothing noticed the change, though it matters."""
    return outcome(result) == "unnoticed"


def told(tried: Iterable[tuple[WorkItem, WorkResult]]) -> int:
    """Print what nothing noticed, and the score of each room; return 0 if all have enough."""
    rooms: dict[str, Counter[str]] = {}
    for item, result in tried:
        if is_open(result):
            print("", result.diff.partition("\n")[2], sep="\n")
        room = item.mutations[0].module_path.parts[1].removesuffix(".py")
        rooms.setdefault(room, Counter())[outcome(result)] += 1
    print(
        "\n| room | tried | noticed | equivalent | unnoticed | score |", "|---" * 6 + "|", sep="\n"
    )
    scores = []
    for room, found in sorted(rooms.items()):
        noticed, missed = found["noticed"], found["unnoticed"]
        scores.append(noticed / (noticed + missed) if noticed + missed else 1.0)
        counts = f"{found.total()} | {noticed} | {found['equivalent']} | {missed}"
        print(f"| `{room}` | {counts} | {scores[-1]:.0%} |")
    return int(min(scores) < WANTED)


if __name__ == "__main__":
    sys.exit(main())
