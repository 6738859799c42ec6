"""HDF5 is read by a process of its own: what that costs nobody, and what it keeps away."""

import os
import signal
import threading
import zipfile

import h5py
import numpy as np
import pytest

from converter import keras_file
from converter.errors import KerasFileError
from converter.keras_file import reader
from converter.keras_file.content import all_groups
from tests.keras_file.damage import LOOPS, changed
from tests.paths import ZOO

HDF5 = ZOO / "tf215_hdf5.h5"
ZIP = ZOO / "keras305_zip.keras"


def arrays_of(path):
    with keras_file.open_arrays(path) as arrays:
        return {
            name: array[()] for group in all_groups(arrays.root) for name, array in group.arrays
        }


def refusal(path):
    with pytest.raises(KerasFileError) as caught:
        keras_file.read(path)
    return str(caught.value)


CRASHES = "keras224_dense_vector.h5", {373: 128, 857: 229}
"""It reads this attribute from memory that is not its own."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "octets"), [LOOPS, CRASHES], ids=["loops", "crashes"])
def test_a_library_that_loops_or_crashes_ends_in_one_line(tmp_path, monkeypatch, name, octets):
    monkeypatch.setattr(reader, "SECONDS", 1.0)
    message = refusal(changed(tmp_path, name, octets))
    assert "is damaged: the HDF5 library crashed, or took longer than 1 s" in message
    assert keras_file.read(ZOO / name).model.layers  # the next file is read again


def test_a_loop_is_interrupted(tmp_path):
    path = changed(tmp_path, *LOOPS)
    interrupting = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        keras_file.read(path)
    assert keras_file.read(ZOO / LOOPS[0]).model.layers


def test_arrays_are_read_however_they_are_stored(tmp_path):
    with h5py.File(HDF5) as file:
        names = []
        file["model_weights"].visit(names.append)
        wanted = {
            name: file["model_weights"][name][()]
            for name in names
            if isinstance(file["model_weights"][name], h5py.Dataset)
        }
    path = tmp_path / "stored.h5"
    path.write_bytes(HDF5.read_bytes())
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        for number, (name, array) in enumerate(wanted.items()):
            del group[name]
            how = ({"chunks": True, "compression": "gzip"}, {"dtype": ">f4"}, {})[number % 3]
            group.create_dataset(name, data=array, **how)
    found = arrays_of(path)
    assert len(found) == len(wanted) == 6
    for name, array in found.items():
        (stored,) = (value for key, value in wanted.items() if key.endswith(name))
        np.testing.assert_array_equal(array, stored)


def test_a_compressed_zip_has_the_same_arrays(tmp_path):
    path = tmp_path / "packed.keras"
    with zipfile.ZipFile(ZIP) as source, zipfile.ZipFile(path, "w") as target:
        for info in source.infolist():
            target.writestr(info.filename, source.read(info), zipfile.ZIP_DEFLATED)
    found, wanted = arrays_of(path), arrays_of(ZIP)
    assert list(found) == list(wanted)
    for name, array in found.items():
        np.testing.assert_array_equal(array, wanted[name])


def test_arrays_that_are_no_numbers_are_refused(tmp_path):
    path = tmp_path / "words.h5"
    path.write_bytes(HDF5.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["model_weights/dense_6/dense_6/bias:0"]
        file["model_weights/dense_6/dense_6/bias:0"] = ["a", "b", "c"]
    with pytest.raises(KerasFileError, match=r"holds object instead of numbers in .*bias:0"):
        arrays_of(path)


def test_a_file_that_ends_before_its_array_is_refused(tmp_path):
    path = tmp_path / "short.h5"
    path.write_bytes(HDF5.read_bytes())
    with keras_file.open_arrays(path) as arrays:
        array = arrays.root.children["dense_5"].arrays[0][1]
        os.truncate(path, array.offset + 8)
        with pytest.raises(KerasFileError, match="is damaged or truncated"):
            array[()]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (b"PK\x01\x02\x14\x03", b"PK\x01\x02\x14\x03\x63"),  # needs version 9.9 to unpack
        (b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x63"),
        (b"PK\x01\x02\x14\x03\x14\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
    ],
    ids=["version", "compression", "encrypted"],
)
def test_zips_of_an_unknown_kind_are_refused(tmp_path, place, value):
    data = ZIP.read_bytes()
    start = data.index(place)
    path = tmp_path / ZIP.name
    path.write_bytes(data[:start] + value + data[start + len(value) :])
    assert refusal(path).startswith("is a zip of a version or compression that is not known here")


def test_an_absurdly_long_configuration_is_not_unpacked(tmp_path):
    path = tmp_path / "blank.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (2**24 + 1))
    assert refusal(path) == "its configuration is longer than 17 MB, which no model needs"


def test_an_absurdly_long_attribute_is_not_parsed(tmp_path):
    path = tmp_path / "blank.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = "{}" + " " * 2**24
    assert refusal(path) == "its configuration is longer than 17 MB, which no model needs"
