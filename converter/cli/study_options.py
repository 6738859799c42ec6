"""The settings of a study as options of ``make-updatable study``, and what they take."""

from __future__ import annotations

import click

from converter.cli.data_options import layout_option, place_option
from converter.cli.parameters import Whole, a_number, all_of, counts, file_option, numbers
from converter.recipe.numbers import scaling_complaint

KEYS = {
    "users": ("users", "data"),
    "simulate": ("users", "simulated", "data"),
    "count": ("users", "simulated", "count"),
    "common": ("common",),
    "layout": ("layout",),
    "scale": ("scale",),
    "learning_rate": ("settings", "learning_rate"),
    "momentum": ("settings", "momentum"),
    "epochs": ("settings", "epochs"),
    "batch_size": ("settings", "batch_size"),
    "samples": ("samples",),
    "test_samples": ("test_samples",),
    "seeds": ("seeds",),
    "results": ("results",),
}
"""Option -> the setting of a study that it gives."""


def shift(text: str) -> tuple[str, float]:
    """Return the name of a shift and its number, such as ``rotation=20``."""
    from converter.recipe.numbers import number

    name, _, value = text.partition("=")
    try:
        return name.strip().replace("-", "_"), number(value)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not like rotation=20") from None


OPTIONS = (
    place_option(
        "--users",
        help="A folder per user with a folder per class, or an .npz file with x, y, user; of a "
        "model with several inputs their names instead of x.",
    ),
    place_option(
        "--simulate",
        help="Make users from this data set instead: .npz, folder, or a name of Keras.",
    ),
    click.option("--count", type=Whole(1), help="How many users to simulate."),
    click.option(
        "--shift",
        "shifts",
        type=shift,
        multiple=True,
        metavar="NAME=NUMBER",
        help="How users differ, such as rotation=20 or label_skew=0.5; may be repeated.",
    ),
    place_option(
        "--common",
        help="Data of everybody, to measure what is forgotten.",
    ),
    layout_option(),
    click.option(
        "--scale",
        type=a_number(scaling_complaint),
        metavar="FACTOR",
        help="Multiply all data by this, such as 1/255.",
    ),
    click.option("--learning-rate", type=numbers, metavar="LIST", help="Step sizes to try."),
    click.option("--momentum", type=numbers, metavar="LIST", help="Momenta to try."),
    click.option("--epochs", type=counts, metavar="LIST", help="Numbers of epochs to try."),
    click.option("--batch-size", type=counts, metavar="LIST", help="Samples per step to try."),
    click.option(
        "--samples",
        type=counts,
        metavar="LIST",
        help="How many samples a user gives (default: 5,10,20,50).",
    ),
    click.option("--test-samples", type=Whole(1), help="Other samples of each user, to test with."),
    click.option("--seeds", type=counts, metavar="LIST", help="Seeds (default: 0,1,2)."),
    file_option(
        "--results",
        help="Where results are kept (default: <STUDY>.results); a study goes on from it.",
    ),
    file_option(
        "-o",
        "--out",
        multiple=True,
        help="Write the answer to a .json or .csv file; may be repeated.",
    ),
    file_option("--plot", help="Draw it to an .svg or .png file."),
    file_option(
        "--write-recipe",
        help="Write a recipe with the recommended default and the range that reaches the goal.",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="A scheduler of Dask that runs, such as tcp://host:8786.",
    ),
    file_option(
        "--scheduler-file",
        help="The file in which a scheduler of Dask has written its address.",
    ),
    click.option(
        "--workers",
        type=Whole(1, 1024),
        help="Processes on this machine (default: one for each core).",
    ),
    click.option("--memory-limit", metavar="SIZE", help="What a worker may take, such as 2GB."),
)
"""The options in the order of ``--help``."""

settings = all_of(OPTIONS)
"""Gives a command the options of a study; each is None, or empty, where nothing is said."""
