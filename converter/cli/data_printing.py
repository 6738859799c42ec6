"""What a command has found, printed for programs: JSON and YAML."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import click

from converter.cli import streams


def print_data(data: Any, as_json: bool) -> None:
    """Print `data`, of mappings, lists, tuples, texts and numbers, as JSON or else as YAML."""
    as_is = streams.holds_all_characters(sys.stdout)
    if as_json:
        import json

        click.echo(json.dumps(plain(data), indent=2, ensure_ascii=not as_is))
        return
    from converter.recipe.writing import dump

    click.echo(dump(plain(data), as_is), nl=False)


def plain(value: Any) -> Any:
    """Return `value` with lists for tuples, which YAML does not have, and None for NaN and inf."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
