"""Where the results of studies are kept: one SQLite file, to which any number of studies add.

SQLite comes with Python, commits the results of a block of users or none of them whatever is
killed, and lets several processes add to one file in turn; a set of Parquet files would need a
package more, and could not tell which results it has without reading them all. The journal is
SQLite's usual one: its write-ahead log does not work on network file systems
(https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from converter.errors import OutputError
from converter.files.kinds import refuse_special

APPLICATION = 0x6D757374
"""SQLite's ``application_id`` of these files, by which no other database is taken for one."""

FORMAT = 1
"""SQLite's ``user_version`` of these files; another format gets another number."""

SECONDS = 120.0
"""How long to wait while another process writes."""


@dataclass(frozen=True)
class Scores:
    """What one user's model answers before and after a training.

    `own` is on the user's test samples, `common` on those that all share. NaN is what is no number,
    or is not there: after a training that diverged, without a common test set, and the accuracy
    where the answers are values. SQLite keeps it as NULL.
    """

    own_loss_before: float
    own_loss: float
    own_accuracy_before: float
    own_accuracy: float
    common_loss_before: float
    common_loss: float
    common_accuracy_before: float
    common_accuracy: float


COLUMNS = tuple(field.name for field in fields(Scores))

SCHEMA = f"""
CREATE TABLE settings (id INTEGER PRIMARY KEY, model TEXT, setting TEXT, UNIQUE (model, setting));
CREATE TABLE users (id INTEGER PRIMARY KEY, data TEXT UNIQUE);
CREATE TABLE results (
    setting INTEGER REFERENCES settings, user INTEGER REFERENCES users, seed INTEGER,
    {", ".join(f"{name} REAL" for name in COLUMNS)},
    PRIMARY KEY (setting, user, seed)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Result:
    """The scores of one training, and its key: hashes of model and user's data, setting, seed."""

    model: str
    setting: str
    user: str
    seed: int
    scores: Scores


class Store:
    """The results in the file `path`, which is made if it is not there.

    Raises:
        OutputError: the file is something else, or cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        refuse_special(path, OutputError)
        with self._told():
            self._connection = sqlite3.connect(path, timeout=SECONDS, isolation_level=None)
        try:
            with self._told():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, results: Sequence[Result]) -> None:
        """Keep all `results`, or none of them; one that is there already is replaced.

        Raises:
            OutputError: the file cannot be written.
        """
        with self._told(), self._transaction():
            settings = self._settings({(each.model, each.setting) for each in results})
            users = self._users({each.user for each in results})
            marks = ", ".join("?" * (3 + len(COLUMNS)))
            self._connection.executemany(
                f"INSERT OR REPLACE INTO results VALUES ({marks})",
                [
                    (settings[r.model, r.setting], users[r.user], r.seed, *astuple(r.scores))
                    for r in results
                ],
            )

    def counts(self, settings: Sequence[tuple[str, str]], seeds: Sequence[int]) -> dict[str, int]:
        """Return by user how many results there are of these (model, setting) and seeds.

        Raises:
            OutputError: the file cannot be read.
        """
        found: dict[str, int] = {}
        for setting, seed in ((s, seed) for s in set(settings) for seed in seeds):
            for user, _ in self.scores(*setting, seed, ("own_loss",)):
                found[user] = found.get(user, 0) + 1
        return found

    def scores(
        self, model: str, setting: str, seed: int, columns: Sequence[str] = COLUMNS
    ) -> Iterator[tuple[str, tuple[float, ...]]]:
        """Yield the users that have a result of that model, setting and seed, and the scores.

        Raises:
            OutputError: the file cannot be read.
        """
        query = (
            f"SELECT users.data, {', '.join(columns)} FROM results "
            "JOIN users ON users.id = results.user WHERE seed = ? AND setting = "
            "(SELECT id FROM settings WHERE model = ? AND setting = ?)"
        )
        with self._told():
            for user, *values in self._connection.execute(query, (seed, model, setting)):
                yield user, tuple(math.nan if v is None else v for v in values)

    def _prepare(self) -> None:
        """Make the tables of a new file; refuse one that is something else."""
        with self._transaction():
            kind = self._pragma("application_id")
            if not kind and not self._pragma("schema_version"):
                for statement in SCHEMA.split(";")[:-1]:
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
                self._connection.execute(f"PRAGMA user_version = {FORMAT}")
                return
        if kind != APPLICATION:
            raise OutputError(
                f"{self.path}: is a database, but none of a study; give results another name"
            )
        if (found := self._pragma("user_version")) != FORMAT:
            raise OutputError(
                f"{self.path}: has the format {found} of another version of make-updatable; give "
                "results another name"
            )

    def _pragma(self, name: str) -> int:
        with closing(self._connection.execute(f"PRAGMA {name}")) as cursor:
            return int(cursor.fetchone()[0])

    def _settings(self, keys: set[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        run = self._connection.execute
        for key in keys:
            run("INSERT OR IGNORE INTO settings (model, setting) VALUES (?, ?)", key)
        query = "SELECT id FROM settings WHERE model = ? AND setting = ?"
        return {key: run(query, key).fetchone()[0] for key in keys}

    def _users(self, keys: set[str]) -> Mapping[str, int]:
        run = self._connection.execute
        for key in keys:
            run("INSERT OR IGNORE INTO users (data) VALUES (?)", (key,))
        return {
            key: run("SELECT id FROM users WHERE data = ?", (key,)).fetchone()[0] for key in keys
        }

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Do all of the block or nothing; no other process writes meanwhile."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one line what SQLite cannot do with the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"{self.path}: cannot be used for results ({error}); give results another name, or "
                "remove the file"
            ) from error
