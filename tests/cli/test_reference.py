"""The page of commands is the tree of commands, as `--help` shows it."""

import re

import click
import pytest

from converter.cli import COMMANDS, root
from converter.cli.command import Command
from converter.cli.groups import Group
from converter.cli.reference import commands, overview, reference
from tests.cli.walk import LEAVES


def section(name):
    found = re.search(rf"^##+ {name}$\n(.*?)(?=^##+ |\Z)", reference(), re.MULTILINE | re.DOTALL)
    return found[1]


def test_every_command_and_those_of_groups_have_a_section():
    headings = re.findall(r"^##+ (.*)$", reference(), re.MULTILINE)
    assert [name for name in headings if " " not in name] == list(COMMANDS)
    assert {"recipe init", "weights average", "study run"} <= set(headings)


def test_every_option_of_every_command_has_a_row():
    context = click.Context(root, info_name="make-updatable")
    for command, inner in commands(root, context):
        text = section(inner.command_path.removeprefix("make-updatable "))
        flags = {flag for param in command.params if isinstance(param, click.Option)
                 for flag in param.opts}  # fmt: skip
        assert flags <= set(re.findall(r"-{1,2}[\w-]+", text)), inner.command_path


@pytest.mark.parametrize("kind", [Command, Group])
def test_help_has_its_short_form_even_if_a_command_was_called_alone_before(kind):
    new = kind("new")
    assert new.get_help_option(click.Context(new)).opts == ["-h", "--help"]


def test_all_commands_and_groups_are_of_these_kinds():
    groups = [root, *(root.get_command(None, name) for name in ("recipe", "study", "weights"))]
    assert all(isinstance(each, Group) for each in groups)
    assert all(isinstance(each, Command) for each in LEAVES.values())


def test_an_option_is_told_with_what_it_takes_its_help_and_its_default():
    text = section("validate")
    assert (
        r"| `--format [text\|json\|github\|sarif]` | How findings are printed. [default: text] |"
        in text
    )
    assert "| `--ignore CODE` | Leave out a rule; may be repeated. |" in text


def test_the_usage_and_what_excludes_and_needs_what():
    assert "`make-updatable [OPTIONS] MODEL | RECIPE.yaml...`" in section("convert")
    assert "`--quiet` excludes `--verbose`." in section("convert")
    assert "`--package` excludes `--force`." in section("swift")
    assert "`--app` needs `--package`." in section("swift")


def test_examples_stand_as_they_are_typed():
    assert "- `make-updatable study STUDY.yaml`\n" in section("study")


def test_the_overview_links_to_each_command():
    assert re.findall(r"\(#([\w-]+)\)", overview()) == list(COMMANDS)
