"""The exports of Teachable Machine, likenesses of a few weights: two classes, 16 x 16 pixels."""

import json
import shutil
import zipfile
from pathlib import Path

from tests.paths import FIXTURES, ZOO

LIKENESS = ZOO / "tf24_teachable.h5"
"""The model that all of them hold."""

HEAD = ("dense_1", "dense_2")
CLASSES = ("Kätzchen", "Class 2")
LABELS = "0 Kätzchen\r\n1 Class 2\r\n"

SAVED_MODEL = FIXTURES / "teachable" / "converted_savedmodel.zip"
TENSORFLOW_JS = FIXTURES / "teachable" / "tm-my-image-model.zip"
KERAS = FIXTURES / "teachable" / "converted_keras.zip"


def keras_folder(place, labels=LABELS, name="keras_model.h5"):
    """Return the folder `place` as the export for Keras, unpacked, with `labels`."""
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(LIKENESS, place / name)
    content = labels if isinstance(labels, bytes) else labels.encode()
    (place / "labels.txt").write_bytes(content)
    return place


def keras_zip(place, labels=LABELS, name="converted_keras.zip"):
    """Return the zip that the export for Keras is, in the folder `place`."""
    with zipfile.ZipFile(place / name, "w") as archive:
        archive.write(LIKENESS, "keras_model.h5")
        archive.writestr("labels.txt", labels)
    return place / name


def unpacked(export, place):
    """Return the folder `place` with what the zip `export` holds."""
    with zipfile.ZipFile(export) as archive:
        archive.extractall(place)
    return Path(place)


def with_metadata(place, **changed):
    """Return the export for TensorFlow.js in the folder `place`, its metadata `changed`."""
    unpacked(TENSORFLOW_JS, place)
    stored = json.loads((place / "metadata.json").read_text(encoding="utf-8"))
    stored = {key: value for key, value in {**stored, **changed}.items() if value is not None}
    (place / "metadata.json").write_text(json.dumps(stored), encoding="utf-8")
    return place


EVERY = {
    "keras zip": lambda place: KERAS,
    "keras folder": lambda place: keras_folder(place / "converted_keras"),
    "saved model zip": lambda place: SAVED_MODEL,
    "saved model folder": lambda place: unpacked(SAVED_MODEL, place / "converted_savedmodel"),
    "tensorflow.js zip": lambda place: TENSORFLOW_JS,
    "tensorflow.js folder": lambda place: unpacked(TENSORFLOW_JS, place / "my_model"),
    "tensorflow.js file": lambda place: unpacked(TENSORFLOW_JS, place / "m") / "model.json",
}
"""Each form of each export, made in a folder."""
