"""coremltools, imported quietly and after our own TensorFlow settings.

Rooms that convert write ``from converter.backend.coremltools import NeuralNetworkBuilder``; the
import takes seconds, so light rooms never come here (`converter.coreml.mlmodel` reads models).
"""

from __future__ import annotations

import logging

from converter.backend.tensorflow import importing

# Before the import: it warns of every TensorFlow newer than itself, and away from a Mac of every
# part of Core ML. Muting file descriptor 2 would miss where a notebook or a test put `sys.stderr`.
logging.getLogger("coremltools").setLevel(logging.ERROR)

with importing():
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813
    from coremltools.converters.mil import register_tf_op
    from coremltools.models import datatypes
    from coremltools.models.nearest_neighbors import KNearestNeighborsClassifierBuilder
    from coremltools.models.neural_network import AdamParams, NeuralNetworkBuilder, SgdParams

__all__ = [
    "AdamParams",
    "KNearestNeighborsClassifierBuilder",
    "NeuralNetworkBuilder",
    "SgdParams",
    "ct",
    "datatypes",
    "mb",
    "register_tf_op",
]
