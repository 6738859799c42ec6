"""The file goes on after the end of the model.

What: bytes after a valid model that do not belong to it, such as zeros from a broken download.
Why: Apple's reader stops at them without an error; other readers, coremltools' Python among them,
refuse the file, and it is probably damaged.
Fix: copy or convert the model again.
Source: `loadSpecification` in `Utils.hpp`; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("F102", "trailing-bytes", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if bytes had to be cut off to read the model."""
    if model.trailing and not model.depth:
        yield RULE.found(
            f"has {model.trailing} bytes after the end of the model",
            "copy or convert the model again",
        )
