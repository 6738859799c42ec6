"""What a device saved goes into the shipped model, and nothing that cannot be checked does."""

import base64
import json
import plistlib
import struct

import numpy as np
import pytest

from converter.coreml import mlmodel
from converter.errors import DataError
from converter.swift.trainer import digest
from converter.weights import tensors
from converter.weights.adopting import adopt
from tests.pipelines import in_pipeline
from tests.runtime.updatable import digits
from tests.weights import espresso
from tests.weights.test_average import personal


@pytest.fixture(scope="module")
def shipped():
    return digits(layers=("dense", "head"))


@pytest.fixture(scope="module")
def trained():
    return personal(1)


@pytest.fixture
def folder(trained, tmp_path):
    return espresso.write(trained, tmp_path / "Personal.mlmodelc")


@pytest.mark.parametrize("long_biases", [True, False])
def test_what_learned_is_taken_over_to_the_bit(long_biases, shipped, trained, tmp_path):
    before = shipped.SerializeToString()
    folder = espresso.write(trained, tmp_path / "p.mlmodelc", long_biases)
    assert adopt(shipped, folder) == trained
    assert shipped.SerializeToString() == before


def test_a_pipeline_has_a_folder_for_each_member(shipped, trained, tmp_path):
    def piped(inner):
        spec = in_pipeline(inner, ["features", "learning"])
        spec.pipeline.models[0].neuralNetwork.CopyFrom(digits().neuralNetwork)
        return spec

    folder = espresso.write(piped(trained), tmp_path / "p.mlmodelc")
    assert adopt(piped(shipped), folder) == piped(trained)


def test_labels_are_compared(tmp_path):
    from tests.converting import convert, small_cnn

    first, _ = convert(small_cnn(3), tmp_path, classes=["cat", "dog", "owl"], verify=False)
    folder = espresso.write(personal(1, first), tmp_path / "p.mlmodelc")
    assert adopt(first, folder) == first
    first.neuralNetworkClassifier.stringClassLabels.vector[:] = ["cat", "owl", "dog"]
    with pytest.raises(DataError, match=r"coremldata\.bin: does not hold the class labels"):
        adopt(first, folder)


def changed_json(name, change):
    def damage(folder):
        path = folder / name
        said = json.loads(path.read_text())
        change(said)
        path.write_text(json.dumps(said))

    return damage


def net(change):
    return changed_json("model.espresso.net", change)


def octets(place, value):
    def damage(folder):
        path = folder / "model.espresso.weights"
        data = bytearray(path.read_bytes())
        data[place] = value
        path.write_bytes(data)

    return damage


def longer(folder):
    with (folder / "model.espresso.weights").open("ab") as file:
        file.write(b"\0")


def shorter(folder):
    path = folder / "model.espresso.weights"
    path.write_bytes(path.read_bytes()[:-4])


def without(name):
    return lambda folder: (folder / name).unlink()


def not_a_number(folder):
    path = folder / "model.espresso.weights"
    data = path.read_bytes()
    path.write_bytes(data[:-4] + struct.pack("<f", float("nan")))


def enormous(folder):
    with (folder / "model.espresso.weights").open("r+b") as file:
        file.truncate(2**33)


