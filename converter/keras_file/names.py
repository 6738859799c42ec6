"""Names of layers: their own, and those by which today's Keras builds them.

Keras 2 took slashes in names (``block1/dense``), today's refuses them. So a layer is built with
another sign that looks the same, and is shown, chosen and written by its own name.
"""

from __future__ import annotations

SLASH = "\N{DIVISION SLASH}"


def built_name(name: str) -> str:
    """Return the name by which today's Keras builds the layer `name`."""
    return name.replace("/", SLASH)


def own_name(name: str) -> str:
    """Return the name that a layer, built by `name`, has in its file."""
    return name.replace(SLASH, "/")
