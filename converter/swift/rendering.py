"""Templates with what is known of a model put into them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from converter.swift.facts import Trainer
from converter.swift.names import array, comment, string

TEMPLATE = "trainer.swift.j2"
"""That of the trainer itself."""

AVAILABLE = "@available(iOS 13.0, macCatalyst 13.1, macOS 10.15, tvOS 14.0, watchOS 6.0, *)"
"""Where Core ML updates models: the availability of ``MLUpdateTask``."""


@cache
def _environment() -> Environment:
    # No escaping as for HTML: whatever comes from the file goes through `string` or `comment`.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"string": string, "comment": comment, "array": array}
    return environment


def render(template: str, chosen: Trainer, type_name: str, resource: str, **more: Any) -> str:
    """Return a template, by its path, for a type that trains the model `resource`."""
    return (
        _environment()
        .get_template(template)
        .render(
            t=chosen,
            answer=chosen.answer,
            available=AVAILABLE,
            name=type_name,
            resource=resource,
            **more,
        )
    )
