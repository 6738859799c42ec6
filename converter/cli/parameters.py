"""What options take that is more than a word: functions for ``type=`` of click."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click
from click.shell_completion import CompletionItem


class FileOr(click.Path):
    """Text that is the path of a file or folder, or one of `words`; a shell completes both."""

    def __init__(self, words: Callable[[], Sequence[str]]) -> None:
        super().__init__()
        self.words = words

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what stands for files, and then (bash forgets what comes before) the words."""
        files = super().shell_complete(ctx, param, incomplete)
        begun = [word for word in self.words() if incomplete and word.startswith(incomplete)]
        return [*files, *map(CompletionItem, begun)]


def shape(text: str) -> tuple[int, ...]:
    """Return the shape of an input without the batch, such as ``224,224,3``."""
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        raise click.BadParameter(f"{text!r} is not a list of sizes like 224,224,3")
    return sizes


def per_channel(text: str) -> tuple[float, ...]:
    """Return one number, or one for each colour, such as ``0.1,0.2,0.3``."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 1,2,3") from None
