"""How an update counts: everything that can be done in more than one way, one row for each way.

`KERAS` is the default: what Keras does with the same numbers. `COREML` is what is known of Core ML,
and `arithmetic_of("coreml.json")` what was measured on a device.
"""

from __future__ import annotations

from converter.arithmetic.choice import COREML, KERAS, NAMED, OPTIONS, Arithmetic, Reduction
from converter.arithmetic.file import arithmetic_of, read, write

__all__ = [
    "COREML",
    "KERAS",
    "NAMED",
    "OPTIONS",
    "Arithmetic",
    "Reduction",
    "arithmetic_of",
    "read",
    "write",
]
