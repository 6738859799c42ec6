"""Building one-layer networks and running them in the reference runtime."""

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.runtime import predict

SAMPLES = 3


class Network:
    """A network under construction; its blobs "x", "x2", … are inputs, "y" is the output."""

    def __init__(self, *shapes):
        self.shapes = {("x" if i == 0 else f"x{i + 1}"): s for i, s in enumerate(shapes)}
        self.builder = NeuralNetworkBuilder(
            [(name, datatypes.Array(*shape)) for name, shape in self.shapes.items()], [("y", None)]
        )
        rng = np.random.default_rng(0)
        self.inputs = {
            name: rng.normal(size=(SAMPLES, *shape)).astype(np.float32)
            for name, shape in self.shapes.items()
        }

    @property
    def x(self):
        return self.inputs["x"]

    @property
    def model(self):
        return self.builder.spec

    @property
    def layers(self):
        return self.model.neuralNetwork.layers

    def run(self, **inputs):
        return predict(self.model, {**self.inputs, **inputs}, batch_size=2)["y"]


@pytest.fixture
def network():
    return Network
