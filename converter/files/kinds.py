"""What a file is that was taken for a model, told by its first bytes: for error messages."""

from __future__ import annotations

import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from converter.errors import MakeUpdatableError

LOOKED_AT = 1024
"""Bytes of the start of a file that are looked at."""

EXPORT_AGAIN = "save the model with Keras: model.save('model.keras')"
NOT_A_MODEL = "give the file of the model"
DOWNLOAD = "download the file itself (on GitHub: 'Download raw file')"
UNPACK = "unpack it and give the model inside"

STARTS: tuple[tuple[bytes, str, str], ...] = (
    (rb"version https://git-lfs\.github\.com/spec/", "a Git LFS pointer", "run: git lfs pull"),
    (rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|script)\b", "an HTML page", DOWNLOAD),
    (rb"\s*<(\?xml|[A-Za-z])", "an XML file, perhaps the answer of a web server", DOWNLOAD),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras models are", "convert it first"),
    (rb"....TFL3", "a TensorFlow Lite model, which cannot be trained", EXPORT_AGAIN),
    (rb"\x08[\x01-\x20](\x3a|\x42|\x12[\x03-\x40][ -~]{3})", "an ONNX model", EXPORT_AGAIN),
    (rb"\x80[\x02-\x05]", "a Python pickle (PyTorch files may be)", EXPORT_AGAIN),
    (rb".{8}\{\s*\"", "a safetensors file, weights without a model", EXPORT_AGAIN),
    (rb"GGUF", "a GGUF file", EXPORT_AGAIN),
    (rb"\x93NUMPY", "a NumPy array", EXPORT_AGAIN),
    (rb"%PDF-", "a PDF document", NOT_A_MODEL),
    (rb"\x89PNG\r\n", "a PNG picture", NOT_A_MODEL),
    (rb"\xff\xd8\xff", "a JPEG picture", NOT_A_MODEL),
    (rb"GIF8[79]a", "a GIF picture", NOT_A_MODEL),
    (rb"\x1f\x8b", "a gzip archive", UNPACK),
    (rb"BZh[1-9]1AY", "a bzip2 archive", UNPACK),
    (rb"\xfd7zXZ\x00", "an xz archive", UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (rb".{257}ustar", "a tar archive", UNPACK),
    (
        rb"\s*\{\s*\"(class_name|config|module|backend|keras_version)\"\s*:",
        "a model's JSON, without weights",
        EXPORT_AGAIN,
    ),
    (rb"\s*[\[{]\s*([\"\[{\]}0-9-]|$)", "a JSON file", EXPORT_AGAIN),
)
"""How a file starts (a regular expression) -> what it is, and what to do. The first match counts.

Sources: the Git LFS, HDF5, FlatBuffers (TFL3), ONNX, pickle, safetensors, GGUF, NumPy, PDF, PNG,
JPEG, GIF, gzip, bzip2, xz, 7z, RAR and POSIX tar specifications.
"""

MEMBERS: tuple[tuple[Callable[[str], bool], str, str], ...] = (
    (lambda name: name == "config.json", "a .keras zip", "convert it first"),
    (lambda name: name.endswith("data.pkl"), "a PyTorch file", EXPORT_AGAIN),
    (lambda name: name.endswith("Manifest.json"), "a zipped Core ML package", UNPACK),
    (lambda name: name.endswith(".npy"), "a NumPy archive", EXPORT_AGAIN),
    (lambda name: name.endswith("saved_model.pb"), "a zipped SavedModel", "convert it first"),
    (lambda name: name.endswith((".h5", ".hdf5", ".keras", ".mlmodel")), "a zip archive", UNPACK),
)
"""A member of a zip -> what the zip is, and what to do."""


ZIP_ERRORS = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What ``zipfile`` has for a damaged zip, a version or compression that it does not know, and an
encrypted one."""


SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def special(path: Path) -> str | None:
    """Return "is a pipe; …" of what is no file and no folder: opening it might wait for ever."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # the one who opens it says so
        return None
    kind = next((kind for is_kind, kind in SPECIAL if is_kind(mode)), None)
    return f"is {kind}, not a file; save what it holds to a file first" if kind else None


def refuse_special(path: Path, kind: type[MakeUpdatableError]) -> None:
    """Raise a `kind` of error if `path` is no file and no folder."""
    if found := special(path):
        raise kind(f"{path}: {found}")


def described(file: BinaryIO) -> str | None:
    """Return "is an HTML page; download …" of a file that is no model, None if it is not known."""
    file.seek(0)
    start = file.read(LOOKED_AT)
    if not start:
        return "is empty; copy or save it again"
    if start.startswith(b"PK\x03\x04"):
        return _zip(file)
    for pattern, kind, advice in STARTS:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return f"is {kind}; {advice}"
    return None


def _zip(file: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except ZIP_ERRORS:
        return "is a damaged or truncated zip, or one of an unknown version; export it again"
    for belongs, kind, advice in MEMBERS:
        if any(map(belongs, names)):
            return f"is {kind}; {advice}"
    return f"is a zip archive without a model; {NOT_A_MODEL}"
