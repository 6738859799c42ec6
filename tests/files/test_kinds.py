"""Files that are no models under the names of models: one line says what they are."""

import io
import zipfile

import pytest

from converter.coreml import mlmodel
from converter.errors import KerasFileError, ModelFileError
from converter.keras_file import read
from converter.validation.validate import validate_bytes


def zipped(*names):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return data.getvalue()


EXPORT = "model.save('model.keras')"

KINDS = {
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 124\n",
        "a Git LFS pointer", "run: git lfs pull",
    ),
    "html": (b"<!DOCTYPE html>\n<html lang='en'>", "an HTML page", "Download raw file"),
    "html after a comment": (b"\n <!-- saved -->\n<HTML><head>", "an HTML page", "download"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "an XML file", "download"),
    "architecture": (b'{"class_name": "Sequential"}', "a model's JSON, without weights", EXPORT),
    "json": (b'[{"a": 1}]', "a JSON file", EXPORT),
    "tflite": (b"\x1c\x00\x00\x00TFL3\x14\x00", "a TensorFlow Lite model", EXPORT),
    "onnx": (b"\x08\x07\x12\x07pytorch\x1a\x051.8", "an ONNX model", EXPORT),
    "onnx without a producer": (b"\x08\x0a:\xd4\x0f\x0a", "an ONNX model", EXPORT),
    "pickle": (b"\x80\x04\x95\x10\x00\x00", "a Python pickle", EXPORT),
    "pytorch": (zipped("archive/data.pkl", "archive/version"), "a PyTorch file", EXPORT),
    "safetensors": (b'\x40\x00\x00\x00\x00\x00\x00\x00{"__metadata__"', "safetensors", EXPORT),
    "gguf": (b"GGUF\x03\x00", "a GGUF file", EXPORT),
    "npy": (b"\x93NUMPY\x01\x00", "a NumPy array", EXPORT),
    "npz": (zipped("x.npy"), "a NumPy archive", EXPORT),
    "pdf": (b"%PDF-1.7\n", "a PDF document", "the file of the model"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", "a PNG picture", "the file of the model"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG picture", "the file of the model"),
    "gzip": (b"\x1f\x8b\x08\x00", "a gzip archive", "unpack"),
    "tar": (b"model/".ljust(257, b"\0") + b"ustar  \0", "a tar archive", "unpack"),
    "rar": (b"Rar!\x1a\x07\x01\x00", "a RAR archive", "unpack"),
    "package": (zipped("M.mlpackage/Manifest.json"), "a zipped Core ML package", "unpack"),
    "zipped model": (zipped("model/model.h5"), "a zip archive", "unpack"),
    "zip": (zipped("notes.txt"), "a zip archive without a model", "the file of the model"),
    "half a zip": (zipped("notes.txt")[:40], "damaged or truncated", "again"),
    "empty": (b"", "is empty", ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.mlmodel"])
def test_one_line_names_the_kind_and_what_to_do(kind, name, tmp_path):
    content, what, advice = KINDS[kind]
    path = tmp_path / name
    path.write_bytes(content)
    reader = mlmodel.read if name == "model.mlmodel" else read
    with pytest.raises((KerasFileError, ModelFileError)) as caught:
        reader(path)
    message = str(caught.value)
    assert what in message
    assert advice in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["lfs", "html", "pytorch", "tflite"])
def test_the_rules_name_the_kind_too(kind):
    content, what, advice = KINDS[kind]
    (finding,) = validate_bytes(content)
    assert what in finding.text()
    assert advice in finding.text()


def test_a_keras_file_called_mlmodel(tmp_path):
    for content, what in (
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (zipped("config.json"), "a .keras zip"),
    ):
        path = tmp_path / "model.mlmodel"
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=rf"is {what}.*; convert it first"):
            mlmodel.read(path)


@pytest.mark.parametrize("reader", [mlmodel.read, read])
def test_folders(reader, tmp_path):
    with pytest.raises((KerasFileError, ModelFileError), match="is a folder, not a"):
        reader(tmp_path)
    (tmp_path / "Manifest.json").touch()
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises((KerasFileError, ModelFileError), match=r"Core ML package|SavedModel"):
        reader(tmp_path)


def test_other_bytes_are_still_refused(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x08\x04\x12\x20\x0a")  # the start of a Core ML model
    with pytest.raises(KerasFileError, match=r"neither HDF5 nor .* but perhaps .*Core"):
        read(path)
