"""Files of the zoo with a change in what they say, and what is said about them."""

import json
import shutil

import h5py
import pytest

from converter.errors import KerasFileError
from converter.loading import load
from tests.paths import ZOO

HDF5 = ZOO / "tf215_hdf5.h5"
ZIP = ZOO / "keras305_zip.keras"


def refusal(path, **options):
    """Return the message with which `path` is refused."""
    with pytest.raises(KerasFileError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def with_architecture(tmp_path, change, source=HDF5):
    """Return a copy of an HDF5 fixture with its architecture changed by a function."""
    path = tmp_path / "changed.h5"
    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        architecture = json.loads(file.attrs["model_config"])
        change(architecture["config"]["layers"])
        file.attrs["model_config"] = json.dumps(architecture)
    return path
