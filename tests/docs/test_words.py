"""What pages name exists: options, settings, files, and what is written like a name of code."""

import importlib.util
import re
from functools import cache

import click
import pytest

from converter import cli
from tests.docs.pages import PAGES, blocks, name_of, words
from tests.paths import ROOT

OTHERS = {
    "--nthreads", "--nworkers",  # of Dask
    "--write", "--bounds", "--repeats", "--pictures", "--tail", "--rounds",  # of our scripts
}  # fmt: skip
"""Options of other programs."""

FOREIGN = {
    "act_7", "left_train", "right_train",  # what a model's layer, or arrays, may be called
    "learning_layers", "make_updatable", "params_type", "to_yaml",  # of coremltools, FLARE, Keras
}  # fmt: skip
"""Words that are written like names of our code, and are none."""

CODE = (*ROOT.glob("converter/**/*.py"), *ROOT.glob("converter/**/*.j2"), *ROOT.glob("models/*.py"),
        *ROOT.glob("tests/**/*.py"), *ROOT.glob("fixtures/**/*.swift"))  # fmt: skip


@cache
def options():
    """Return every option of every command."""
    found, todo = {"--help"}, [cli.root]
    while todo:
        command = todo.pop()
        context = click.Context(command)
        found |= {o for p in command.get_params(context) for o in (*p.opts, *p.secondary_opts)}
        if isinstance(command, click.Group):
            todo += [command.get_command(context, name) for name in command.list_commands(context)]
    return found


def command_of(line):
    """Return the command that the words of a line call, such as ``weights list``."""
    found = cli.root
    for word in line.split()[1:]:
        if word in ("--help", "--version") or not isinstance(found, click.Group):
            break
        called = found.get_command(click.Context(found), word)
        default = {"root": cli.DEFAULT_COMMAND, "study": "run"}.get(found.name, "")
        found = called or found.get_command(click.Context(found), default) or found
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_option_is_one_of_its_command(page):
    lines = [text for text in said(page) if re.match(r"make-updatable [^…]+$", text)]
    for line in lines:
        context = click.Context(command_of(line))
        known = {
            o for p in context.command.get_params(context) for o in (*p.opts, *p.secondary_opts)
        }
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", line)) <= known, line


@cache
def names():
    """Return every word of the code, and what its files are called."""
    texts = (f"{path.stem} {path.read_text(encoding='utf-8')}" for path in CODE)
    return {word for text in texts for word in re.findall(r"\w+", text)}


def said(page):
    """Yield what a page says in code style, and types, in one text each."""
    yield from words(page)
    yield from (
        line for block in blocks(page) if block.language == "sh" for line in block.commands()
    )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_option_exists(page):
    found = {
        flag for text in said(page) for flag in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)
    }
    assert found - options() - OTHERS == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_name_of_code_exists(page):
    found = {
        word for text in words(page) for word in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", text)
    }
    assert found - names() - FOREIGN == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_exists(page):
    text = "\n".join(said(page))
    files = re.findall(r"\b(?:tests|models|fixtures|converter|\.github)/[\w./-]+\.\w+\b", text)
    modules = re.findall(r"\bpython -m ((?:tests|converter)[\w.]*)", text)
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


def test_the_options_are_those_of_all_commands():
    assert {"--layers", "--no-shuffle", "--against", "--count", "--package", "-o"} <= options()
    assert "--lyers" not in options()
