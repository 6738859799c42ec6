"""Models that are no single file, by the libraries that wrote them, or in the layout of older ones.

What an older library would have written is made here from a file that it did write, or from the
same thing by a later one: no TensorFlow before 2.12 and no Keras before 3 runs where these were
made. The documentation of each says what is moved.
"""

import json
import shutil
import zipfile

import h5py
import numpy as np

from converter.keras_file import storage
from tests.paths import ZOO

FORMS = ZOO / "forms"


def folder(name, place):
    """Return the SavedModel of a zip of `FORMS`, unpacked to `place`."""
    with zipfile.ZipFile(FORMS / f"{name}.zip") as archive:
        archive.extractall(place)
    return place / "model"


def folder_of_24(name, place):
    """Return a SavedModel in the layout of TensorFlow 2.0 to 2.4.

    They had the metadata of each object beside its children, in ``saved_model.pb``.
    """
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.core.protobuf.saved_object_graph_pb2 import SavedUserObject

    path = folder(name, place)
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    root = saved.meta_graphs[0].object_graph_def.nodes[0]
    root.user_object.CopyFrom(SavedUserObject(identifier="_tf_keras_network", metadata=_root(path)))
    (path / "saved_model.pb").write_bytes(saved.SerializeToString())
    (path / "keras_metadata.pb").unlink()
    return path


def folder_of_20(name, place):
    """Return a SavedModel as ``tf.keras.experimental.export_saved_model`` of 1.13 to 2.0 wrote it.

    It has the architecture in ``assets``, as text, and no compile settings.
    """
    path = folder(name, place)
    told = storage.read_json(path).architecture
    architecture = {**told, "keras_version": "2.2.4-tf", "backend": "tensorflow"}
    (path / "assets").mkdir(exist_ok=True)
    (path / "assets" / "saved_model.json").write_text(json.dumps(architecture))
    (path / "keras_metadata.pb").unlink()
    return path


def _root(path):
    """Return the metadata of the model in the folder `path`: the longest text of its file."""
    octets = (path / "keras_metadata.pb").read_bytes()
    start = octets.index(b'{"name": "')
    return json.dumps(json.JSONDecoder().raw_decode(octets[start:].decode(errors="replace"))[0])


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
    "SavedModel, tf.keras 2.12": (
        "tf212_branching", lambda p: (folder("tf212_branching", p), None)),
    "SavedModel, tf.keras 2.15": (
        "tf215_branching", lambda p: (folder("tf215_branching", p), None)),
    "SavedModel, Sequential": ("tf215_plain", lambda p: (folder("tf215_plain", p), None)),
    "SavedModel, zipped": ("tf212_plain", lambda p: (FORMS / "tf212_plain.zip", None)),
    "SavedModel, layout of 2.0 to 2.4": (
        "tf215_branching", lambda p: (folder_of_24("tf215_branching", p), None)),
    "export_saved_model, layout of 1.13 to 2.0": (
        "tf215_plain", lambda p: (folder_of_20("tf215_plain", p), None)),
    "JSON and .h5, Keras 1.2.2": (
        "keras122_functional", lambda p: parts_of("keras122_functional.h5", p)),
    "JSON and .h5, Keras 2.2.4": (
        "keras224_sequential", lambda p: parts_of("keras224_sequential.h5", p)),
    "JSON and .h5, Keras 2.2.4 on Theano": (
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
