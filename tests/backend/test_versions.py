"""The oldest versions that setup.cfg allows: CI tests them, and the README names them."""

import configparser
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CI = (ROOT / ".ci" / "run").read_text()
README = (ROOT / "README.md").read_text()
NAMES = {"TensorFlow": "tensorflow", "Keras": "keras", "NumPy": "numpy", "protobuf": "protobuf"}


def lower_bounds():
    """Return what a conversion needs, by package: the oldest version allowed."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    needed = config["options"]["install_requires"] + config["options.extras_require"]["keras"]
    return dict(line.split(">=") for line in needed.split())


def test_ci_tests_the_oldest_versions_of_everything_that_is_needed():
    bounds = lower_bounds()
    assert len(bounds) == 13
    printed = subprocess.run(
        ["bash", ".ci/run", "--oldest"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    oldest = dict(line.split("==") for line in printed.stdout.splitlines())
    assert {name: oldest.get(name) for name in bounds} == bounds


def test_the_readme_names_the_oldest_versions():
    (text,) = re.findall(r"^All tests ran with .*?\n\n", README, re.MULTILINE | re.DOTALL)
    newest, oldest = text.split("oldest versions")
    for shown, name in NAMES.items():
        assert f"{shown} {lower_bounds()[name]}" in oldest
        assert f"{shown} " in newest


def test_the_oldest_versions_meet_the_rooms_that_rest_on_them():
    (names,) = re.findall(r"^fragile=\(\n(.*?)^\)$", CI, re.MULTILINE | re.DOTALL)
    for name in names.split():
        file, _, test = name.partition("::")
        assert (ROOT / "tests" / file).exists(), f".ci/run tests tests/{name}"
        assert not test or f"\ndef {test}(" in (ROOT / "tests" / file).read_text(), name
    rooms = {name.split("/")[0] for name in names.split()}
    assert {"backend", "conversion", "loading", "lower", "proof", "trace"} <= rooms


@pytest.mark.parametrize("run", ["newest", "oldest"])
def test_either_run_can_fail_ci(run):
    assert f'tee "$copy/{run}.log" || failed=1' in CI
    assert CI.endswith("exit $failed\n")
