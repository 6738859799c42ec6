"""The hook, installed by the real pre-commit from a copy of this repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from converter.coreml.mlmodel import network, write
from tests.paths import ROOT
from tests.validation import specs

pytestmark = pytest.mark.slow

CONFIG = """\
repos:
  - repo: {hook}
    rev: {revision}
    hooks:
      - id: validate-updatable-coreml
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Variables under which git and pre-commit see nothing of this machine's settings."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {
        "PATH": path,
        "PRE_COMMIT_HOME": str(home / "pre-commit"),
        "PIP_COMPILE": "0",  # most of coremltools is never imported
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }


@pytest.fixture(scope="module")
def command(environment):
    def run(*arguments, folder, check=True):
        done = subprocess.run(
            arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def hook(command, tmp_path_factory):
    """A repository with what the hook needs of this one, as it stands in the work tree."""
    folder = tmp_path_factory.mktemp("hook")
    # In a linked work tree ".git" is a file, and a copy of it would lead the commit below to us.
    needed = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    needed += [p for p in (ROOT / "converter").rglob("*") if p.suffix in (".py", ".typed")]
    for path in needed:
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    command("git", "init", "--quiet", folder=folder)
    command("git", "add", "--all", folder=folder)
    command("git", "commit", "--quiet", "--message", "hook", folder=folder)
    return folder


@pytest.fixture(scope="module")
def project(command, hook, tmp_path_factory):
    """A repository that uses the hook."""
    folder = tmp_path_factory.mktemp("project")
    revision = command("git", "rev-parse", "HEAD", folder=hook).stdout.strip()
    command("git", "init", "--quiet", folder=folder)
    config = CONFIG.format(hook=hook.as_uri(), revision=revision)
    (folder / ".pre-commit-config.yaml").write_text(config)
    command("pre-commit", "install", "--install-hooks", folder=folder)
    command("git", "add", ".pre-commit-config.yaml", folder=folder)
    command("git", "commit", "--quiet", "--message", "config", folder=folder)
    return folder


def test_a_good_model_is_committed_and_a_bad_one_refused(project, command):
    write(specs.lenet(), project / "good.mlmodel")
    command("git", "add", "good.mlmodel", folder=project)
    done = command("git", "commit", "--message", "good", folder=project)
    assert "validate updatable Core ML models" in done.stdout + done.stderr

    model = specs.lenet()
    network(model).updateParams.ClearField("epochs")
    write(model, project / "bad.mlmodel")
    command("git", "add", "bad.mlmodel", folder=project)
    done = command("git", "commit", "--message", "bad", folder=project, check=False)
    assert done.returncode == 1
    shown = done.stdout + done.stderr
    assert "bad.mlmodel: U110 error: has no number of epochs; set epochs" in shown
    assert "good.mlmodel" not in command("git", "status", "--short", folder=project).stdout


def test_the_environment_of_the_hook_has_no_tensorflow(project, environment):
    installed = {
        path.name.split("-")[0].lower()
        for path in Path(environment["PRE_COMMIT_HOME"]).rglob("*.dist-info")
    }
    assert "coremltools" in installed
    assert not {"tensorflow", "keras", "torch"} & installed
