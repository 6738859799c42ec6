"""What a device check has shown: a pure function of what the child process left."""

from __future__ import annotations

import enum
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.device.batch import Array
from converter.device.checks import Check, checks
from converter.device.child import Ending
from converter.device.comparing import Agreement, Expected

FACTS = ("system", "pyobjc", "compute_units", "told", "troubles")
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
    """The outcome in a sentence, and everything behind it.

    `facts` and `arrays` are for the record only; arrays are by what a person calls them.
    """

    outcome: Outcome
    reason: str
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it, without the arrays."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "checks": [vars(check) for check in self.checks],
            "facts": dict(self.facts),
        }


def judge(
    expected: Expected, ending: Ending, agreement: Agreement | None = None, no_agreement: str = ""
) -> Verdict:
    """Return what a check has shown. Nothing but a complete, correct answer is a pass.

    What Core ML does not tell is unknown, and neither fails nor counts as met.
    """
    facts = {key: value for key, value in (ending.answer or {}).items() if key in FACTS}
    other = incomplete(ending)
    if other is not None:
        return Verdict(*other, facts=facts)
    answer = ending.answer or {}
    found = tuple(checks(expected, answer, ending.arrays, agreement, no_agreement))
    return concluded(found, f"Core ML updated {len(expected.updatable)} layers", facts)


def concluded(
    found: tuple[Check, ...],
    done: str,
    facts: Mapping[str, Any],
    arrays: Mapping[str, Array] | None = None,
) -> Verdict:
    """Return the verdict that the checks `found` make; `done` is what Core ML has done then."""
    failed = [check for check in found if check.passed is False]
    if failed:
        reason = "; ".join(f"{check.name}: {check.seen}" for check in failed)
        return Verdict(Outcome.FAILED, reason, found, facts, arrays or {})
    return Verdict(Outcome.PASSED, f"{done}; {_met(found)}", found, facts, arrays or {})


def incomplete(ending: Ending) -> tuple[Outcome, str] | None:
    """Return how a child ended that has not come to the end of its job, None if it has."""
    answer = ending.answer or {}
    stage = answer.get("stage", "starting")
    if ending.code is None:
        return Outcome.TIMED_OUT, f"no end in time while {stage}"
    if ending.code < 0:
        reason = f"Core ML ended the process with {_signal(-ending.code)} while {stage}"
        return Outcome.CRASHED, _with_print(reason, ending)
    if answer.get("error"):
        return Outcome.FAILED, f"{answer['error']} (while {stage})"
    if ending.code != 0 or stage != "done":
        reason = f"the worker ended with code {ending.code} while {stage}"
        return Outcome.FAILED, _with_print(reason, ending)
    return None


def _met(found: tuple[Check, ...]) -> str:
    met = sum(check.passed is True for check in found)
    if met == len(found):
        return f"all {met} checks are met"
    unknown = ", ".join(check.name for check in found if check.passed is None)
    return f"{met} checks are met, not known is: {unknown}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with_print(reason: str, ending: Ending) -> str:
    """Return `reason` with the last line that was printed."""
    lines = [line.strip() for line in ending.printed.splitlines() if line.strip()]
    return f"{reason}: {lines[-1][:300]}" if lines else reason
