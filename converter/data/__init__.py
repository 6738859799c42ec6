"""Data as people have it: ``.npz`` archives, folders of images, the names of ``keras.datasets``.

Nothing is converted as a whole: arrays stay as they are stored, images stay files, and what a
mini-batch needs is scaled, turned into the model's layout or decoded when it is needed.
"""

from __future__ import annotations

from converter.data.arrays import Reading
from converter.data.layout import LAYOUTS, Layout
from converter.data.reading import (
    KERAS_DATASETS,
    Dataset,
    Unlabelled,
    held_out,
    read,
    read_inputs,
)

__all__ = [
    "KERAS_DATASETS",
    "LAYOUTS",
    "Dataset",
    "Layout",
    "Reading",
    "Unlabelled",
    "held_out",
    "read",
    "read_inputs",
]
