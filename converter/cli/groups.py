"""What commands and groups have in common, and groups that name the command which was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import click

HELP_OPTIONS = ("-h", "--help")


class Helped(click.Command):
    """A command or group that is asked for help with -h, too, whoever calls it.

    click takes the names from the first context that a command is given and keeps them: a command
    called without its parents would go on without -h.
    """

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Return the options that print the help."""
        return list(HELP_OPTIONS)


class Group(Helped, click.Group):
    """A group that says of a word which is no command what was probably meant."""

    missing = "command"
    """What a word is said not to be."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name of the command, the command, and its arguments."""
        commands = self.list_commands(ctx)
        if args[0] not in commands and not ctx.resilient_parsing:
            near = meant(args[0], commands)
            raise click.UsageError(f"there is no {self.missing} '{args[0]}'{near}", ctx)
        return super().resolve_command(ctx, args)


def meant(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the one of `known` closest to `word`, nothing if none is."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
