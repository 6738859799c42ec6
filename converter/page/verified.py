"""What `verify` has found by taking the same update steps in Keras and in the Core ML model."""

from __future__ import annotations

from markupsafe import Markup

from converter.page.document import Section
from converter.page.parts import STYLE, facts, joined, table
from converter.proof.update import PREDICTION_TOLERANCE, Verification, folded_text


def verification(result: Verification, tolerance: float) -> Section:
    """Return the section for update steps that were taken in Core ML's form and in Keras."""
    verdict = "PASS" if result.passed(tolerance) else "FAIL"
    given = ""
    if result.compressed is not None:
        given = f"; {result.compressed:.1e} by the frozen part in fewer bits"
    told = [
        ("verdict", f"{verdict}: the updates differ by {result.update:.1e} "
         f"(allowed {tolerance:.0e})"),
        ("predictions", f"differ by {result.predictions:.1e} of their range "
         f"(allowed {PREDICTION_TOLERANCE:.0e}{given}; {result.ending})"),
        ("update steps", f"{result.steps} of {result.samples} samples each"),
    ]  # fmt: skip
    if result.folded:
        told.append(("folded", folded_text(result.folded)))
    if result.remark:
        told.append(("note", result.remark))
    return Section("Compared with Keras", joined([facts(told), _tensors(result, tolerance)]), STYLE)


def _tensors(result: Verification, tolerance: float) -> Markup:
    rows = [
        [
            tensor.name, f"{tensor.movement:.1e}", f"{tensor.gradient:.1e}", f"{tensor.step:.1e}",
            "agrees" if tensor.difference <= tolerance else "DIFFERS",
        ]
        for tensor in result.tensors
    ]  # fmt: skip
    columns = ["tensor", "moved by", "gradient differs", "step differs", "verdict"]
    return table("What learns, tensor by tensor", columns, rows, columns[1:4])


def failure(message: str) -> Section:
    """Return the section for a comparison that has ended with an error."""
    return Section("Compared with Keras", facts([("verdict", f"FAIL: {message}")]), STYLE)
