"""SavedModels for tests: those of the fixtures, and ones with another graph in them."""

from __future__ import annotations

import shutil
import zipfile

from converter.backend.saved_model import SavedModel
from tests.paths import ZOO

FORMS = ZOO / "forms"


def unpacked(name, folder):
    """Unpack a fixture into `folder`; return the SavedModel."""
    with zipfile.ZipFile(FORMS / f"{name}.zip") as archive:
        archive.extractall(folder)
    return folder / name


def message_of(place):
    """Return the message of the SavedModel at `place`."""
    message = SavedModel()
    message.ParseFromString((place / "saved_model.pb").read_bytes())
    return message


def changed(place, change):
    """Let `change` change the graph of the SavedModel at `place`, a ``MetaGraphDef``."""
    message = message_of(place)
    change(message.meta_graphs[0])
    (place / "saved_model.pb").write_bytes(message.SerializeToString())
    return place


def copied(place, folder):
    """Return a copy of the SavedModel `place` in `folder`."""
    return shutil.copytree(place, folder / "copy")
