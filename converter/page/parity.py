"""How far a converted model is from Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from converter.coreml.figures import size_text
from converter.page.document import Section
from converter.page.parts import STYLE, facts

if TYPE_CHECKING:
    from converter.conversion.report import Report


def parity(report: Report) -> Section:
    """Return the section for a conversion."""
    return Section("Compared with Keras", facts(_converted(report)), STYLE)


def _converted(report: Report) -> Iterator[tuple[str, str]]:
    if report.parity is None:
        yield "predictions", "not compared"
    else:
        yield "predictions", f"differ by {report.parity:.1e} of the range of Keras's output"
    if report.doubt:
        yield "this proves little", report.doubt
    if report.stored is not None:
        yield "parameters in Keras", str(report.parameters)
    if report.compression is not None:
        found = report.compression
        also = "" if found.parity is None else f"; its predictions differ by {found.parity:.1e}"
        yield "frozen weights", found.precision
        yield "with all in float32", f"{size_text(found.size)}{also}"
        if found.calibration is not None:
            yield "calibration", str(found.calibration)