DAMAGE = {
    "no weights": (without("model.espresso.weights"), "model.espresso.weights is missing"),
    "no net": (without("model.espresso.net"), "model.espresso.net is missing"),
    "no description": (without("coremldata.bin"), "coremldata.bin is missing"),
    "no layers": (net(lambda n: n.pop("layers")), "net: holds no layers"),
    "another version": (net(lambda n: n.update(format_version=300)), "net: is of version 300"),
    "layer missing": (net(lambda n: n["layers"].pop(0)), "does not have the layers with weights"),
    "layer renamed": (
        net(lambda n: n["layers"][0].update(name="c")), "does not have the layers with weights",
    ),
    "order": (net(lambda n: n["layers"].reverse()), "does not have the layers with weights"),
    "half precision": (
        net(lambda n: n["layers"][0].update(blob_weights_f16=3)), "layer 'conv' is not that of the",
    ),
    "other sizes": (
        net(lambda n: n["layers"][0].update(C=5)), "layer 'conv' is not that of the shipped model",
    ),
    "other blob": (
        net(lambda n: n["layers"][0].update(blob_weights=5)), "layer 'conv' is not that of the",
    ),
    "number of blobs": (octets(0, 3), "does not hold 12 blobs"),
    "index of a blob": (octets(8 + 16, 7), "blob 1 has 16 bytes, where the bias of layer 'conv'"),
    "size of a blob": (octets(8 + 24, 20), "blob 1 has 20 bytes, where the bias of layer 'conv'"),
    "enormous blob": (octets(8 + 31, 255), "blob 1 has .* bytes, where the bias"),
    "not aligned": (octets(8 + 8, 8), "blob 0 has 8 bytes, where .* would be aligned by"),
    "padding": (octets(8 + 12 * 16 + 1, 1), "has more than zeros between"),
    "longer": (longer, "larger than the shipped model can make it|goes on too long"),
    "shorter": (shorter, "is cut off"),
    "frozen": (octets(260, 77), "the frozen bias of layer 'conv' are not those of the shipped"),
    "no number": (not_a_number, "holds a value in the weights of layer 'head' that is no finite"),
    "enormous": (enormous, "weights: is larger than the shipped model can make it"),
    "no JSON": (lambda f: (f / "model.espresso.net").write_bytes(b"\xff"), "net: is not JSON"),
    "other kind": (
        changed_json("metadata.json", lambda m: m[0]["modelType"].update(name="MLModelType_svm")),
        "metadata.json: is that of a 'MLModelType_svm'",
    ),
    "other input": (
        lambda f: (f / "coremldata.bin").write_bytes(b"image"), "does not describe the first input",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_folder_that_is_not_the_shipped_model_is_refused(name, shipped, folder):
    damage, words = DAMAGE[name]
    damage(folder)
    with pytest.raises(DataError, match=words) as error:
        adopt(shipped, folder)
    assert str(error.value).startswith(str(folder))
    assert "\n" not in str(error.value)


def test_layers_whose_place_is_not_known_are_refused(shipped, folder):
    spec = mlmodel.parse(shipped.SerializeToString(), "")
    spec.neuralNetwork.layers[1].batchnorm.gamma.floatValue[:] = [1] * 4
    with pytest.raises(DataError, match=r"layer 'relu' is of a kind whose weights are not known"):
        adopt(spec, folder)


def exported(shipped, trained, **changes):
    keys = {"weights": "weights", "bias": "biases"}
    parts = [
        {"layer": t.layer.name, "parameter": keys[t.field],
         "values": base64.b64encode(t.values().tobytes()).decode()}
        for t in tensors.tensors(trained)
    ]  # fmt: skip
    said = {"format": "make-updatable weights 1", "digest": digest(shipped), "tensors": parts}
    return said | changes


def test_exported_weights_are_taken_over_to_the_bit(shipped, trained, tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(exported(shipped, trained)))
    assert adopt(shipped, path) == trained


def test_an_exported_model_is_taken_over_to_the_bit(shipped, trained, folder, tmp_path):
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    path = tmp_path / "personal"
    said = {"digest": digest(shipped), "files": files}
    path.write_bytes(plistlib.dumps(said, fmt=plistlib.FMT_BINARY))
    assert adopt(shipped, path) == trained
    path.write_bytes(plistlib.dumps(said | {"digest": "other"}, fmt=plistlib.FMT_BINARY))
    with pytest.raises(DataError, match="was exported from another model"):
        adopt(shipped, path)


def tensor(**changes):
    return lambda said: said["tensors"][0].update(changes)


EXPORTS = {
    "other format": (lambda said: said.update(format="x"), "is neither a .mlmodelc folder nor"),
    "other model": (
        lambda said: said.update(digest="abc"),
        "was exported from another model",
    ),
    "no tensors": (lambda said: said.pop("tensors"), "holds no tensors"),
    "missing": (lambda said: said["tensors"].pop(), "lacks the bias of layer 'head'"),
    "twice": (lambda said: said["tensors"].append(said["tensors"][0]), "of layer 'dense' twice"),
    "unknown": (tensor(layer="x"), "lacks the weights of layer 'dense'"),
    "parameter": (tensor(parameter="gamma"), "holds a tensor that is not as it was written"),
    "no base64": (tensor(values="!"), "holds a tensor that is not as it was written"),
    "odd length": (tensor(values="AAA="), "holds a tensor that is not as it was written"),
    "other size": (tensor(values="AAAAAA=="), "holds 1 weights of layer 'dense', which has 10816"),
    "no text": (tensor(values=3), "holds a tensor that is not as it was written"),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_that_do_not_fit_are_refused(name, shipped, trained, tmp_path):
    change, words = EXPORTS[name]
    said, path = exported(shipped, trained), tmp_path / "weights.json"
    change(said)
    path.write_text(json.dumps(said))
    with pytest.raises(DataError, match=words):
        adopt(shipped, path)


def test_numbers_that_are_none_are_not_adopted(shipped, trained, tmp_path):
    path = tmp_path / "weights.json"
    values = base64.b64encode(np.full(10816, np.inf, "<f4").tobytes()).decode()
    said = exported(shipped, trained)
    said["tensors"][0]["values"] = values
    path.write_text(json.dumps(said))
    with pytest.raises(DataError, match="holds a value in the weights of layer 'dense'"):
        adopt(shipped, path)


def test_anything_else_is_named(shipped, tmp_path):
    for name, content in (("a.txt", b"hello"), ("b.plist", b"bplist00rubbish")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=r"is neither a \.mlmodelc folder|that is damaged"):
            adopt(shipped, tmp_path / name)
    with pytest.raises(DataError, match="there is no such file"):
        adopt(shipped, tmp_path / "none")
