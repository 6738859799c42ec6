"""The Python API: a Keras model, or a .mlmodel, in; an updatable Core ML model in memory out.

>>> import converter
>>> model = converter.convert("models/lenet.h5", layers=["dense_5", "dense_6"])
>>> model
<UpdatableModel 'lenet': dense_5, dense_6 learn by adam, 2.3 MB>
>>> [finding.text() for finding in model.validate()]
[]
>>> model.report.parity < 1e-5
True
"""

from __future__ import annotations

from converter.api.making import average, convert, load
from converter.api.model import UpdatableModel
from converter.api.options import Options
from converter.api.studying import study
from converter.errors import MakeUpdatableError
from converter.recipe import Choice, Metadata, Range

__all__ = [
    "Choice", "MakeUpdatableError", "Metadata", "Options", "Range", "UpdatableModel", "average",
    "convert", "load", "study",
]  # fmt: skip
