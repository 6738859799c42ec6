"""Layers models of TensorFlow.js: their weights are those of the library that wrote them."""

import json
import shutil

import numpy as np
import pytest

from converter import keras_file
from converter.errors import KerasFileError
from converter.keras_file.content import LARGEST_JSON, all_groups
from converter.keras_file.storage import TENSORFLOW_JS, form_of
from converter.keras_file.tensorflow_js import open_arrays, read_json
from converter.loading import load
from tests.keras_file.browser import PLACE, QUANTIZED, SOURCES, TEACHABLE, change, unpacked
from tests.loading.test_zoo import assert_equal_predictions, fixture


def stored_arrays(folder):
    with open_arrays(folder) as arrays:
        return {
            name: array[()] for group in all_groups(arrays.root) for name, array in group.arrays
        }


@pytest.mark.parametrize("name", SOURCES)
def test_predictions_are_those_of_the_keras_model(name):
    inputs, expected = fixture(SOURCES[name])
    loaded = load(PLACE / f"{name}.zip")
    assert_equal_predictions(loaded.model, inputs, expected)
    assert not any("quantized" in note for note in loaded.notes)


@pytest.mark.parametrize("name", [*QUANTIZED, "float32"])
def test_weights_are_what_the_reader_of_the_converter_gives(name, tmp_path):
    folder = unpacked(name, tmp_path)
    ours = stored_arrays(folder)
    with np.load(folder / "dequantized.npz") as theirs:
        assert ours.keys() == {key.replace("|", "/") for key in theirs}
        for key in theirs:
            assert ours[key.replace("|", "/")].dtype == theirs[key].dtype == "float32"
            np.testing.assert_array_equal(ours[key.replace("|", "/")], theirs[key])


def test_what_is_quantized_is_told():
    (note,) = load(PLACE / "some_uint16.zip").notes
    assert note.startswith("weights are quantized to uint16 in the file")


def test_the_json_under_any_name_and_its_folder_are_the_model(tmp_path):
    folder = unpacked("float32", tmp_path)
    inputs, expected = fixture(SOURCES["float32"])
    assert_equal_predictions(load(folder).model, inputs, expected)
    shutil.move(folder / "model.json", folder / "my model")
    assert form_of(folder / "my model") is TENSORFLOW_JS
    assert_equal_predictions(load(folder / "my model").model, inputs, expected)


def in_camel_case(stored):
    """Return `stored` as TensorFlow.js has it in memory."""
    if isinstance(stored, list):
        return [in_camel_case(part) for part in stored]
    if not isinstance(stored, dict):
        return stored
    turned = {}
    for key, value in stored.items():
        first, *others = key.split("_")
        camel = first + "".join(part.capitalize() for part in others)
        is_word = camel in ("padding", "dataFormat") and isinstance(value, str)
        words = value.split("_") if is_word else ()
        turned[camel] = (
            words[0] + "".join(word.capitalize() for word in words[1:])
            if words
            else in_camel_case(value)
        )
    return turned


def test_camel_case_is_read_as_snake_case(tmp_path):
    def edit(whole):
        whole["modelTopology"] = in_camel_case(whole["modelTopology"])

    folder = change(unpacked(TEACHABLE, tmp_path), edit)
    text = (folder / "model.json").read_text()
    assert '"className": "DepthwiseConv2D"' in text
    assert '"channelsLast"' in text
    assert "class_name" not in text
    inputs, expected = fixture(SOURCES[TEACHABLE])
    assert_equal_predictions(load(folder).model, inputs, expected)


def test_what_a_browser_compiled_is_read_by_keras_names(tmp_path):
    training = {
        "loss": "categorical_crossentropy",
        "metrics": ["acc"],
        "optimizer_config": {
            "class_name": "Momentum",
            "config": {"learningRate": 0.05, "momentum": 0.8, "useNesterov": True},
        },
    }
    folder = change(unpacked(TEACHABLE, tmp_path), lambda whole: {
        **whole, "trainingConfig": training, "userDefinedMetadata": {"by": "me"}
    })  # fmt: skip
    settings = load(folder).compile_settings
    assert (settings.optimizer, settings.loss) == ("SGD", "categorical_crossentropy")
    config = {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}
    assert settings.optimizer_config == config


