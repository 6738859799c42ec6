"""What a device check has shown: a pure function of what the child process left."""

from __future__ import annotations

import enum
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.device.checks import Agreement, Check, Expected, checks
from converter.device.child import Ending

FACTS = ("system", "pyobjc", "losses", "frozen_error")
"""What the child says that goes into the record as it is."""


class Outcome(enum.Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Verdict:
    """The outcome in a sentence, and everything behind it. `facts` is for the record only."""

    outcome: Outcome
    reason: str
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "checks": [vars(check) for check in self.checks],
            "facts": dict(self.facts),
        }


def judge(expected: Expected, ending: Ending, agreement: Agreement | None = None) -> Verdict:
    """Return what a check has shown. Nothing but a complete, correct answer is a pass."""
    answer = ending.answer or {}
    facts = {key: value for key, value in answer.items() if key in FACTS}
    stage = answer.get("stage", "starting")
    if ending.code is None:
        return Verdict(Outcome.TIMED_OUT, f"no end in time while {stage}", facts=facts)
    if ending.code < 0:
        reason = f"Core ML ended the process with {_signal(-ending.code)} while {stage}"
        return Verdict(Outcome.CRASHED, _with_print(reason, ending), facts=facts)
    if answer.get("error"):
        return Verdict(Outcome.FAILED, f"{answer['error']} (while {stage})", facts=facts)
    if ending.code != 0 or stage != "done":
        reason = f"the worker ended with code {ending.code} while {stage}"
        return Verdict(Outcome.FAILED, _with_print(reason, ending), facts=facts)
    found = tuple(checks(expected, answer, ending.arrays, agreement))
    failed = [check for check in found if not check.passed]
    if failed:
        reason = "; ".join(f"{check.name}: {check.seen}" for check in failed)
        return Verdict(Outcome.FAILED, reason, found, facts)
    reason = f"Core ML updated {len(expected.updatable)} layers; all {len(found)} checks are met"
    return Verdict(Outcome.PASSED, reason, found, facts)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with_print(reason: str, ending: Ending) -> str:
    """Return `reason` with the last line that was printed."""
    lines = [line.strip() for line in ending.printed.splitlines() if line.strip()]
    return f"{reason}: {lines[-1][:300]}" if lines else reason
