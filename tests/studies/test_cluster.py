"""Studies on real processes of Dask: two workers on loopback, and what is killed in the middle."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from converter import cli
from converter.cli.study_progress import StudyProgress
from converter.errors import UsageError
from converter.studies import cluster
from converter.studies.cluster import Where
from converter.studies.running import name_of, run_on
from converter.studies.store import Store
from tests.paths import ROOT
from tests.studies.small import everything, here, prepare, run, study

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
COUNT = 48
"""Users, three in a block: blocks enough to be killed between two."""


def told(files):
    return study(
        files, seeds=[0], samples=[4],
        users={"simulated": {"data": str(files / "common.npz"), "count": COUNT,
                             "shifts": {"inversion": 0.5}}},
    )  # fmt: skip


@pytest.fixture(scope="module")
def prepared(files):
    return prepare(told(files))


def dask(*line):
    script = "from dask.__main__ import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, *line], env=ENVIRONMENT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The file in which a real scheduler with two real workers has written its address."""
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    started = [dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                    "--scheduler-file", str(file))]  # fmt: skip
    for number in range(2):
        started.append(dask("worker", "--scheduler-file", str(file), "--nthreads", "1",
                            "--no-nanny", "--no-dashboard", "--host", "127.0.0.1",
                            "--local-directory", str(folder / str(number))))  # fmt: skip
    yield file
    for process in reversed(started):
        process.kill()  # a worker that is asked to end first waits for its scheduler
        process.wait(60)


@pytest.fixture(scope="module")
def undisturbed(prepared, scheduler, tmp_path_factory):
    """The results of the study on that cluster."""
    with closing(Store(tmp_path_factory.mktemp("whole") / "whole.results")) as store:
        wait_for(scheduler)
        pace = run_on(prepared, store, Where(scheduler_file=scheduler))
        assert pace.new == COUNT
        return everything(store, prepared)


def wait_for(file):
    until(lambda: file.exists() and file.stat().st_size)
    with cluster.connected(Where(scheduler_file=file)) as client:
        client.wait_for_workers(2, timeout=120)


def until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to this")


@pytest.mark.slow
def test_two_workers_compute_what_this_process_does(prepared, undisturbed, tmp_path):
    assert len(undisturbed) == COUNT * prepared.per_user
    with closing(Store(tmp_path / "here.results")) as store:
        run(prepared, store, here)
        found = everything(store, prepared)
    assert found.keys() == undisturbed.keys()
    for key, scores in found.items():
        assert undisturbed[key] == pytest.approx(scores, abs=1e-6)


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_changes_nothing(prepared, undisturbed, tmp_path):
    def killing(task, blocks):
        with cluster.connected(Where(workers=2)) as client:
            victim = next(iter(client.run(os.getpid).values()))
            found = cluster.computed(client, name_of(prepared), task, blocks)
            for number, block in enumerate(found):
                if number == 2:
                    os.kill(victim, signal.SIGKILL)
                yield block
            seen.append(victim not in client.run(os.getpid).values())

    seen = []
    with closing(Store(tmp_path / "killed.results")) as store:
        run(prepared, store, killing)
        assert everything(store, prepared) == undisturbed
    assert seen == [True]


def line_of(files, scheduler, results):
    return [
        "study", str(files / "tiny.mlmodel"), "--simulate", str(files / "common.npz"),
        "--count", str(COUNT), "--shift", "inversion=0.5", "--scale", "1/255",
        "--learning-rate", "0.05,0.5", "--epochs", "1,3", "--samples", "4", "--test-samples", "10",
        "--seeds", "0", "--results", str(results), "--scheduler-file", str(scheduler),
    ]  # fmt: skip


def count(results):
    with closing(sqlite3.connect(results)) as connection:
        (number,) = connection.execute("SELECT COUNT(*) FROM results").fetchone()
    return number


def killed(line, condition):
    """Start the command in a process of its own; kill it when `condition` is true."""
    code = "import sys; from converter.cli import main; main(sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", code, *line], env=ENVIRONMENT)
    try:
        until(condition)
    finally:
        process.kill()
    return process.wait(60)


@pytest.mark.slow
def test_a_study_that_is_interrupted_and_killed_goes_on(
    prepared, undisturbed, files, scheduler, tmp_path, monkeypatch, capsys
):
    results = tmp_path / "resumed.results"
    line = line_of(files, scheduler, results)
    with monkeypatch.context() as patch:
        patch.setattr(
            StudyProgress, "hear",
            lambda self, pace: signal.raise_signal(signal.SIGINT) if pace.done > 9 else None,
        )  # fmt: skip
        assert cli.run(line) == 130
    said = capsys.readouterr().err
    assert said == f"interrupted; run the same command again to go on from {results}\n"
    first = count(results)
    assert first == 12 * prepared.per_user
    assert killed(line, lambda: count(results) > first) == -signal.SIGKILL
    second = count(results)
    assert first < second < COUNT * prepared.per_user
    with closing(Store(results)) as store:
        pace = run_on(prepared, store, Where(scheduler_file=scheduler))
        assert pace.new == COUNT - second // prepared.per_user
        assert everything(store, prepared) == undisturbed


def test_a_scheduler_that_is_not_there_ends_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 1)
    for where, words in {
        Where("tcp://127.0.0.1:9"): "the scheduler tcp://127.0.0.1:9 cannot be reached",
        Where("nonsense://x"): "the scheduler nonsense://x cannot be reached",
        Where(scheduler_file=tmp_path / "none.json"): "none.json: cannot be read",
    }.items():
        with pytest.raises(UsageError, match=words), cluster.connected(where):
            pass
    (tmp_path / "bad.json").write_text("{}")
    with (
        pytest.raises(UsageError, match="is not what a scheduler of Dask writes"),
        cluster.connected(Where(scheduler_file=tmp_path / "bad.json")),
    ):
        pass


@pytest.mark.parametrize("text", ["many", "", "-1GB", "100MB", "1e999"])
def test_an_odd_amount_of_memory_is_wrong_usage(text):
    with pytest.raises(UsageError, match="is no amount of memory"):
        Where(memory_limit=text).most_bytes  # noqa: B018
    assert Where(memory_limit="2 GB").most_bytes == 2 * 10**9
    assert Where().most_bytes is None
