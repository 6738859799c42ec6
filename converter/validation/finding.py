"""What a rule is and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
"""A note tells of what works and could be better."""

Origin = Literal["apple", "runtime", "ours"]

LONGEST_NAME = 60
"""Characters of a layer or blob name that a message shows."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a model, where, and what to do about it."""

    code: str
    severity: Severity
    origin: Origin
    layer: str
    message: str
    fix: str
    place: str = ""
    """Which model of a pipeline it is about, empty for the model of the file itself."""

    def text(self) -> str:
        """Return the finding in one line, without the name of the file."""
        return f"{self.code} {self.severity}: {self.where()}{self.message}; {self.fix}"

    def where(self) -> str:
        """Return the model and the layer that it is about, each followed by a colon."""
        place = f"{self.place}: " if self.place else ""
        return f"{place}layer {quoted(self.layer)}: " if self.layer else place


@dataclass(frozen=True)
class Rule:
    """What is the same for all findings of one rule.

    `origin` is ``apple`` where Apple's validator refuses the file, ``runtime`` where Core ML is
    known to fail later, ``ours`` where this project is stricter than both for a stated reason.
    `after_shapes`: Apple's validator stops without an error when its shape inference fails, and
    so never reaches the rule on such a model.
    """

    code: str
    name: str
    severity: Severity
    origin: Origin
    after_shapes: bool = False

    def found(self, message: str, fix: str, layer: str = "") -> Finding:
        """Return a finding of this rule."""
        return Finding(self.code, self.severity, self.origin, layer, message, fix)


def quoted(name: str) -> str:
    """Return `name` in quotes on one line, shortened if it is absurdly long."""
    return repr(name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…")
