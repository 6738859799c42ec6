"""The process in which the HDF5 library runs: a damaged file may crash it, or never let it return.

It answers one request after the other: a line of JSON comes in, a line of JSON goes out, and behind
it the bytes of an array if one was asked for. `reader` is the other end.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from converter.errors import KerasFileError
from converter.keras_file import hdf5
from converter.keras_file.content import READY, Group
from converter.keras_file.zipped import FilePart

NUMBERS = "biufc"
"""Kinds of NumPy's data types that arrays of weights can have."""


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the other end
    with os.fdopen(os.dup(1), "wb") as answers, Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # whatever a library prints must not come between answers
        importlib.import_module("h5py")
        _send(answers, READY)
        for line in sys.stdin.buffer:
            request = json.loads(line)
            request["given"] = sys.stdin.buffer.read(request["bytes"])
            # A thread of its own, which no loop in the library can keep from ending the process.
            faulthandler.dump_traceback_later(request["seconds"], exit=True, file=nowhere)
            found, octets = _answer(request)
            faulthandler.cancel_dump_traceback_later()
            head = json.dumps({**found, "bytes": len(octets)}).encode() + b"\n"
            _send(answers, head, octets)


def _send(answers: BinaryIO, *parts: bytes | memoryview) -> None:
    answers.writelines(parts)
    answers.flush()


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], memoryview]:
    nothing = memoryview(b"")
    try:
        if request["wanted"] == "put":
            hdf5.put_array(Path(request["path"]), request["name"], request["given"])
            return {"found": None}, nothing
        with _opened(request) as file:
            if request["wanted"] == "texts":
                return {"found": hdf5.model_texts(file)}, nothing
            if request["wanted"] == "array":
                return {"found": None}, memoryview(file[request["name"]][()].tobytes())
            arrays = hdf5.stored_arrays(file)
            return {"found": {**vars(arrays), "root": _described(arrays.root)}}, nothing
    except KerasFileError as error:
        return {"error": str(error)}, nothing


@contextmanager
def _opened(request: dict[str, Any]) -> Iterator[Any]:
    path = Path(request["path"])
    if request["size"] is None:
        with hdf5.open_hdf5(path) as file:
            yield file
        return
    with path.open("rb") as whole:
        part = FilePart(whole, request["start"], request["size"])
        with hdf5.open_hdf5(part) as file:
            yield file


def _described(group: Group) -> dict[str, Any]:
    """Return `group` as JSON, each array as `reader.StoredArray` takes it."""
    return {
        "name": group.name,
        "arrays": [[name, _array(dataset)] for name, dataset in group.arrays],
        "children": {name: _described(child) for name, child in group.children.items()},
    }


def _array(dataset: Any) -> dict[str, Any]:
    """Return where an array lies in the file; no offset if the library has to put it together."""
    import h5py

    dtype = dataset.dtype
    if dtype.kind not in NUMBERS or dtype.subdtype:
        raise KerasFileError(f"holds {dtype} instead of numbers in {dataset.name}")
    plain = (
        dataset.chunks is None
        and not dataset.external
        and h5py.h5t.py_create(dtype, logical=True) == dataset.id.get_type()
    )
    return {
        "name": dataset.name,
        "shape": list(dataset.shape),
        "dtype": dtype.str,
        "offset": dataset.id.get_offset() if plain else None,
    }
