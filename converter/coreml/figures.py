"""Shapes, counts and sizes as people read them."""

from __future__ import annotations


def shape_text(shape: tuple[int | None, ...] | None) -> str:
    """Return `shape` as people read it: ``32 × 26 × 26``, a ``?`` where a size is open."""
    return " × ".join("?" if n is None else str(n) for n in shape or ())


def count_text(number: int) -> str:
    """Return `number` as people read it, nothing for 0."""
    return f"{number:,}" if number else ""


def size_text(size: float) -> str:
    """Return `size`, in bytes, as people read it: ``2.3 MB``."""
    unit, scale = ("GB", 1e9) if size >= 1e9 else ("MB", 1e6) if size >= 1e5 else ("kB", 1e3)
    return f"{size / scale:.1f} {unit}"
