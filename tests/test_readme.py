"""The README cannot rot: its commands, its tables and its sample output are checked."""

import re
import subprocess

import pytest

from converter.cli import COMMANDS
from converter.lower.emit.__main__ import table
from converter.recipe.template import reference
from tests.paths import ROOT

README = (ROOT / "README.md").read_text()


def between(marker):
    found = re.search(rf"<!-- {marker}:begin -->\n(.*?)<!-- {marker}:end -->", README, re.DOTALL)
    assert found, f"the README lacks the markers of {marker}"
    return found[1].strip()


def test_the_table_of_layers_is_current():
    assert between("layers") == table(), "run: python -m converter.lower.emit"


def test_the_reference_of_recipes_is_current():
    assert between("recipe") == reference(), "run: python -m converter.recipe"


def test_the_messages_under_troubleshooting_exist():
    section = README.split("## Troubleshooting")[1].split("\n## ")[0]
    messages = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)[1:]
    assert len(messages) > 8
    sources = (path.read_text() for path in sorted((ROOT / "converter").rglob("*.py")))
    code = re.sub(r'"\s+f?"', "", "".join(sources))
    assert [message for message in messages if message not in code] == []


def test_ci_runs_the_test_command_of_the_readme():
    (command,) = re.findall(r"^python3 -m venv .*pytest$", README, re.MULTILINE)
    printed = subprocess.run(
        ["bash", ".ci/run", "--show"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert command in printed.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command):
    assert f"make-updatable {command}" in README


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
