"""All commands and their parameters, found by walking the command line itself."""

import click

from converter.cli import root


def leaves(command=root, name=()):
    """Yield (name, command) for every command that is no group, such as ``recipe init``."""
    if not isinstance(command, click.Group):
        yield " ".join(name), command
        return
    context = click.Context(command)
    for child in command.list_commands(context):
        yield from leaves(command.get_command(context, child), (*name, child))


LEAVES = dict(leaves())

NO_TEXT = (click.IntRange, click.types.IntParamType, click.Choice, click.types.BoolParamType)
NUMBERS = ("number", "shape", "per_channel", "numbers", "counts")


def takes_text(param):
    """Tell whether a value of `param` may be a path, for all that its type says."""
    is_number = isinstance(param.type, NO_TEXT) or param.type.name in NUMBERS
    return not (is_number or getattr(param, "is_flag", False))


def flag(command, name):
    """Return how the parameter `name` is written on the command line; arguments have no flag."""
    param = next(param for param in LEAVES[command].params if param.name == name)
    return [param.opts[0]] if isinstance(param, click.Option) else []
