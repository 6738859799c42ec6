"""How much memory a training and a prediction take, measured in a process of its own."""

import resource
import subprocess
import sys

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.runtime import ArraySamples, Labelled, predict, settings, train
from tests.paths import ROOT
from tests.runtime.helpers import random
from tests.runtime.updatable import adam, finish

pytestmark = pytest.mark.slow

LAYERS = 80


def peak():
    """Return the most memory that the process had up to now, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def trained(x):
    builder = NeuralNetworkBuilder([("x", datatypes.Array(1000))], [("y", datatypes.Array(10))])
    builder.add_inner_product("a", random(250, 1000) * 0.01, None, 1000, 250, False, "x", "h")
    builder.add_activation("r", "RELU", "h", "r")
    builder.add_inner_product("b", random(10, 250) * 0.01, None, 250, 10, False, "r", "z")
    builder.add_softmax("s", "z", "y")
    model = finish(builder, ["a", "b"], adam(batch=100))
    labels = np.arange(len(x)) % 10
    train(model, Labelled(ArraySamples({"x": x}), labels), settings(model, epochs=1))


def training_growth():
    """Return the growth by 100 MB of samples, after a small training has what TensorFlow needs."""
    trained(random(1000, 1000))
    before = peak()
    x = np.empty((25_000, 1000), np.float32)
    x.reshape(25, 1000, 1000)[:] = random(1000, 1000)
    trained(x)
    return peak() - before


def prediction_growth():
    """Return the growth by the layers of a network whose blobs have 4 MB for each sample."""
    size = (1, 1024, 1024)
    builder = NeuralNetworkBuilder([("b0", datatypes.Array(*size))], [(f"b{LAYERS}", None)])
    for i in range(LAYERS):
        builder.add_activation(f"a{i}", "LINEAR", f"b{i}", f"b{i + 1}", [1.0, 1.0])
    predict(builder.spec, {"b0": np.zeros((1, *size), np.float32)})
    before = peak()
    x = np.zeros((4, *size), np.float32)
    assert predict(builder.spec, {"b0": x}, batch_size=4)[f"b{LAYERS}"].min() == LAYERS
    return peak() - before


@pytest.fixture(scope="module")
def growth():
    """Both, the smaller one first: of what comes later only what is above it is seen."""
    code = (
        "from tests.runtime import test_memory as memory\n"
        "print(memory.training_growth(), memory.prediction_growth())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-500:]
    return tuple(map(int, done.stdout.split()[-2:]))


def test_a_training_takes_the_data_and_what_learns(growth):
    samples, weights = 100, 1  # megabytes; one call of the graph takes up to 32 of samples
    assert growth[0] // 1000 <= samples + 3 * weights + 2 * 32


def test_blobs_are_freed_after_their_last_use(growth):
    """What a training has freed may hide 170 MB; 80 blobs of four samples would be 1,340 MB."""
    assert growth[1] // 1000 < 300
