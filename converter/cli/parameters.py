"""What options take that is more than a word, and options that several commands have."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from converter.coreml.optimizers import LARGEST_INTEGER

Function = TypeVar("Function", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)

file_option = partial(click.option, type=PATH, metavar="FILE")
"""An option that takes the name of a file."""

force_option = click.option(
    "--force", is_flag=True, help="Overwrite an existing file of the default name."
)
QUIET = (
    "Print errors only, and what is asked for: JSON, or the answer of a command that writes none."
)
VERBOSE = "Print every step with its time."
quiet_option = click.option("-q", "--quiet", is_flag=True, help=QUIET)
verbose_option = click.option("-v", "--verbose", is_flag=True, help=VERBOSE)
weights_option = file_option(
    "--weights",
    help="Weights in a file of their own: .weights.h5, .h5, a TensorFlow checkpoint.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
report_option = file_option(
    "--report",
    help="Write what there is to see to an .html page, which opens in any browser.",
)
yaml_option = click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML.")


def all_of(options: Sequence[Callable[[Any], Any]]) -> Callable[[Function], Function]:
    """Return what gives a command all of `options`, in this order in ``--help``."""

    def give(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return give


def quiet() -> click.Option:
    """Return the option --quiet of a command that does not ask whether it is given."""
    return click.Option(["-q", "--quiet"], is_flag=True, help=QUIET)


def verbose() -> click.Option:
    """Return the option --verbose of a command that does not ask whether it is given."""
    return click.Option(["-v", "--verbose"], is_flag=True, help=VERBOSE)


def a_number(
    complaint: Callable[[float], str | None] = lambda value: None,
) -> Callable[[Any], float]:
    """Return what takes a finite number, also a quotient such as ``1/255``.

    `complaint` says what is wrong with a number, None if nothing is.
    """

    def number(value: Any) -> float:
        from converter.recipe import numbers  # takes pydantic, which `validate` does without

        try:
            found = numbers.number(value) if isinstance(value, str) else float(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        if wrong := complaint(found):
            raise click.BadParameter(f"{value} {wrong}")
        return found

    return number


def positive(value: float) -> str | None:
    """Return what is wrong with a number that has to be more than 0."""
    return None if value > 0 else "is not more than 0"


def share(value: float) -> str | None:
    """Return what is wrong with a number that has to be a part of something, but not all."""
    return None if 0 < value < 1 else "is not between 0 and 1"


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


LARGEST_COUNT = 2**31 - 1
"""Nothing that is counted here can be more: TensorFlow counts in 32 bits."""


class Whole(click.IntRange):
    """A whole number from `lowest` on that a file can hold; any number of digits may be typed."""

    name = "integer"

    def __init__(self, lowest: int | None = None, most: int = LARGEST_INTEGER) -> None:
        super().__init__(-most - 1 if lowest is None else lowest, most)
        self._said = "" if lowest is None else f"x>={lowest}"

    def _describe_range(self) -> str:
        return self._said  # the upper end is of no interest in ``--help``

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        number = int(click.INT.convert(value, param, ctx))
        if self.min is not None and number < self.min:
            self.fail(f"{number} is less than {self.min}", param, ctx)
        if self.max is not None and number > self.max:
            self.fail(f"{number} is more than {self.max}", param, ctx)
        return number


def shape(text: str) -> tuple[int, ...]:
    """Return the shape of an input without the batch, such as ``224,224,3``."""
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1 or math.prod(sizes) > LARGEST_COUNT:
        raise click.BadParameter(f"{text!r} is not a list of sizes like 224,224,3")
    return sizes


def per_channel(text: str) -> tuple[float, ...]:
    """Return one number, or one for each colour, such as ``0.1,0.2,0.3``."""
    from converter.recipe import numbers

    try:
        return tuple(numbers.number(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 1,2,3") from None


def numbers(text: str) -> tuple[float, ...]:
    """Return several numbers, such as ``0.001,0.01``."""
    return per_channel(text)


def counts(text: str) -> tuple[int, ...]:
    """Return several whole numbers from 0 on, such as ``5,10,20``."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = (-1,)
    if min(found) < 0 or max(found) > LARGEST_INTEGER:
        raise click.BadParameter(f"{text[:40]!r} is not a list of whole numbers like 5,10,20")
    return found
