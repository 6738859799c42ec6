"""Models of TensorFlow.js to read and to damage: the zips of `fixtures/tensorflow_js`, unpacked."""

import json
import zipfile

from tests.paths import FIXTURES

PLACE = FIXTURES / "tensorflow_js"

TEACHABLE = "../teachable/tm-my-image-model"
"""The one that a browser would have written."""

SOURCES = {
    "float32": "tf24_teachable",
    "keras224": "keras224_sequential",
    "keras305": "keras305_zip",
    TEACHABLE: "tf24_teachable",
    "tf215": "tf215_hdf5",
}
"""Zip whose weights are float32 -> the Keras file that its model was read from."""

QUANTIZED = ("float16", "uint8", "some_uint16")


def unpacked(name, folder):
    """Unpack the zip `name` into `folder` and return it."""
    with zipfile.ZipFile(PLACE / f"{name}.zip") as archive:
        archive.extractall(folder)
    return folder


def change(folder, edit, name="model.json"):
    """Let `edit` change what the JSON file `name` in `folder` holds; return the folder."""
    stored = json.loads((folder / name).read_text(encoding="utf-8"))
    stored = edit(stored) or stored
    (folder / name).write_text(json.dumps(stored), encoding="utf-8")
    return folder