def test_weights_of_an_optimizer_are_passed_over(tmp_path):
    folder = unpacked(TEACHABLE, tmp_path)
    before = stored_arrays(folder)
    with (folder / "weights.bin").open("ab") as file:
        file.write(np.arange(3, dtype="<f4").tobytes())
    extra = {"name": "Variable_1", "shape": [3], "dtype": "float32", "group": "optimizer"}
    change(folder, lambda whole: whole["weightsManifest"][0]["weights"].append(extra))
    assert stored_arrays(folder).keys() == before.keys()


def test_whole_numbers_and_truth_values_are_read(tmp_path):
    numbers = np.array([[0, 1], [200, 255]], "u1")
    (tmp_path / "w.bin").write_bytes(
        np.array([-7, 2**30], "<i4").tobytes() + b"\1\0" + numbers.tobytes()
    )
    affine = {"dtype": "uint8", "scale": 1.25, "min": -3.0}
    weights = [
        {"name": "dense/int", "shape": [2], "dtype": "int32"},
        {"name": "dense/bool", "shape": [2], "dtype": "bool"},
        {"name": "dense/both", "shape": [2, 2], "dtype": "int32", "quantization": affine},
    ]
    layers = [{"class_name": "Dense", "config": {"name": "dense"}}]
    (tmp_path / "model.json").write_text(json.dumps({
        "modelTopology": {"class_name": "Sequential", "config": {"layers": layers}},
        "weightsManifest": [{"paths": ["./w.bin"], "weights": weights}],
    }))  # fmt: skip
    found = stored_arrays(tmp_path)
    assert found["dense/int"].tolist() == [-7, 2**30]
    assert found["dense/bool"].tolist() == [True, False]
    assert found["dense/both"].tolist() == [[-3, -2], [247, 316]]  # of 315.75; JavaScript rounds
    assert found["dense/both"].dtype == "int32"


def test_layers_with_one_name_are_told_apart_by_their_models(tmp_path):
    dense = {
        "class_name": "Dense",
        "config": {"name": "dense", "units": 2, "use_bias": False, "batch_input_shape": [None, 2]},
    }
    models = [
        {"class_name": "Sequential", "config": {"name": name, "layers": [dense]}}
        for name in ("first", "second")
    ]
    kernels = {  # in another order than the layers
        "second/dense/kernel": [[1, 2], [3, 4]],
        "first/dense/kernel": [[5, 6], [7, 8]],
    }
    whole = {
        "modelTopology": {"class_name": "Sequential", "config": {"name": "m", "layers": models}},
        "weightsManifest": [{
            "paths": ["weights.bin"],
            "weights": [{"name": n, "shape": [2, 2], "dtype": "float32"} for n in kernels],
        }],
    }  # fmt: skip
    (tmp_path / "model.json").write_text(json.dumps(whole))
    (tmp_path / "weights.bin").write_bytes(np.array(list(kernels.values()), "<f4").tobytes())
    model = load(tmp_path).model
    assert model.layers[0].get_weights()[0].tolist() == kernels["first/dense/kernel"]
    assert model.layers[1].get_weights()[0].tolist() == kernels["second/dense/kernel"]


def test_upsampling_of_a_browser_is_not_taken_for_that_of_keras(tmp_path):
    folder = unpacked(TEACHABLE, tmp_path)
    layers = json.loads((folder / "model.json").read_text())["modelTopology"]["config"]["layers"]
    kinds = {"UpSampling2D": {"interpolation": "bilinear"}, "Resizing": {"height": 4, "width": 4}}
    for kind, config in kinds.items():
        up = {"class_name": kind, "config": {"name": "up", **config}}
        change(folder, lambda whole, up=up: whole["modelTopology"]["config"].update(
            layers=[*layers, up]
        ))  # fmt: skip
        with pytest.raises(
            KerasFileError, match=r"'up' .* which TensorFlow\.js computes different"
        ):
            keras_file.read(folder)
    up["config"]["interpolation"], up["class_name"] = "nearest", "UpSampling2D"
    change(folder, lambda whole: whole["modelTopology"]["config"].update(layers=[*layers, up]))
    assert keras_file.read(folder).model.layers[-1].name == "up"


def edit_weight(**changed):
    return lambda whole: whole["weightsManifest"][0]["weights"][0].update(changed)


def edit_paths(*paths):
    return lambda whole: whole["weightsManifest"][0].update(paths=list(paths))


def edit(**changed):
    return lambda whole: whole.update(changed)


affine = {"dtype": "uint8", "scale": float("nan"), "min": 0}

