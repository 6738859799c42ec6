"""What there is to see of a model where Python shows it: a line, and a table in notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence

from converter.api.contents import Contents
from converter.coreml.contents import COLUMNS
from converter.coreml.figures import size_text


class Showing(Contents):
    """The part of an `UpdatableModel` that tells of it."""

    def __repr__(self) -> str:
        report = self.report
        by = f" learn by {report.update.optimizer}" if report.update else " learn"
        learn = f"{report.learning}{by}" if report.learning else "nothing learns"
        return f"<UpdatableModel '{self._name}': {learn}, {size_text(report.size)}>"

    def _repr_html_(self) -> str:
        """Return a table of the layers, for notebooks."""
        report = self.report
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        rows = "".join(
            _row(layer.cells(), "b" if layer.updatable else "span")
            for part in (report, *report.models)
            for layer in part.layers
        )
        facts = [
            f"inputs: {'; '.join(map(str, report.inputs))}",
            f"outputs: {'; '.join(map(str, report.outputs))}",
            f"loss: {report.loss}; optimizer: {report.update.optimizer}"
            if report.update
            else f"learns {report.learning}",
            "parity: not checked"
            if report.parity is None
            else f"parity: {report.parity:.1e}{report.caution}",
            *report.notes,
        ]
        listed = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts)
        title = html.escape(repr(self))
        return f"<p>{title}</p><table><tr>{head}</tr>{rows}</table><ul>{listed}</ul>"


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<td><{tag}>{html.escape(c)}</{tag}></td>' for c in cells)}</tr>"
