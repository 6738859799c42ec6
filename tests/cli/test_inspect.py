"""``inspect`` on Keras files and on .mlmodel files."""

import json
import subprocess
import sys

import pytest
import yaml

from converter import cli
from converter.backend.tensorflow import keras
from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.recipe import Recipe
from tests.converting import convert
from tests.lower.oracle import sequential
from tests.paths import ZOO
from tests.validation import specs

L = keras.layers
IMAGE = (8, 8, 3)


def save(model, path, loss="categorical_crossentropy"):
    if loss:
        model.compile(keras.optimizers.SGD(0.05), loss)
    model.save(path)
    return path


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    model = sequential(
        IMAGE, L.Conv2D(4, 3, name="conv"), L.Flatten(name="flat"), L.Dense(6, name="dense_1"),
        L.LeakyReLU(name="leaky"), L.Dense(5, activation="relu", name="dense_2"),
        L.BatchNormalization(name="norm"), L.Dense(4, activation="softmax", name="dense_3"),
    )  # fmt: skip
    return save(model, tmp_path_factory.mktemp("inspect") / "leaky.keras")


def as_json(capsys, *arguments):
    assert cli.run(["inspect", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_leaky_relu_between_dense_layers_is_named_as_the_obstacle(leaky, capsys):
    found = as_json(capsys, leaky)
    rows = {row["name"]: row for row in found["layers"]}
    assert {name: row["updatable"] for name, row in rows.items()} == {
        "conv": False, "flat": None, "dense_1": False, "leaky": None, "dense_2": True,
        "norm": False, "dense_3": True,
    }  # fmt: skip
    for name in ("conv", "dense_1"):
        assert "layer 'leaky' (LeakyReLU)" in rows[name]["reason"]
        assert "stands between it and the loss" in rows[name]["reason"]
    assert "no kernel" in rows["norm"]["reason"]
    assert found["chosen"] == ["dense_2", "dense_3"]
    assert (found["optimizer"], found["learning_rate"]) == ("SGD", 0.05)
    assert rows["dense_1"]["weights"] == 144 * 6 + 6
    assert rows["dense_1"]["output"] == [None, 6]


def test_a_conversion_tells_what_stays_frozen_because_of_what_stands_behind_it(leaky, tmp_path):
    def notes(**options):
        report = convert_file(Recipe(model=leaky, output_path=tmp_path / "x.mlmodel", **options))
        return [note for note in report.notes if "stays frozen" in note]

    (said,) = notes()
    assert said.startswith("layer 'dense_1' (Dense) stays frozen: it cannot be reached by the grad")
    assert "layer 'leaky' (LeakyReLU)" in said
    assert notes(layers=("dense_3",)) == []


def test_the_same_for_people(leaky, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    assert cli.run(["inspect", str(leaky)]) == 0
    printed, errors = capsys.readouterr()
    assert errors == ""
    (line,) = [line for line in printed.splitlines() if "│ dense_1 " in line]
    assert "│ no " in line
    assert "layer 'leaky' (LeakyReLU), in Core ML 'leakyReLU', stands between" in line
    assert "learns           dense_2, dense_3" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("name", ["dense_1", "dense_2"])
def test_conversion_agrees_with_what_inspect_says(name, leaky, capsys, tmp_path):
    may = next(row for row in as_json(capsys, leaky)["layers"] if row["name"] == name)["updatable"]
    code = cli.run([str(leaky), "--layers", name, "-o", str(tmp_path / "x.mlmodel"), "-q"])
    assert (code == 0) == may


def test_several_outputs_and_no_loss(tmp_path, capsys):
    image = L.Input(IMAGE)
    flat = L.Flatten()(L.Conv2D(2, 3, name="conv")(image))
    outputs = [L.Dense(3, name="a")(flat), L.Dense(1, activation="sigmoid", name="b")(flat)]
    path = save(keras.Model(image, outputs), tmp_path / "two.keras", loss=None)
    found = as_json(capsys, path)
    rows = {row["name"]: row["updatable"] for row in found["layers"]}
    assert (rows["conv"], rows["a"], rows["b"]) == (True, True, False)
    assert any("--output" in note for note in found["notes"])
    assert any("does not say what it was trained to minimise" in note for note in found["notes"])
    rows = {
        row["name"]: row["updatable"] for row in as_json(capsys, path, "--output", "b")["layers"]
    }
    assert (rows["conv"], rows["a"], rows["b"]) == (True, False, True)


def test_a_model_that_cannot_be_converted_is_listed_all_the_same(tmp_path, capsys):
    model = sequential((5, 4), L.LSTM(3, name="lstm"), L.Dense(2, activation="softmax", name="d"))
    found = as_json(capsys, save(model, tmp_path / "lstm.keras"))
    assert "'lstm' (LSTM): is recurrent" in found["problem"]
    assert [row["name"] for row in found["layers"]] == ["lstm", "d"]
    assert all(row["updatable"] is None for row in found["layers"])
    assert found["chosen"] == []


def test_layers_of_nested_models_stand_in_their_place(tmp_path, capsys):
    inner = sequential(IMAGE, L.Conv2D(2, 3, name="conv"), L.Flatten(name="flat"))
    model = sequential(IMAGE, inner, L.Dense(2, activation="softmax", name="dense"))
    rows = as_json(capsys, save(model, tmp_path / "nested.keras"))["layers"]
    assert [(row["name"], row["updatable"]) for row in rows if row["weights"]] == [
        ("conv", True), ("dense", True),
    ]  # fmt: skip


def lenet_like(tmp_path, **options):
    model = sequential(
        IMAGE, L.Conv2D(4, 3, name="conv"), L.Flatten(name="flat"),
        L.Dense(4, activation="softmax", name="dense"),
    )  # fmt: skip
    convert(model, tmp_path, **options)
    return tmp_path / "converted.mlmodel"


def test_a_core_ml_model_is_told_in_full(tmp_path, capsys):
    path = lenet_like(
        tmp_path, optimizer="sgd", seed=7, batch_size=500, classes=("a", "b", "c", "d")
    )
    found = as_json(capsys, path)
    assert (found["kind"], found["specification_version"]) == ("neuralNetworkClassifier", 4)
    assert found["updatable"]
    assert [feature["name"] for feature in found["training_inputs"]] == ["image", "classLabel"]
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert layers["conv"]["shape"] == [4, 6, 6]
    assert layers["conv"]["weights"] == 4 * 27 + 4
    assert [name for name, layer in layers.items() if layer["updatable"]] == ["dense"]
    update = found["update"]
    assert (update["loss"], update["optimizer"]) == ("categoricalCrossEntropyLossLayer", "sgd")
    assert update["parameters"]["learning_rate"] == {
        "default": 0.01, "min": 0.0, "max": 1.0, "allowed": None,
    }  # fmt: skip
    assert update["parameters"]["batch_size"]["default"] == 500
    assert 500 in update["parameters"]["batch_size"]["allowed"]
    assert (update["shuffle"], update["seed"]) == (True, 7)
    assert cli.run(["inspect", str(path), "--yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == found
    assert cli.run(["inspect", str(path)]) == 0
    printed = capsys.readouterr().out
    for words in ("updatable", "seed 7", "learning_rate    0.01 (0 … 1)", "values from 1 to 512"):
        assert words in printed


def test_a_pipeline_shows_its_members(tmp_path, capsys):
    member = mlmodel.read(lenet_like(tmp_path))
    spec = mlmodel.Model_pb2.Model(specificationVersion=4)
    spec.pipeline.models.append(member)
    mlmodel.write(spec, tmp_path / "pipeline.mlmodel")
    found = as_json(capsys, tmp_path / "pipeline.mlmodel")
    assert found["kind"] == "pipeline"
    assert [model["kind"] for model in found["models"]] == ["neuralNetwork"]
    assert cli.run(["inspect", str(tmp_path / "pipeline.mlmodel")]) == 0
    assert "\nmodel 0 of the pipeline, 'model0':\n" in capsys.readouterr().out


def test_an_empty_network_and_other_kinds_are_no_problem(tmp_path, capsys):
    spec = mlmodel.Model_pb2.Model(specificationVersion=1)
    spec.neuralNetwork.layers.add(name="nothing")
    mlmodel.write(spec, tmp_path / "empty.mlmodel")
    assert as_json(capsys, tmp_path / "empty.mlmodel")["layers"][0]["kind"] == "none"
    spec = mlmodel.Model_pb2.Model(specificationVersion=1)
    spec.treeEnsembleRegressor.SetInParent()
    mlmodel.write(spec, tmp_path / "trees.mlmodel")
    assert as_json(capsys, tmp_path / "trees.mlmodel")["kind"] == "treeEnsembleRegressor"


def test_core_ml_models_are_inspected_without_tensorflow(tmp_path):
    path = lenet_like(tmp_path)
    code = (
        "import sys\nfrom converter.cli import run\n"
        f"assert run(['inspect', {str(path)!r}]) == 0\n"
        "assert not {'tensorflow', 'keras', 'coremltools'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "dense" in done.stdout


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("nowhere.h5", 1, "nowhere.h5"),
        ("nowhere.mlmodel", 1, "cannot be read"),
        ("text.mlmodel", 1, "not a Core ML model"),
        ("text.keras", 1, "text.keras"),
        ("model.onnx", 2, "neither a Keras file"),
    ],
)
def test_files_that_cannot_be_inspected(name, code, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in ("text.mlmodel", "text.keras"):
        (tmp_path / file).write_text("nothing")
    assert cli.run(["inspect", name]) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert len(printed.splitlines()) == 1


def test_a_lambda_on_the_input_is_looked_through_with_its_scale(capsys):
    source = str(ZOO / "keras315_lambda.keras")
    assert cli.run(["inspect", source]) == 1
    assert "say how with --scale and --bias" in capsys.readouterr().err
    assert cli.run(["inspect", source, "--scale", "0.00392156863", "--bias", "-0.5"]) == 0
    assert "Rescaling" in capsys.readouterr().out


def test_nearest_neighbors_are_shown_with_what_they_hold(tmp_path, capsys):
    mlmodel.write(specs.drawings(), tmp_path / "empty.mlmodel")
    (network, last) = as_json(capsys, tmp_path / "empty.mlmodel")["models"]
    assert (network["neighbors"], last["name"]) == (None, "model1")
    assert last["neighbors"] == {
        "dimensions": 4, "neighbors": {"default": 5, "min": 1, "max": 1000, "allowed": None},
        "samples": {}, "default_label": "unknown", "index": "linear", "leaf_size": None,
        "weighting": "uniform", "distance": "squared_euclidean",
    }  # fmt: skip
    filled = specs.neighbors()
    index = filled.kNearestNeighborsClassifier.nearestNeighborsIndex
    index.singleKdTreeIndex.leafSize = 7
    filled.kNearestNeighborsClassifier.ClearField("uniformWeighting")
    mlmodel.write(filled, tmp_path / "filled.mlmodel")
    assert cli.run(["inspect", str(tmp_path / "filled.mlmodel")]) == 0
    printed = capsys.readouterr().out
    for line in ("dimensions       2", "neighbors        1 (1 … 10)", "weighting        none",
                 "index            kd_tree, 7 samples in a leaf",
                 "samples          2 of 2 classes (a: 1, b: 1)",
                 "default label    a"):  # fmt: skip
        assert line in printed.splitlines()
    assert cli.run(["inspect", str(tmp_path / "empty.mlmodel")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "samples          none yet" in lines
    assert "model 1 of the pipeline, 'model1':" in lines
