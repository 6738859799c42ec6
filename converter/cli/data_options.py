"""The options by which commands are told of data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.parameters import LARGEST_COUNT, FileOr, Whole, a_number, all_of
from converter.files.paths import Input
from converter.recipe.numbers import scaling_complaint

if TYPE_CHECKING:
    from converter.coreml.mlmodel import Message


def _datasets() -> Sequence[str]:
    from converter.data import KERAS_DATASETS

    return KERAS_DATASETS


PLACE = FileOr(_datasets)

place_option = partial(click.option, type=PLACE, metavar="PLACE")
"""An option that takes a file or folder of data, or the name of a dataset of Keras."""

layout_option = partial(
    click.option,
    "--layout",
    type=click.Choice(["auto", "nhwc", "nchw"]),
    help="Order of the axes of arrays, where both fit the model.",
)
"""The option ``--layout``, with a default or without one."""

OPTIONS = (
    place_option(
        "--data",
        required=True,
        help="An .npz file (x, y or x_train, y_train, x_test, y_test; of a model with several "
        "inputs their names instead of x: left, right, y), a folder with one folder of images per "
        "class, or the name of a dataset of Keras: mnist, fashion_mnist, cifar10, cifar100.",
    ),
    layout_option(default="auto", show_default=True),
    click.option(
        "--scale",
        type=a_number(scaling_complaint),
        default="1",
        metavar="FACTOR",
        help="Multiply the data by this, such as 1/255 for pixels of a network that takes 0 to 1.",
    ),
)

data_options = all_of(OPTIONS)
"""Gives a command the options ``--data``, ``--layout`` and ``--scale``."""

batch_size_option = click.option(
    "--batch-size",
    type=Whole(1, LARGEST_COUNT),
    default=32,
    show_default=True,
    help="Samples computed at once.",
)


def batch_notes(model: Message, batch_size: int) -> Iterator[str]:
    """Yield what to know where answers depend on how many samples are computed at once."""
    from converter.runtime import depends_on_batch

    if layer := depends_on_batch(model):
        yield (
            f"layer '{layer}' normalizes by the mean of the samples that are computed at once, "
            f"here {batch_size}; an app that asks for one answer at a time gets those of "
            "--batch-size 1"
        )


def tell_notes(notes: Iterable[str], quiet: bool = False) -> None:
    """Print on standard error, unless `quiet`, what is to know of data that were read."""
    for note in () if quiet else notes:
        click.echo(f"note: {note}", err=True)


def data_input(flag: str, place: str) -> Input:
    """Return what is read from `place`: a file or folder, else where Keras keeps its datasets."""
    path = Path(place)
    if not path.exists():
        path = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    return Input(flag, path)
