"""Lambda layers of files that the user trusts: the only place where code from a file is run."""

from __future__ import annotations

import marshal
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from converter.backend.tensorflow import keras, tf
from converter.errors import KerasFileError
from converter.keras_file import Json
from converter.keras_file.bytecode import code_bytes

PROBE = """
import marshal, sys
from types import FunctionType
class Anything:
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    __getitem__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __call__
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __matmul__ = __neg__ = __call__
class Names(dict):
    def __missing__(self, name): return Anything()
code = marshal.loads(sys.stdin.buffer.read())
cells = tuple(type((lambda x: lambda: x)(0).__closure__[0])(Anything()) for _ in code.co_freevars)
function = FunctionType(code, Names(), closure=cells)
try: function(*[Anything()] * code.co_argcount)
except Exception: pass
"""
"""Unpacks and runs a function in a process of its own, on an object that allows any arithmetic."""


def lambda_layer(arguments: Mapping[str, Any]) -> Any:
    """Return the Keras Lambda that a trusted file describes.

    Raises:
        KerasFileError: the function is not in the file, or another Python compiled it.
    """
    function = _function(arguments["function"])
    settings = arguments.get("arguments") or {}
    return keras.layers.Lambda(function, arguments=settings, name=arguments["name"])


def _function(stored: Json) -> Callable[..., Any]:
    """Return the function of the three notations: a dictionary, a list of parts, or a name."""
    code = code_bytes(stored)
    if code is None:
        name = stored.get("config") if isinstance(stored, Mapping) else stored
        registered = keras.saving.get_registered_object(name)
        if registered is None:
            raise KerasFileError(f"calls the function {name!r}, whose code is not in the file")
        found: Callable[..., Any] = registered
        return found
    _check_version(code)
    if isinstance(stored, list):
        _, defaults, closure = stored
    else:
        defaults, closure = (stored["config"][key] for key in ("defaults", "closure"))
    names = {"tf": tf, "keras": keras, "K": keras.backend, "ops": keras.ops, "np": keras.ops}
    cells = tuple(_cell(value) for value in closure or ())
    given = tuple(defaults) if defaults else None
    return FunctionType(marshal.loads(code), names, "lambda", given, cells)


def _cell(value: Any) -> Any:
    cells: Any = (lambda: value).__closure__
    return cells[0]


def _check_version(code: bytes) -> None:
    """Refuse bytecode of another Python, which could end this process without a word."""
    probe = subprocess.run(
        [sys.executable, "-I", "-c", PROBE], input=code, capture_output=True, timeout=60
    )
    if probe.returncode:
        raise KerasFileError(
            "holds code that another version of Python compiled, and this one cannot run; "
            "save the model again without the Lambda"
        )
