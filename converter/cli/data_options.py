"""The options by which ``train``, ``evaluate`` and ``predict`` are told of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from converter.cli.parameters import factor


def _scale(ctx: click.Context, param: click.Parameter, value: str) -> float:
    try:
        return factor(value)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"{value!r} is no number like 0.5 or 1/255") from None


_OPTIONS = (
    click.option(
        "--data",
        required=True,
        metavar="PLACE",
        help="An .npz file (x, y or x_train, y_train, x_test, y_test), a folder with one folder "
        "of images per class, or the name of a dataset of Keras: mnist, fashion_mnist, cifar10, "
        "cifar100.",
    ),
    click.option(
        "--layout",
        type=click.Choice(["auto", "nhwc", "nchw"]),
        default="auto",
        show_default=True,
        help="Order of the axes of arrays, where both fit the model.",
    ),
    click.option(
        "--scale",
        callback=_scale,
        default="1",
        metavar="FACTOR",
        help="Multiply the data by this, such as 1/255 for pixels of a network that takes 0 to 1.",
    ),
)


def data_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options ``--data``, ``--layout`` and ``--scale``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
