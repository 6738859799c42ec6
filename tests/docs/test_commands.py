"""Every command, and every block of code, that README and docs show: a reader can type it.

Each page is read from top to bottom in a fresh copy of what a clone holds, as the reader would:
commands run, Python runs, files that a page shows are there for what follows. What cannot run here
stands in `tests/docs/exceptions.py` with the reason.
"""

import json
import os
import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from pre_commit.clientlib import load_config

from converter import cli
from converter.coreml import mlmodel
from converter.studies.reading import read as read_study
from converter.studies.store import Store
from tests.docs import exceptions
from tests.docs.pages import PAGES, blocks, name_of
from tests.docs.printed import alike, missing
from tests.docs.running import can_run_here, clone, here, in_a_process, on_a_terminal, printed_by
from tests.studies import small
from tests.swift.grammar import Source
from tests.weights import espresso

INSTALL = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install '\.\[keras\]'(?: && |$)")
"""How the first command of the README begins. Its environment is too dear to be made here again:
`.ci/run` makes one by the README's other command, and the tests run in it."""

INSTALLS = re.compile(r"\b(pip|apt|apt-get|brew|conda) ")

ARROW = re.compile(
    r"    {node} (?:-->|-\.->)(?:\|[\w, ]+\|)? {node}".format(
        node=r"""\w+(?:\["[^"]+"\]|\{"[^"]+"\})?"""
    )
)
"""A line of a picture, in the part of Mermaid's language that GitHub has always drawn."""


class Reader:
    """Somebody in the folder of a clone who does what a page says."""

    def __init__(self, page):
        self.page = name_of(page)
        self.names = {"__name__": "__main__"}
        self.printed = ""

    def may_run(self, text):
        return text not in exceptions.NOT_RUN.get(self.page, {})

    def shell(self, block):
        printed = [self.type(command) for command in block.commands() if self.may_run(command)]
        self.printed = "\n".join(printed) or self.printed

    def type(self, command):
        more = exceptions.BESIDES.get(command, "")
        todo = f"{INSTALL.sub('', command)} {more}".strip() or "true"
        assert not INSTALLS.search(todo), f"would change the environment of the tests: {todo}"
        for name in exceptions.FROM_A_DEVICE:
            if name in command:
                espresso.write(mlmodel.read(Path(exceptions.FROM_A_DEVICE[name])), Path(name))
        if command in exceptions.STUDIES:
            compute(Path(exceptions.STUDIES[command]))
        if command in exceptions.ON_A_TERMINAL:
            done = on_a_terminal(todo)
        elif can_run_here(todo) and command not in exceptions.IN_A_PROCESS:
            done = here(todo)
        else:
            done = in_a_process(todo)
        assert done.code == exceptions.ENDS_WITH.get(command, 0), f"{command}\n{done.output}"
        return done.output

    def text(self, block):
        """What the commands before it printed."""
        if self.may_run(block.text.splitlines()[0]):
            line = missing(block.text, self.printed)
            assert line is None, f"{self.page}:{block.line}: not printed: {line}\n{self.printed}"

    def python(self, block):
        code = compile(block.text, f"{self.page}:{block.line}", "exec")
        self.save(block)
        if not block.name and self.may_run(block.text.splitlines()[0]):
            self.printed = printed_by(lambda: exec(code, self.names))

    def yaml(self, block):
        self.save(block)
        Path("shown.yaml").write_text(block.text)
        kinds = {"model:": check_recipe, "models:": read_study, "repos:": load_config}
        (check,) = (kinds[word] for word in kinds if f"\n{word}" in f"\n{block.text}")
        check("shown.yaml" if check is not read_study else Path("shown.yaml"))
        Path("shown.yaml").unlink()

    def json(self, block):
        json.loads(block.text)

    def swift(self, block):
        assert Source(block.text).mistakes() == []

    def mermaid(self, block):
        first, *lines = block.text.splitlines()
        assert first in ("flowchart LR", "flowchart TD")
        assert [line for line in lines if not ARROW.fullmatch(line)] == []

    def save(self, block):
        if block.name:
            Path(block.name).write_text(block.text)


def compute(file):
    """Compute all results of a study in this process, and keep them where the command does."""
    told = read_study(file)
    with closing(Store(told.place(file))) as store:
        small.run(small.prepare(told), store, small.here)


def check_recipe(path):
    assert cli.run(["recipe", "check", path]) == 0


KINDS = {"sh": Reader.shell, "text": Reader.text, "python": Reader.python, "yaml": Reader.yaml,
         "json": Reader.json, "swift": Reader.swift, "mermaid": Reader.mermaid}  # fmt: skip


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A fresh clone, from which each page gets another one: files are links until written anew."""
    return clone(tmp_path_factory.mktemp("fresh"))


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_a_reader_can_type_it(page, fresh, tmp_path, monkeypatch):
    folder = tmp_path / "make-updatable"
    shutil.copytree(fresh, folder, symlinks=True, copy_function=os.link)
    monkeypatch.chdir(folder)
    reader = Reader(page)
    for block in blocks(page):
        KINDS[block.language](reader, block)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_of_a_kind_that_is_checked(page):
    assert {block.language for block in blocks(page)} <= set(KINDS)


def shown(page):
    """Return the commands of a page, and the first lines of its other blocks."""
    for block in blocks(page):
        yield from block.commands() if block.language == "sh" else block.text.splitlines()[:1]


def test_what_is_not_run_is_shown_somewhere():
    listed = {(page, text) for page, texts in exceptions.NOT_RUN.items() for text in texts}
    assert listed <= {(name_of(page), text) for page in PAGES for text in shown(page)}
    every = {text for page in PAGES for text in shown(page)}
    tables = (exceptions.ON_A_TERMINAL, exceptions.IN_A_PROCESS, exceptions.ENDS_WITH,
              exceptions.BESIDES, exceptions.STUDIES)  # fmt: skip
    assert [text for table in tables for text in table if text not in every] == []


def test_output_is_compared_by_what_it_says():
    assert alike("epoch 1/3    loss 0.0370  0.5 s", "epoch 1/3  loss 0.0389  12.25 s")
    assert not alike("epoch 1/3  loss 0.0370", "epoch 2/3  loss 0.0370")
    assert not alike("accuracy  0.977500", "accuracy  0.877500")
    assert alike("parity 1.5e-07 of it", "parity 0.0e+00 of it")
    assert not alike("parity 1.5e-07 of it", "parity 4.4e-03 of it")
    assert missing("a\n…\nc", "a\nb\nc\nd") is None
    assert missing("c\na", "a\nb\nc") == "a"
