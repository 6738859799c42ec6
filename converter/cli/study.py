"""``make-updatable study``: run, begin and describe personalization studies."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli.command import Command
from converter.cli.groups import HELP_OPTIONS, Group
from converter.cli.parameters import PATH, file_option, force_option, quiet_option
from converter.cli.study_run import run
from converter.files.paths import RECIPE_ENDINGS, Input, Output, check_outputs


class StudyGroup(Group):
    """A group whose command `run` may be left out."""

    missing = "command and no file"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before the arguments where no other command is named."""
        is_own = args and (args[0] in self.commands or args[0] in HELP_OPTIONS)
        if args and not is_own and not _is_a_word(args[0]):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _is_a_word(text: str) -> bool:
    """Tell whether `text` looks like the name of a command, and is no file."""
    return text.isalpha() and not Path(text).exists()


@click.group("study", cls=StudyGroup)
def command() -> None:
    """Tell which settings to ship, from many users, real or simulated.

    \b
    make-updatable study STUDY.yaml
    make-updatable study Model.mlmodel --users users/ --learning-rate 0.001,0.01

    'make-updatable study run --help' lists the options.
    """  # noqa: D301 (click reads \\b)


command.add_command(run)


@command.command("init", cls=Command)
@click.argument("model", type=PATH)
@file_option("-o", "--out", help="Default: <MODEL>Study.yaml; - prints it.")
@force_option
@quiet_option
def init(model: Path, out: Path | None, force: bool, quiet: bool) -> None:
    """Write a commented study of MODEL (.mlmodel), with rates around the model's own."""
    from converter.coreml import mlmodel
    from converter.files.writing import write_bytes
    from converter.studies.template import template, tried

    target = out or Path(f"{model.stem}Study.yaml")
    is_printed = str(target) == "-"
    if not is_printed:
        output = Output("-o" if out else "", target, RECIPE_ENDINGS, is_default=out is None)
        check_outputs([Input("MODEL", model)], [output], force=force)
    text = template(model, Path() if is_printed else target.parent, tried(mlmodel.read(model)))
    if is_printed:
        click.echo(text, nl=False)
        return
    write_bytes(target, text.encode())
    if not quiet:
        click.echo(f"wrote {target}; run it with: make-updatable study {target}")


@command.command("schema", cls=Command)
def schema() -> None:
    """Print the JSON Schema of studies, which editors use to complete and to check them."""
    import json

    from converter.studies.template import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
