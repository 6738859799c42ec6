"""The program that the workflow runs on Macs, compiled and run against the stand-in for Core ML.

It says that the program does what it says, and nothing of Core ML.
"""

import json
import subprocess

import numpy as np
import pytest

from converter.coreml.mlmodel import FeatureTypes_pb2, Model_pb2, set_floats
from converter.swift import generate
from tests.paths import FIXTURES
from tests.swift.compiler import MODES, needs_swift, stand_in, swiftc

pytestmark = [needs_swift, pytest.mark.slow]
FLOAT32 = FeatureTypes_pb2.ArrayFeatureType.FLOAT32
WEIGHTS = np.random.default_rng(0).normal(0, 0.05, (10, 784)).astype(np.float32)


def lenet():
    """Return a classifier with the interface of LeNet, whose only layer is ``dense_6``."""
    spec = Model_pb2.Model(specificationVersion=4, isUpdatable=True)
    spec.description.predictedFeatureName = "classLabel"
    spec.description.predictedProbabilitiesName = "classProbability"
    for features in (spec.description.input, spec.description.trainingInput):
        array = features.add(name="image").type.multiArrayType
        array.shape[:], array.dataType = [1, 28, 28], FLOAT32
    spec.description.trainingInput.add(name="classLabel").type.int64Type.SetInParent()
    spec.description.output.add(name="classLabel").type.int64Type.SetInParent()
    probabilities = spec.description.output.add(name="classProbability").type.dictionaryType
    probabilities.int64KeyType.SetInParent()
    net = spec.neuralNetworkClassifier
    net.int64ClassLabels.vector[:] = range(10)
    layer = net.layers.add(name="dense_6", input=["image"], output=["z"], isUpdatable=True)
    layer.innerProduct.inputChannels, layer.innerProduct.outputChannels = 784, 10
    layer.innerProduct.hasBias = True
    set_floats(layer.innerProduct.weights, WEIGHTS)
    set_floats(layer.innerProduct.bias, np.zeros(10))
    layer.innerProduct.weights.isUpdatable = layer.innerProduct.bias.isUpdatable = True
    net.layers.add(name="y", input=["z"], output=["classProbability"]).softmax.SetInParent()
    loss = net.updateParams.lossLayers.add(name="loss").categoricalCrossEntropyLossLayer
    loss.input, loss.target = "classProbability", "classLabel"
    sgd = net.updateParams.optimizer.sgdOptimizer
    sgd.learningRate.defaultValue, sgd.learningRate.range.maxValue = 0.01, 1.0
    sgd.miniBatchSize.defaultValue, sgd.miniBatchSize.set.values[:] = 8, [8, 32]
    net.updateParams.epochs.defaultValue, net.updateParams.epochs.set.values[:] = 3, [1, 3]
    return spec


def as_the_stand_in_reads_it():
    layer = {"name": "dense_6", "weights": WEIGHTS.tolist(), "biases": [0.0] * 10}
    return {
        "inputs": [{"name": "image", "type": "float32", "shape": [1, 28, 28]}],
        "target": {"name": "classLabel", "type": "int64", "shape": []},
        "output": "classLabel", "probabilities": "classProbability",
        "labels": [str(digit) for digit in range(10)],
        "layers": [layer | {"isUpdatable": True}],
        "isClassifier": True, "isUpdatable": True,
        "learningRate": 0.01, "momentum": 0.0, "epochs": 3, "miniBatchSize": 8,
    }  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("program")
    (folder / "LeNetTrainer.swift").write_text(generate(lenet(), "LeNetTrainer", "LeNet"))
    return folder


def sources(place):
    return FIXTURES / "device" / "TrainLeNet.swift", place / "LeNetTrainer.swift"


@pytest.mark.parametrize("mode", list(MODES)[1:])
def test_it_compiles_however_a_project_may_compile_it(place, tmp_path_factory, mode):
    output, is_well = swiftc(
        "-typecheck", "-parse-as-library", "-warnings-as-errors", "-module-name", "TrainLeNet",
        "-I", stand_in(tmp_path_factory), *MODES[mode], *sources(place),
    )  # fmt: skip
    assert is_well, output


@pytest.fixture(scope="module")
def program(place, tmp_path_factory):
    modules, made = stand_in(tmp_path_factory), place / "TrainLeNet"
    output, is_well = swiftc(
        "-parse-as-library", "-module-name", "TrainLeNet", "-I", modules, *MODES["Swift 6"],
        *sources(place), *modules.glob("*.o"), "-o", made,
    )  # fmt: skip
    assert is_well, output
    return made


def run(program, folder, model):
    """Run it on a model of the stand-in; return its exit code and the lines that it printed."""
    shipped = folder / "LeNet.mlmodelc"
    shipped.mkdir()
    (shipped / "model.json").write_text(json.dumps(model))
    command = [program, shipped, folder / "personal"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


def test_it_trains_and_tells_what_came_of_it(program, tmp_path):
    code, lines = run(program, tmp_path, as_the_stand_in_reads_it())
    assert (code, lines[-1]) == (0, "passed")
    assert sum(line.startswith("miniBatch") for line in lines) == 3 * 3
    assert "personal: true" in lines[-2]


def test_a_training_that_moves_nothing_fails_it(program, tmp_path):
    code, lines = run(program, tmp_path, as_the_stand_in_reads_it() | {"learningRate": 0.0})
    assert (code, lines[-1]) == (1, "failed: no weight has moved")
