"""Which versions of which packages do the work."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

VERSION = "0.1.0"
"""The version of this tool: here, and nowhere else. ``setup.cfg`` reads it."""

PACKAGES = ("coremltools", "tensorflow", "keras", "numpy", "protobuf", "pydantic")


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """Return (name, version) of this tool and of the packages it runs on, if they are installed."""
    return ("make-updatable", VERSION), *_installed()


def _installed() -> Iterator[tuple[str, str]]:
    from importlib import metadata  # takes 0.03 s that most commands do not need

    for package in PACKAGES:
        try:
            yield package, metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
