"""The workflow that runs on Macs: its commands are ours, and it cannot pass without Core ML."""

import shlex
from pathlib import Path

import yaml

from converter.cli import root
from tests.paths import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
MACOS = WORKFLOW["jobs"]["macos"]


def commands(job, **values):
    """Return the lines of a job that run this tool, the matrix filled in."""
    for step in job["steps"]:
        for line in step.get("run", "").splitlines():
            for name, value in values.items():
                line = line.replace("${{ matrix." + name + " }}", value)
            if line.startswith("make-updatable "):
                assert "${{" not in line
                yield shlex.split(line)[1:]


def test_the_matrices():
    assert WORKFLOW["jobs"]["linux"]["strategy"]["matrix"]["python"] == [
        "3.10", "3.11", "3.12", "3.13",
    ]  # fmt: skip
    assert MACOS["strategy"]["matrix"]["os"] == ["macos-15", "macos-26"]
    assert any(step.get("run") == ".ci/run" for step in WORKFLOW["jobs"]["linux"]["steps"])


def test_every_command_on_a_mac_is_understood_and_must_really_run():
    for system in MACOS["strategy"]["matrix"]["os"]:
        for model in MACOS["strategy"]["matrix"]["model"]:
            values = {"os": system, "model.name": model["name"], "model.convert": model["convert"]}
            found = []
            for name, *arguments in commands(MACOS, **values):
                command = root.get_command(None, name)
                found.append((name, command.make_context(name, list(arguments)).params))
            assert [name for name, _ in found] == ["convert", "verify"]
            verify = found[1][1]
            assert (ROOT / Path(model["convert"].split()[0])).exists()
            assert verify["on_device"]
            assert verify["require_update"]
            (kept,) = [s for s in MACOS["steps"] if "upload-artifact" in s.get("uses", "")]
            assert kept["if"] == "always()"
            path = kept["with"]["path"].replace("${{ matrix.model.name }}", model["name"])
            assert str(verify["out"]) == path.replace("${{ matrix.os }}", system)


def test_no_step_forgives_a_failure():
    for job in WORKFLOW["jobs"].values():
        for step in (job, *job["steps"]):
            assert "continue-on-error" not in step
            assert "|| true" not in step.get("run", "")
