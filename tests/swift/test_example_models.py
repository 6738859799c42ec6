"""A real converted model: its Swift file, its job for Core ML, and the check that cannot run."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converter import cli
from converter.coreml import mlmodel
from converter.coreml.subject import subject
from converter.device import job
from converter.device.batch import random_batch
from tests.paths import MODELS
from tests.swift.grammar import Source

LENET = MODELS / "lenet.h5"
SCRIPT = Path(sys.executable).with_name("make-updatable")


def run(*arguments, folder):
    return subprocess.run(
        [SCRIPT, *map(str, arguments)], capture_output=True, text=True, cwd=folder,
        env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    target = tmp_path_factory.mktemp("lenet") / "LeNet.mlmodel"
    digits = ",".join(map(str, range(10)))
    command = ["convert", LENET, "--layers", "dense_5,dense_6", "--classes", digits, "-o", target]
    assert cli.run(list(map(str, command))) == 0
    return target


def test_its_trainer(lenet):
    done = run("swift", lenet.name, folder=lenet.parent)
    assert done.stdout == "wrote LeNetTrainer.swift (LeNetTrainer)\n"
    source = Source((lenet.parent / "LeNetTrainer.swift").read_text())
    assert source.mistakes() == []
    assert source.elements("updatableLayers") == ["dense_5", "dense_6"]
    assert source.elements("classes") == list(range(10))


def test_its_job(lenet, tmp_path):
    chosen = subject(mlmodel.read(lenet))
    settings = job.settings(chosen)
    assert settings == job.Settings(1, 8)
    job.write(tmp_path, chosen, random_batch(chosen, settings.samples()), settings, 60)
    with np.load(tmp_path / "samples.npz") as arrays:
        assert arrays["feature.0"].shape == (20, 1, 28, 28)
        assert arrays["feature.1"].tolist() == [n % 10 for n in range(20)]


@pytest.mark.skipif(sys.platform == "darwin", reason="here Core ML would run")
def test_its_check_does_not_run_here(lenet):
    done = run("verify", lenet.name, "--on-device", folder=lenet.parent)
    assert done.returncode == 4
    assert "not run: Core ML runs on macOS only" in done.stderr
