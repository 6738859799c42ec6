"""Which tests reach a line, as one run of them with coverage has recorded."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from coverage import CoverageData

from tests.mutation.draw import rows
from tests.mutation.forks import OUTPUT, Forks

COVERAGE = ["--cov=converter", "--cov-context=test", "--cov-report="]


def record(tests: Sequence[str], forks: Forks, file: Path) -> None:
    """Run `tests` with nothing changed, and write to `file` which lines each has run.

    Raises:
        SystemExit: a test fails.
    """
    if forks.run([*COVERAGE, *tests]) != "passed":
        file.unlink(missing_ok=True)
        sys.exit(f"a test fails though nothing was changed, see {Path(OUTPUT).resolve()}")


class Reach:
    """What `record` of `tests` has written to `file`."""

    def __init__(self, file: Path, tests: Sequence[str]) -> None:
        self.slow = ["-m", "slow", *tests]  # what programs reach that a test starts
        self._data = CoverageData(str(file))
        self._data.read()
        lines = Counter(_test(context) for context in self._contexts() if context)
        ranks = sorted(lines, key=lambda test: (lines[test], test))
        first = {_file(test): rank for rank, test in reversed([*enumerate(ranks)])}
        self._all = sorted(ranks, key=lambda test: first[_file(test)])  # what a file shares, once

    def _contexts(self) -> Iterator[str]:
        """Yield the context of each line that a test has run."""
        for file in self._data.measured_files():
            for contexts in self._data.contexts_by_lineno(file).values():
                yield from contexts

    def tests(self, path: Path, row: int) -> list[str]:
        """Return the tests that reach the statement at `row` of `path`, cheap files first.

        A test costs about what it runs. What runs on import is reached by whatever test runs
        anything of the file; what the fixture of a test runs is looked at by any test beside it.
        """
        by_row = self._data.contexts_by_lineno(str(path.resolve()))
        chosen = rows(ast.parse(path.read_text()), row) or list(by_row)
        contexts = {context for number in chosen for context in by_row.get(number, ())}
        found = {_test(context) for context in contexts}
        files = {_file(context) for context in contexts if context.endswith("|setup")}
        return [test for test in self._all if test in found or _file(test) in files]


def _test(context: str) -> str:
    return context.rpartition("|")[0]


def _file(test: str) -> str:
    return test.partition("::")[0]
