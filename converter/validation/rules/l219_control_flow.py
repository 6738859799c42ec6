"""A branch, loop or copy is incomplete.

What: a branch with an empty if side, a loop with an empty body or half a condition, a condition
that is not one number, a break or continue outside of a loop, a copy onto itself.
Why: Core ML refuses the model.
Fix: complete the layer.
Source: `validateBranchLayer`, `validateLoopLayer`, `validateCopyLayer`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L219", "control-flow", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each incomplete layer of control flow."""
    for site, fault in model.flow.control_faults:
        yield RULE.found(fault, "complete the layer", site.name)
    for site in model.flow.of("branch", "loop"):
        tensors = site.layer.inputTensor
        if tensors and any(size > 1 for size in tensors[0].dimValue):
            yield RULE.found("has a condition of more than one number", "reduce it", site.name)
    for site in model.flow.of("loopBreak", "loopContinue"):
        if not site.loops:
            yield RULE.found(f"{site.kind} stands outside of a loop", "remove it", site.name)
    for site in model.flow.of("copy"):
        if site.inputs and site.inputs[:1] == site.outputs[:1]:
            yield RULE.found("copies a blob onto itself", "remove it", site.name)