DAMAGED = {
    "missing shard": (edit_paths("no.bin"), "has weights in 'no.bin', which is not there"),
    "parent": (edit_paths("../weights.bin"), "in '../weights.bin', which is no file in its own"),
    "absolute": (edit_paths("/etc/passwd"), "'/etc/passwd', which is no file in its own folder"),
    "url": (edit_paths("https://a.b/w.bin"), "which is no file in its own folder"),
    "drive": (edit_paths("C:\\w.bin"), "which is no file in its own folder"),
    "no name": (edit_paths(""), "'', which is no file in its own folder"),
    "a number": (edit_paths(5), "in 5, which is no file in its own folder"),
    "a folder": (edit_paths("."), "which is no file in its own folder"),
    "no paths": (edit(weightsManifest=[{"weights": []}]), "None as paths in its weightsManifest"),
    "group": (edit(weightsManifest=[3]), "has 3 in its weightsManifest"),
    "no manifest": (edit(weightsManifest=None), "holds no weights"),
    "no names": (edit_weight(name=None), "a weight without a name"),
    "shape": (edit_weight(shape=[3, -1]), r"of shape \[3, -1\], which is none"),
    "truth as size": (edit_weight(shape=[True]), r"of shape \[True\], which is none"),
    "huge": (edit_weight(shape=[2**40, 2**20]), "bytes of weights by its weightsManifest, but"),
    "type": (edit_weight(dtype="float64"), "of the type 'float64'"),
    "type of no name": (edit_weight(dtype=["float32"]), "of the type"),
    "quantization": (edit_weight(quantization={"dtype": "int4"}), "which is not known"),
    "no mapping": (edit_weight(quantization=8), "quantized as 8, which is not known"),
    "scale": (edit_weight(quantization=affine), "without a scale and a min that are numbers"),
    "name": (edit_weight(name="other/kernel"), "a weight 'other/kernel', but no layer of that"),
    "twice": (edit_weight(name="dense_1/bias"), "names the weight 'dense_1/bias' twice"),
    "count": (edit_weight(name="dense_2/bias"), "2 weights, but the file holds 1 arrays for it"),
    "no topology": (edit(modelTopology=None), "holds weights of TensorFlow.js only"),
    "a text": (edit(modelTopology="x"), "holds weights of TensorFlow.js only"),
    "no model": (edit(modelTopology={}), "whose modelTopology describes no model"),
    "graph": (edit(format="graph-model"), "is a graph model of TensorFlow.js, in which nothing"),
    "nodes": (edit(modelTopology={"node": []}), "export its Keras model as a layers model"),
    "list": (lambda whole: [{"modelTopology": 1}], r"is a folder whose model\.json is a JSON file"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_wrong_is_said_in_one_line(name, tmp_path):
    edit, message = DAMAGED[name]
    folder = change(unpacked(TEACHABLE, tmp_path), edit)
    with pytest.raises(KerasFileError, match=message) as caught:
        load(folder)
    assert str(caught.value).startswith(f"{folder}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1575, 1577])
def test_a_shard_of_another_length_is_refused(size, tmp_path):
    folder = unpacked(TEACHABLE, tmp_path)
    content = (folder / "weights.bin").read_bytes()
    (folder / "weights.bin").write_bytes((content + b"x")[:size])
    told = rf"has 1,576 bytes of weights by its weightsManifest, but {size:,} in weights\.bin"
    with pytest.raises(KerasFileError, match=told):
        load(folder)


def test_a_missing_shard_of_several_is_named(tmp_path):
    folder = unpacked("float32", tmp_path)
    (folder / "group1-shard2of4.bin").unlink()
    with pytest.raises(KerasFileError, match=r"'group1-shard2of4\.bin', which is not there"):
        load(folder)


def test_json_of_absurd_length_and_damaged_json_are_refused(tmp_path):
    folder = unpacked(TEACHABLE, tmp_path)
    text = (folder / "model.json").read_text()
    (folder / "model.json").write_text(text[:-9])
    with pytest.raises(KerasFileError, match="not valid JSON"):
        read_json(folder)
    (folder / "model.json").write_text(text + " " * LARGEST_JSON)
    with pytest.raises(KerasFileError, match="longer than 17 MB"):
        read_json(folder)
    (folder / "model.json").write_text("")
    with pytest.raises(KerasFileError, match=r"whose model\.json is empty"):
        form_of(folder)


def test_json_of_keras_alone_is_no_model_of_tensorflow_js(tmp_path):
    file = tmp_path / "model.json"
    file.write_text('{"class_name": "Sequential", "config": {"name": "modelTopology"}}')
    assert not TENSORFLOW_JS.belongs(file)
    assert not TENSORFLOW_JS.belongs(tmp_path)
