"""What all commands have: --quiet and --verbose, and what they refuse: empty values, options
without effect beside others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource

from converter.cli.failure import exit_codes
from converter.cli.groups import Helped
from converter.cli.parameters import quiet, verbose
from converter.errors import EXIT_ERROR, EXIT_NOT_RUN, EXIT_OK, EXIT_USAGE, UsageError

ALWAYS_EXCLUDED = (("quiet", "verbose"),)
"""Options that contradict each other wherever a command has both."""


class Command(Helped):
    """A command with tables of what goes together, by names of parameters.

    Each has --quiet and --verbose. One whose function does not take them is a single step, and has
    nothing to be quiet about but its answer.

    Attributes:
        excludes: pairs of which only one may be given.
        needs: parameter -> those without one of which it has no effect.
    """

    def __init__(
        self,
        *args: Any,
        excludes: Sequence[tuple[str, str]] = (),
        needs: Mapping[str, Sequence[str]] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        own = {param.name for param in self.params}
        added = [param for param in (quiet(), verbose()) if param.name not in own]
        self.params += added
        self._added = [str(param.name) for param in added]
        own.update(self._added)
        if "on_device" in own and self.epilog is None:
            self.epilog = f"{exit_codes(EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_NOT_RUN)}."
        self.excludes = (*excludes, *(pair for pair in ALWAYS_EXCLUDED if own.issuperset(pair)))
        self.needs = needs or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; refuse what is empty, and what has no effect.

        An empty value is most often a variable of the shell that is not set: a default instead of
        it would do something else than was meant.

        Raises:
            UsageError: a value is empty, or an option has no effect beside the others.
        """
        if not ctx.resilient_parsing:
            given, _, _ = self.make_parser(ctx).parse_args(list(args))
            self._check_values(given)
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            self._check_together({name for name in ctx.params if _is_given(ctx, name)})
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; tell its time where it has no steps of its own to tell."""
        given = {name: ctx.params.pop(name) for name in self._added}
        started = time.perf_counter()
        result = super().invoke(ctx)
        if given.get("verbose"):
            name = ctx.command_path.partition(" ")[2]
            click.echo(f"{name}: {time.perf_counter() - started:.1f} s", err=True)
        return result

    def flag(self, name: str) -> str:
        """Return how the parameter `name` is written, such as ``--json`` or ``MODEL``."""
        param = next(param for param in self.params if param.name == name)
        return max(param.opts, key=len) if isinstance(param, click.Option) else name.upper()

    def _check_values(self, given: Mapping[str, Any]) -> None:
        for name, value in given.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            if any(isinstance(each, str) and not each.strip() for each in values):
                raise UsageError(f"{self.flag(name)}: is empty; give a value, or leave it out")

    def _check_together(self, given: set[str]) -> None:
        for one, other in self.excludes:
            if {one, other} <= given:
                raise UsageError(
                    f"{self.flag(one)} and {self.flag(other)} exclude each other; leave one out"
                )
        for name, others in self.needs.items():
            if name in given and not given.intersection(others):
                listed = " or ".join(map(self.flag, others))
                raise UsageError(f"{self.flag(name)} has no effect without {listed}")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
