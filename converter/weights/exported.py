"""The weights that the generated Swift trainer exports, ``exportWeights(to:)``, as JSON.

``{"format": "make-updatable weights 1", "digest": …, "tensors": [{"layer": …, "parameter":
"weights" or "biases", "values": …}]}``: `digest` tells which shipped model they belong to, `values`
are float32, little-endian, in Core ML's order, in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import numpy as np

from converter.coreml.kinds import PARAMETER_KEYS
from converter.coreml.mlmodel import Floats
from converter.errors import DataError

FORMAT = "make-updatable weights 1"


def learned(data: bytes, digest: str) -> dict[tuple[str, str], Floats]:
    """Return the values in the exported file `data`, by layer and field.

    Raises:
        DataError: it is no such file, or was exported from another model than that with `digest`.
    """
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise DataError(
            "is neither a .mlmodelc folder nor what exportWeights(to:) or exportModel(to:) of the "
            "generated trainer has written"
        )
    if said.get("digest") != digest:
        raise DataError(
            f"was exported from another model ({said.get('digest')!r:.20}) than the shipped one "
            f"('{digest}'); give the file that the app was built with"
        )
    stored = said.get("tensors")
    if not isinstance(stored, list):
        raise DataError("holds no tensors; export it again")
    found: dict[tuple[str, str], Floats] = {}
    for tensor in stored:
        key, values = _tensor(tensor)
        if key in found:
            raise DataError(f"holds the {key[1]} of layer '{key[0]}' twice; export it again")
        found[key] = values
    return found


def _tensor(stored: Any) -> tuple[tuple[str, str], Floats]:
    try:
        layer, field = str(stored["layer"]), PARAMETER_KEYS[stored["parameter"]]
        values = np.frombuffer(base64.b64decode(stored["values"], validate=True), "<f4")
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise DataError("holds a tensor that is not as it was written; export it again") from error
    return (layer, field), values
