"""``make-updatable completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import click

from converter.cli.command import Command


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    eval "$(make-updatable completion bash)"          # in ~/.bashrc
    eval "$(make-updatable completion zsh)"           # in ~/.zshrc
    make-updatable completion fish | source           # in ~/.config/fish/config.fish
    """  # noqa: D301 (click reads \\b)
    from click.shell_completion import get_completion_class

    from converter.cli import root

    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(root, {}, "make-updatable", "_MAKE_UPDATABLE_COMPLETE").source())
