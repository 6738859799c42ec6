"""The file cannot be read, or is not a Core ML model.

What: a file that is missing or may not be opened; bytes that are not a serialized `Model`, because
the file is truncated or of another kind, or holds names that are not UTF-8; more than 2 GB.
Why: Core ML cannot load it. A `.mlpackage` is a folder, its model lies in it as `model.mlmodel`.
Fix: copy or convert the model again.
Source: `Model::load`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from converter.errors import reason
from converter.files.kinds import described
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("F101", "unreadable", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield nothing: what could be parsed is readable."""
    return iter(())


def not_a_model(data: bytes) -> Finding:
    """Return the finding for bytes that cannot be parsed; it says what they are, if it is known."""
    what, _, fix = (described(io.BytesIO(data)) or "").partition("; ")
    return RULE.found(
        what or "is not a Core ML model (truncated, damaged, or another kind of file)",
        fix or "copy or convert the model again",
    )


def no_file(what: str) -> Finding:
    """Return the finding for a pipe or a device: `what` it is and what to do, as of `special`."""
    return RULE.found(*what.split("; "))


def not_readable(error: OSError) -> Finding:
    """Return the finding for a file that cannot be opened."""
    return RULE.found(f"cannot be read ({reason(error)})", "check path and permissions")
