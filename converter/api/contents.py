"""What an `UpdatableModel` holds, which each part of it works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.conversion.report import Report
from converter.coreml.mlmodel import Message
from converter.files.paths import Input
from converter.recipe import Recipe

if TYPE_CHECKING:
    from converter.runtime import History


@dataclass(frozen=True, repr=False, eq=False)
class Contents:
    """The model, and where it comes from; `UpdatableModel` says what each attribute is."""

    spec: Message
    report: Report
    recipe: Recipe | None
    _keras: Any = field(default=None)
    history: History | None = None
    _source: Path | None = None

    @property
    def _name(self) -> str:
        """What the file is called that the model was made of."""
        return (self._source or (self.recipe.model if self.recipe else Path("model"))).stem

    def _inputs(self) -> list[Input]:
        """Return the files that the model was made of."""
        if self._source is not None:
            return [Input("of load", self._source)]
        assert self.recipe is not None, "a converted model has one"
        if self._keras is None:
            return self.recipe.inputs()
        # The path of a live model is made up.
        return [each for each in self.recipe.inputs() if each.path != self.recipe.model]

    def _copied(self) -> Message:
        """Return a copy of the message, to change."""
        copy = type(self.spec)()
        copy.CopyFrom(self.spec)
        return copy
