"""Reading HDF5 through a process of its own, so that no damaged file can end or stop this one.

Of five thousand small models with a few random bytes changed, the HDF5 library loops for ever in
some and crashes in others; neither can be caught, nor interrupted. So the library reads in
a process that may die (`child`), within a time limit. It hands over texts, names, shapes and
places; the weights themselves are read from their places, without the library.

The process starts once, in a quarter of a second, and reads any number of files.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import math
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import KerasFileError, MissingDependencyError, install
from converter.keras_file.content import DAMAGED, READY, Arrays, Group, Place, Stored, parse

SECONDS = 30.0
"""How long the library may take for what is in a file; hundreds of layers take 0.2 s."""

SLOWEST = 10e6
"""Bytes per second at which an array is read at least."""

CODE = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from converter.keras_file.child import main
main()
"""


@dataclass(frozen=True)
class StoredArray:
    """An array still on disk, read by ``array[()]``.

    It lies `offset` bytes behind the start of `place`, or is called `name` there and only the
    library can put it together (in chunks, compressed).
    """

    place: Place
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int | None

    def __getitem__(self, key: tuple[()]) -> npt.NDArray[Any]:
        """Return the whole array.

        Raises:
            KerasFileError: the file ends before the array does, or is damaged otherwise.
        """
        count = math.prod(self.shape)
        size = count * self.dtype.itemsize
        if self.offset is None:
            _, octets = _reader.ask(self.place, "array", self.name, size)
            found = np.frombuffer(octets, self.dtype)
        else:
            with self.place.path.open("rb") as file:
                if self.offset + size > (self.place.size or os.fstat(file.fileno()).st_size):
                    raise KerasFileError(DAMAGED)
                found = np.fromfile(file, self.dtype, count, offset=self.place.start + self.offset)
        if found.size != count:
            raise KerasFileError(DAMAGED)
        return found.reshape(self.shape)


def prepare() -> None:
    """Start the process already, so that it is there when a file is to be read.

    Raises:
        MissingDependencyError: h5py is not installed.
    """
    _reader.start()


def model_json(place: Place) -> Stored:
    """Return the JSON of an HDF5 model file.

    Raises:
        KerasFileError: it holds no model, or is damaged: the library found it so, crashed, or did
            not return in time.
    """
    found = _reader.ask(place, "texts")[0]
    architecture, training = parse(found["architecture"]), parse(found["training"])
    return Stored(architecture, training, found["version"], found["backend"])


def arrays(place: Place) -> Arrays:
    """Return the arrays of an HDF5 file, of a model or of weights alone, still on disk.

    Raises:
        KerasFileError: as for `model_json`.
    """
    found = _reader.ask(place, "arrays")[0]
    return Arrays(**{**found, "root": _group(found["root"], place)})


def put(path: Path, name: str, array: npt.NDArray[Any]) -> None:
    """Let the array `name` in the HDF5 file `path` hold `array`, of its shape and type.

    Raises:
        KerasFileError: the file is damaged.
    """
    _reader.ask(Place(path), "put", name, given=array.tobytes())


def _group(found: dict[str, Any], place: Place) -> Group:
    return Group(
        found["name"],
        [(name, _array(stored, place)) for name, stored in found["arrays"]],
        {name: _group(child, place) for name, child in found["children"].items()},
    )


def _array(stored: dict[str, Any], place: Place) -> StoredArray:
    shape, dtype = tuple(stored["shape"]), np.dtype(stored["dtype"])
    return StoredArray(place, stored["name"], shape, dtype, stored["offset"])


class _Reader:
    """The process, started when it is first needed, and again when a file has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner, self._is_ready = 0, False
        self._lock = threading.Lock()
        atexit.register(self.end)

    def start(self) -> subprocess.Popen[bytes]:
        """Return the running process."""
        if self._process is not None and self._owner == os.getpid():
            return self._process
        if importlib.util.find_spec("h5py") is None:
            raise MissingDependencyError(f"reading Keras models needs h5py; {install('keras')}")
        paths = [str(Path(__file__).parents[2]), *sys.path]
        self._owner, self._is_ready = os.getpid(), False  # a fork of this process needs its own
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", CODE, json.dumps(paths)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self._process

    def end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        with suppress(OSError):  # of what was still to be sent to it
            process.communicate()

    def ask(
        self, place: Place, wanted: str, name: str = "", size: int = 0, given: bytes = b""
    ) -> tuple[Any, bytes]:
        """Return what the process finds in a file, and the `size` bytes of the array `name`.

        What is `given` goes there instead.
        """
        seconds = SECONDS + (size + len(given)) / SLOWEST
        request = {
            "path": str(place.path.absolute()), "start": place.start, "size": place.size,
            "wanted": wanted, "name": name, "seconds": seconds, "bytes": len(given),
        }  # fmt: skip
        with self._lock:
            try:
                line = json.dumps(request).encode() + b"\n"
                answer, octets = self._exchange(line + given)
            except (OSError, ValueError) as error:
                self.end()
                raise KerasFileError(
                    f"is damaged: the HDF5 library crashed, or took longer than {seconds:.0f} s; "
                    "copy or export it again"
                ) from error
            except BaseException:
                self.end()  # ^C: what it would answer now belongs to no question
                raise
        if "error" in answer:
            raise KerasFileError(answer["error"])
        return answer["found"], octets

    def _exchange(self, line: bytes) -> tuple[dict[str, Any], bytes]:
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        if not self._is_ready and process.stdout.readline() != READY:
            raise MissingDependencyError(
                "reading Keras models needs h5py, which does not start; see: python -c 'import "
                "h5py'"
            )
        self._is_ready = True
        process.stdin.write(line)
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        octets = process.stdout.read(answer["bytes"])
        if len(octets) != answer["bytes"]:
            raise ValueError("the answer ends too early")
        return answer, octets


_reader = _Reader()
