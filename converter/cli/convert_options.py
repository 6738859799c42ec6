"""The settings of a conversion as options of ``make-updatable convert``, and what they take."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from converter.cli.parameters import PATH, Whole, a_number, all_of, per_channel, shape
from converter.coreml.encoding import PRECISIONS
from converter.recipe import LOSSES, MOST_SPARE, STARTS, Recipe


def _names(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Any:
    """Return the names in lists such as ``a,b``, None if there is no list."""
    return tuple(name for part in value for name in _parts(part)) or None


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise click.BadParameter(f"{text!r} holds an empty name")
    return parts


def _classes(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return a path to a file of labels, or the labels: numbers if all of them are."""
    if value is None:
        return None
    if "," not in value:
        return Path(value)
    labels = tuple(_parts(value))
    if all(label.lstrip("-").isdigit() for label in labels):
        return tuple(int(label) for label in labels)
    return labels


def _label(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return a label: a number if it is one."""
    return int(value) if value is not None and NUMBER.fullmatch(value) else value


NUMBER = re.compile(r"-?[0-9]{1,19}")
"""A label that is a number; what has more digits is a text."""


WHAT_FEEDS_THE_HEAD = "*"
"""What stands for ``--knn`` without a layer; no layer has that name."""


def _option(flag: str, *more: str, **settings: Any) -> Callable[[Any], Any]:
    """Return a click option for the field of `Recipe` that `flag` names, described as there."""
    name = flag.split("/")[0].removeprefix("--").replace("-", "_")
    return click.option(flag, *more, help=Recipe.model_fields[name].description, **settings)


OPTIONS = (
    _option("--output-path", "-o", "--out", type=click.Path(), metavar="PATH"),
    _option("--weights", type=PATH, metavar="FILE"),
    _option("--layers", multiple=True, callback=_names, metavar="NAMES"),
    _option("--output", metavar="NAME"),
    _option("--signature", metavar="NAME"),
    _option("--input-shape", type=shape, metavar="H,W,C"),
    _option("--layout", type=click.Choice(["auto", "network", "pipeline"])),
    _option("--frozen-weights", type=click.Choice(PRECISIONS)),
    _option("--calibration", type=PATH, metavar="DATA"),
    _option("--loss", type=click.Choice(LOSSES)),
    _option("--optimizer", type=click.Choice(["sgd", "adam"])),
    _option("--learning-rate", type=a_number()),
    _option("--momentum", type=a_number()),
    _option("--beta-1", type=a_number()),
    _option("--beta-2", type=a_number()),
    _option("--epsilon", type=a_number()),
    _option("--epochs", type=Whole(1)),
    _option("--batch-size", type=Whole(1)),
    _option("--shuffle/--no-shuffle", default=None),
    _option("--seed", type=Whole()),
    _option("--image", type=click.Choice(["rgb", "bgr", "gray"])),
    _option("--scale", type=a_number()),
    _option("--bias", type=per_channel, metavar="R,G,B"),
    _option("--classes", type=click.Path(), callback=_classes, metavar="LABELS"),
    _option("--new-head", type=click.Choice(STARTS), is_flag=False, flag_value="glorot"),
    _option("--spare-classes", type=Whole(1, MOST_SPARE), metavar="COUNT"),
    _option("--input-name", metavar="NAME"),
    _option("--output-name", metavar="NAME"),
    _option("--label-name", metavar="NAME"),
    _option("--knn", is_flag=False, flag_value=WHAT_FEEDS_THE_HEAD, metavar="[LAYER]"),
    _option("--neighbors", type=Whole(1)),
    _option("--knn-weighting", type=click.Choice(["uniform", "inverse_distance"])),
    _option("--knn-index", type=click.Choice(["linear", "kd_tree"])),
    _option("--knn-leaf-size", type=Whole(1)),
    _option("--default-label", callback=_label, metavar="LABEL"),
    _option("--knn-samples", type=click.Path(), metavar="PLACE"),
    _option("--knn-scale", type=a_number()),
    _option("--verify/--no-verify", default=None),
    _option("--tolerance", type=a_number()),
    _option("--verify-update", is_flag=True, default=None),
    _option("--on-device", is_flag=True, default=None),
    _option("--allow-unsafe", is_flag=True, default=None),
)
"""The options in the order of ``--help``."""

settings = all_of(OPTIONS)
"""Gives a command the options of a conversion; each is None where nothing is said."""
