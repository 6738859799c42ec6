"""Models that are no single file, by the libraries that wrote them."""

import json
import shutil
import zipfile

import h5py
import numpy as np

from tests.paths import ZOO

FORMS = ZOO / "forms"


def folder(name, place):
    """Return the SavedModel of a zip of `FORMS`, unpacked to `place`."""
    with zipfile.ZipFile(FORMS / f"{name}.zip") as archive:
        archive.extractall(place)
    return place / "model"


def parts_of(name, place):
    """Return the architecture and the weights of a whole ``.h5`` of the zoo, each in a file.

    ``to_json`` of Keras 1 and 2 wrote what is in ``model_config`` of such a file, and
    ``save_weights`` what is in ``model_weights``.
    """
    architecture, weights = place / "architecture.json", place / "weights.h5"
    with h5py.File(ZOO / name) as whole, h5py.File(weights, "w") as part:
        stored = whole["model_weights"]
        for key in stored:
            whole.copy(stored[key], part)
        for key, value in stored.attrs.items():
            part.attrs[key] = value
        told = json.loads(whole.attrs["model_config"])
        version = whole.attrs.get("keras_version", stored.attrs.get("keras_version", b"1.2.2"))
    told["keras_version"] = version.decode() if isinstance(version, bytes) else version
    architecture.write_text(json.dumps(told))
    return architecture, weights


def copied(stem, place):
    """Return `stem`, a checkpoint or a file of `FORMS`, copied to `place`."""
    for path in FORMS.glob(f"{stem}*"):
        shutil.copy(path, place)
    return place / stem


def fixture(name):
    """Return the inputs and the predictions of the library that wrote a model."""
    with np.load((ZOO if (ZOO / f"{name}.npz").exists() else FORMS) / f"{name}.npz") as data:
        return [data[key] for key in sorted(data) if key[0] == "x"], data["y0"]


ROWS = {
    "export_saved_model, TensorFlow 1.15": (
        "tf115_branching", lambda p: (folder("tf115_branching", p), None)),
    "export_saved_model, Sequential, zipped": (
        "tf115_plain", lambda p: (FORMS / "tf115_plain.zip", None)),
    "SavedModel, Keras 2.3.0 in TensorFlow 2.2": (
        "tf22_branching", lambda p: (folder("tf22_branching", p), None)),
    "SavedModel, Sequential, Keras 2.3.0 in TensorFlow 2.2": (
        "tf22_plain", lambda p: (folder("tf22_plain", p), None)),
    "SavedModel, Keras 2.4.0 in TensorFlow 2.4": (
        "tf24_branching", lambda p: (folder("tf24_branching", p), None)),
    "SavedModel, Sequential, Keras 2.4.0 in TensorFlow 2.4": (
        "tf24_plain", lambda p: (folder("tf24_plain", p), None)),
    "SavedModel, tf.keras 2.12": (
        "tf212_branching", lambda p: (folder("tf212_branching", p), None)),
    "SavedModel, tf.keras 2.15": (
        "tf215_branching", lambda p: (folder("tf215_branching", p), None)),
    "SavedModel, Sequential": ("tf215_plain", lambda p: (folder("tf215_plain", p), None)),
    "SavedModel, zipped": ("tf212_plain", lambda p: (FORMS / "tf212_plain.zip", None)),
    "JSON and .h5, Keras 1.2.2": (
        "keras122_apart",
        lambda p: (FORMS / "keras122_apart.json", FORMS / "keras122_apart.h5")),
    "JSON and .h5, parts of a whole file of Keras 1.2.2": (
        "keras122_functional", lambda p: parts_of("keras122_functional.h5", p)),
    "JSON and .h5, Keras 2.3.1": (
        "keras231_apart",
        lambda p: (FORMS / "keras231_apart.json", FORMS / "keras231_apart.h5")),
    "JSON and .h5, parts of a whole file of Keras 2.2.4": (
        "keras224_sequential", lambda p: parts_of("keras224_sequential.h5", p)),
    "JSON and .h5, parts of a whole file on Theano": (
        "keras224_theano", lambda p: parts_of("keras224_theano.h5", p)),
    "JSON and .h5, tf.keras 2.15": (
        "tf215_apart", lambda p: (FORMS / "tf215_apart.json", FORMS / "tf215_apart_by_layer.h5")),
    "JSON and .weights.h5, tf.keras 2.15": (
        "tf215_apart", lambda p: (FORMS / "tf215_apart.json", FORMS / "tf215_apart.weights.h5")),
    "JSON and save_weights, tf.keras 2.15": (
        "tf215_apart", lambda p: (FORMS / "tf215_apart.json", FORMS / "tf215_apart_saved")),
    "JSON and Checkpoint, tf.keras 2.15": (
        "tf215_apart",
        lambda p: (FORMS / "tf215_apart.json", FORMS / "tf215_apart_checkpoint.index")),
    "JSON and .weights.h5, Keras 3.15": (
        "keras315_apart",
        lambda p: (FORMS / "keras315_apart.json", FORMS / "keras315_apart.weights.h5")),
    "JSON and Checkpoint, Keras 3.15": (
        "keras315_apart",
        lambda p: (FORMS / "keras315_apart.json", FORMS / "keras315_apart_checkpoint")),
}  # fmt: skip
"""Form and writer -> the name of inputs and predictions, and what gives model and weights."""
