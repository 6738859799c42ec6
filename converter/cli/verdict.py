"""A verdict as JSON: to standard output, to a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from converter.cli.data_printing import plain
from converter.files.writing import write_bytes


def tell(verdict: Mapping[str, Any], as_json: bool, out: Path | None) -> None:
    """Write `verdict` to the file `out` if there is one, and print it if `as_json`.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(plain(verdict), indent=2, ensure_ascii=False)
    if out is not None:
        write_bytes(out, text.encode() + b"\n")
    if as_json:
        click.echo(text)
