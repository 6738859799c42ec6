"""Marshalled functions in Lambda layers: their bytes, looked at and never unpacked."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from converter.keras_file.content import Json


def code_bytes(function: Json) -> bytes | None:
    """Return the bytecode of a stored function, or None if the file has only its name.

    Keras 3 stores ``{"class_name": "__lambda__", "config": {"code": ...}}``, earlier versions a
    list that begins with the code: base64, or in Keras 1 the bytes as characters.
    """
    if isinstance(function, Mapping) and function.get("class_name") == "__lambda__":
        stored = function["config"]["code"]
    elif isinstance(function, list):
        stored = function[0]
    else:
        return None
    try:
        return binascii.a2b_base64(stored.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        code: bytes = stored.encode("raw_unicode_escape")
        return code


def without_code(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return class and arguments of the layer that computes what a Lambda of Keras itself did.

    There is one: up to TensorFlow 2.11, InceptionResNetV2 of ``keras.applications`` added its
    residuals in a Lambda, x + scale * y. Bytecode names the file that it was compiled from.
    """
    code = code_bytes(config.get("function"))
    arguments = config.get("arguments") or {}
    if code is None or b"applications/inception_resnet_v2.py" not in code.replace(b"\\", b"/"):
        return None
    if set(arguments) != {"scale"}:
        return None
    return "CustomScaleLayer", {"name": config["name"], "scale": arguments["scale"]}
