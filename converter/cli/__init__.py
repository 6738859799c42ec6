"""The command line: one file per command, listed in `COMMANDS`, each imported when it runs.

`make-updatable model.h5 …` is short for `make-updatable convert model.h5 …`.
"""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from converter.cli import streams
from converter.cli.failure import exit_codes, explain, lines, usage
from converter.cli.groups import Group
from converter.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK

COMMANDS = {
    "convert": "Convert a trained Keras model to an updatable Core ML model (the default command).",
    "validate": "Check .mlmodel files: would Core ML accept them, and can it train them?",
    "inspect": "Show what a Keras file or a .mlmodel holds, and which layers can learn.",
    "recipe": "Write, check and show recipes: conversion settings in YAML files.",
    "train": "Train a .mlmodel as an update task on the device would, on any machine.",
    "evaluate": "Tell the loss and the accuracy of a .mlmodel on labelled data.",
    "predict": "Print what a .mlmodel answers.",
    "weights": "List, read, write, compare and average the weights that a model learns.",
    "extract": "Put what a .mlmodel has learned into its Keras model again.",
    "verify": "Check what a .mlmodel does: against its Keras model, or in Core ML itself on a Mac.",
    "calibrate": "Tell how Core ML counts when it trains, from what a Mac has recorded.",
    "study": "Tell which learning rate, epochs and layers to ship, from many users' trainings.",
    "swift": "Write the Swift code with which an app trains a .mlmodel.",
    "completion": "Print the completion script for bash, zsh or fish.",
}
"""Command name -> its line in ``--help``. The code is ``converter/cli/<name>.py``, `command`."""

DEFAULT_COMMAND = "convert"


class LazyGroup(Group):
    """A group that lists commands from the table and imports only the one that runs."""

    missing = "command and no file"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"converter.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what begins so: commands, and what stands for the files of the default command."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(incomplete, type="file"), *super().shell_complete(ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Treat an argument that may be a file as an argument of the default command."""
        if args[0] not in COMMANDS and (ctx.resilient_parsing or _may_be_a_file(args[0])):
            args = [DEFAULT_COMMAND, *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let options of the default command come before its argument."""
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if args and args[0].startswith("-") and args[0].split("=")[0] not in own:
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


def _may_be_a_file(word: str) -> bool:
    """Tell whether `word` is a file, or looks like the name of one rather than of a command."""
    return not word.isalpha() or Path(word).exists()


def _print_versions(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    import platform

    from converter.versions import versions

    own, *others = versions()
    click.echo(" ".join(own))
    for name, version in (("Python", platform.python_version()), *others):
        click.echo(f"  {name} {version}")
    click.echo(f"  {platform.platform()}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    epilog=f"Run 'make-updatable COMMAND --help' for the options of a command. {exit_codes()}.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Show the versions of this tool and of what it runs on.",
)
def root() -> None:
    """Turn a trained Keras CNN into a Core ML model that goes on learning on the device.

    \b
    make-updatable model.h5 --layers dense_5,dense_6
    """  # noqa: D301 (click reads \b)


def main(argv: list[str] | None = None) -> None:
    """Run the command line and end the process with one of `EXIT_CODES`."""
    streams.prepare()
    code = run(sys.argv[1:] if argv is None else argv)
    written = streams.flush()
    if "tensorflow" in sys.modules or not written:
        # TensorFlow takes more than a second to tear down what the process gives back anyway, and
        # Python would try to write what could not be written. Only what was registered for the
        # end is done, such as removing temporary files.
        atexit._run_exitfuncs()
        os._exit(code)
    sys.exit(code)


def run(argv: list[str]) -> int:
    """Run the command line and return its exit code; errors are printed, none escapes."""
    try:
        result = root.main(args=argv, prog_name="make-updatable", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        with suppress(OSError):
            click.echo(usage(error), err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        written = str(error.__cause__ or error) or "nothing was written"
        _say(f"interrupted; {written}")
        return EXIT_INTERRUPTED
    except Exception as error:
        text, code = explain(error)
        _say(lines(text, code) if text else "")
        if code == EXIT_BUG and os.environ.get("MAKE_UPDATABLE_DEBUG"):
            traceback.print_exc()
        return code
    return result if isinstance(result, int) else EXIT_OK


def _say(text: str) -> None:
    """Print to standard error; if that fails, too, only the exit code tells."""
    with suppress(OSError):
        if text:
            click.echo(text, err=True)
