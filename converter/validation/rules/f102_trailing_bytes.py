"""The file goes on after the end of the model, or is written as only Apple's reader takes it.

What: bytes after a valid model that do not belong to it, such as zeros from a broken download;
tags of more than 32 bits.
Why: Apple's reader stops at the former and cuts the latter off without an error; other readers,
coremltools' Python among them, refuse the file, and it is probably damaged.
Fix: copy or convert the model again.
Source: `loadSpecification` in `Utils.hpp`; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("F102", "trailing-bytes", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if the bytes had to be changed to read the model."""
    if model.unusual and not model.depth:
        yield RULE.found(model.unusual, "copy or convert the model again")


def unusual(trailing: int) -> str:
    """Return what to say of a file with so many bytes after the model; if 0, with such tags."""
    if trailing:
        return f"has {trailing} bytes after the end of the model"
    return "has tags of more than 32 bits"
