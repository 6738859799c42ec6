"""Print what `docs/command-line.md` says of each command: ``python -m converter.cli.reference``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from converter.cli import COMMANDS, DEFAULT_COMMAND, root
from converter.cli.command import Command

PROGRAM = "make-updatable"


def reference() -> str:
    """Return all commands in Markdown, each with its arguments and options."""
    context = click.Context(root, info_name=PROGRAM)
    return "\n\n".join("\n".join(_lines(*found)) for found in commands(root, context))


def overview() -> str:
    """Return the table of the commands, as `make-updatable --help` lists them."""
    rows = [f"| [`{name}`](#{name}) | {_cell(text)} |" for name, text in COMMANDS.items()]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield each command below `group` with its context, each group before its own commands."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield command, inner
        if isinstance(command, click.Group):
            yield from commands(command, inner)


def _lines(command: click.Command, context: click.Context) -> Iterator[str]:
    path = context.command_path.removeprefix(f"{PROGRAM} ")
    yield f"{'##' if ' ' not in path else '###'} {path}"
    yield ""
    yield from (*_usage(command, context), "")
    yield from _help(command.help or "")
    if isinstance(command, Command):
        yield from _together(command)
    yield from ("| option | what |", "|---|---|", *_rows(command, context))


def _usage(command: click.Command, context: click.Context) -> Iterator[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"`{context.command_path} {pieces}`"
    if context.info_name == DEFAULT_COMMAND:
        yield f"or `{PROGRAM} {pieces}`"


def _help(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; what click leaves as it stands are examples."""
    for paragraph in filter(None, re.split(r"\n\s*\n", inspect.cleandoc(text))):
        if paragraph.startswith("\b"):
            lines = (" ".join(line.split()) for line in paragraph.splitlines()[1:])
            yield from (*(f"- `{line}`" for line in lines), "")
        else:
            yield from (_cell(" ".join(paragraph.split())), "")


def _together(command: Command) -> Iterator[str]:
    """Yield which options exclude and which need each other."""
    apart: dict[str, list[str]] = {}
    for one, other in command.excludes:
        apart.setdefault(command.flag(one), []).append(f"`{command.flag(other)}`")
    for flag, others in apart.items():
        yield from (f"`{flag}` excludes {', '.join(others)}.", "")
    for name, ones in command.needs.items():
        listed = " or ".join(f"`{command.flag(one)}`" for one in ones)
        yield from (f"`{command.flag(name)}` needs {listed}.", "")


def _rows(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the rows of the options as `--help` writes them; arguments stand in the usage."""
    for param in command.get_params(context):
        record = param.get_help_record(context) if isinstance(param, click.Option) else None
        if record is not None:
            names, text = (_cell(" ".join(part.split())) for part in record)
            yield f"| `{names}` | {text} |"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")


if __name__ == "__main__":
    print(overview(), reference(), sep="\n\n")
