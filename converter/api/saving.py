"""Writing a model to a file, and what there is to see of it to a page."""

from __future__ import annotations

from pathlib import Path

from converter.api.contents import Contents
from converter.api.errors import naming_arguments
from converter.coreml import mlmodel
from converter.files.paths import MODEL_ENDING, PAGE_ENDING, Output, check_outputs
from converter.files.writing import write_bytes


class Saving(Contents):
    """The part of an `UpdatableModel` that writes files."""

    @naming_arguments
    def save(self, path: str | Path) -> Path:
        """Write the model to `path`, which ends in ``.mlmodel``; return it.

        Raises:
            OutputError: the file cannot be written, or is what the model was made of.
        """
        target = Path(path)
        check_outputs(self._inputs(), [Output("", target, MODEL_ENDING)])
        mlmodel.write(self.spec, target)
        return target

    @naming_arguments
    def save_page(self, path: str | Path) -> Path:
        """Write what there is to see of the model to `path`, an ``.html`` page; return it.

        It is one file that needs no network: its size by layer, its picture, what learns and how,
        what the rules find; how it compares with Keras, or how its training went.

        Raises:
            MissingDependencyError: what draws the page is not installed.
            OutputError: the file cannot be written, or is what the model was made of.
        """
        from converter.page import document
        from converter.page.model import core_ml_sections
        from converter.page.notes import notes
        from converter.page.parity import parity

        target = Path(path)
        check_outputs(self._inputs(), [Output("", target, PAGE_ENDING)])
        first, about = [], []
        if self.history is not None:
            from converter.page.training import training

            first = [training(self.history)]
        elif self._source is None:
            about = [parity(self.report)]
        sections = [
            *first,
            *core_ml_sections(self.spec, self.spec.ByteSize(), *about),
            *notes(self.report.notes),
        ]
        write_bytes(target, document(self._name, sections).encode())
        return target
