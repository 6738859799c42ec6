"""The settings of a training as options of ``make-updatable train``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from converter.arithmetic import NAMED
from converter.cli.data_options import place_option
from converter.cli.parameters import (
    PATH,
    FileOr,
    Whole,
    a_number,
    all_of,
    file_option,
    force_option,
    share,
)
from converter.coreml.optimizers import NUMBERS


def _number(flag: str, text: str) -> Callable[[Any], Any]:
    """Return the option for a number of an optimizer."""
    number = NUMBERS[flag.removeprefix("--").replace("-", "_")]
    return click.option(flag, type=a_number(number.complaint), help=text)


OPTIONS = (
    place_option("--test", help="Other data to test with before and after."),
    click.option(
        "--hold-out",
        type=a_number(share),
        metavar="SHARE",
        help="Put this share of the data aside to test with, such as 0.1.",
    ),
    click.option(
        "--epochs", type=Whole(1), help="Passes over the data (default: as in the model)."
    ),
    click.option(
        "--batch-size", type=Whole(1), help="Samples per step (default: as in the model)."
    ),
    _number("--learning-rate", "Step size (default: as in the model)."),
    _number("--momentum", "Momentum of SGD."),
    _number("--beta-1", "Decay of Adam's first moment."),
    _number("--beta-2", "Decay of Adam's second moment."),
    _number("--epsilon", "Adam's epsilon."),
    click.option(
        "--shuffle/--no-shuffle", default=None, help="Whether each epoch has its own order."
    ),
    click.option("--seed", type=Whole(), help="Seed of the shuffling."),
    click.option(
        "--arithmetic",
        type=FileOr(lambda: tuple(NAMED)),
        default="keras",
        show_default=True,
        metavar="NAME",
        help="How to count: keras, coreml (what is known of it), or a JSON file that calibrate "
        "wrote.",
    ),
    click.option(
        "-o",
        "--out",
        type=PATH,
        help="Where to write the trained model (default: <MODEL>Trained.mlmodel).",
    ),
    force_option,
    file_option(
        "--history",
        help="Write loss and accuracy of each epoch to a .csv or .json file.",
    ),
    file_option(
        "--plot",
        help="Draw them as curves to a .png file.",
    ),
    file_option(
        "--checkpoint",
        help="Save the state here after every epoch, and go on from it if it is there.",
    ),
)
"""The options in the order of ``--help``."""

training_options = all_of(OPTIONS)
"""Gives a command the options of a training; each is None where nothing is said."""
