import numpy as np
import pytest

from converter.runtime.layers.activation import FUNCTIONS
from tests.runtime.helpers import close, random

ALPHA, BETA = 0.3, 0.2
PER_CHANNEL = random(4), random(4, seed=2)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def channels(values):
    return values[:, None, None]


CASES = {
    "linear": ("LINEAR", [ALPHA, BETA], lambda x: ALPHA * x + BETA),
    "ReLU": ("RELU", None, lambda x: np.maximum(x, 0)),
    "leakyReLU": ("LEAKYRELU", [ALPHA], lambda x: np.where(x < 0, ALPHA * x, x)),
    "thresholdedReLU": ("THRESHOLDEDRELU", ALPHA, lambda x: x * (x >= ALPHA)),
    "PReLU": ("PRELU", PER_CHANNEL[0], lambda x: np.where(x < 0, channels(PER_CHANNEL[0]) * x, x)),
    "tanh": ("TANH", None, np.tanh),
    "scaledTanh": ("SCALED_TANH", [ALPHA, BETA], lambda x: ALPHA * np.tanh(BETA * x)),
    "sigmoid": ("SIGMOID", None, sigmoid),
    "sigmoidHard": ("SIGMOID_HARD", [ALPHA, BETA], lambda x: np.clip(ALPHA * x + BETA, 0, 1)),
    "ELU": ("ELU", ALPHA, lambda x: np.where(x < 0, ALPHA * (np.exp(x) - 1), x)),
    "softsign": ("SOFTSIGN", None, lambda x: x / (1 + np.abs(x))),
    "softplus": ("SOFTPLUS", None, lambda x: np.log1p(np.exp(x))),
    "parametricSoftplus": (
        "PARAMETRICSOFTPLUS",
        list(PER_CHANNEL),
        lambda x: channels(PER_CHANNEL[0]) * np.log1p(np.exp(channels(PER_CHANNEL[1]) * x)),
    ),
}


def test_every_nonlinearity_of_the_format_has_a_case():
    from converter.coreml.mlmodel import NeuralNetwork_pb2

    (group,) = NeuralNetwork_pb2.ActivationParams.DESCRIPTOR.oneofs
    assert {field.name for field in group.fields} == set(FUNCTIONS) == set(CASES)


@pytest.mark.parametrize("kind", CASES)
def test_formula(network, kind):
    name, params, formula = CASES[kind]
    net = network((4, 5, 6))
    net.builder.add_activation("act", name, "x", "y", params)
    assert net.layers[0].activation.WhichOneof("NonlinearityType") == kind
    close(net.run(x=3 * net.x), formula(3 * net.x))


def test_a_value_at_the_threshold_passes(network):
    """``f(x) = x if x >= alpha else 0`` in the comment of the format."""
    net = network((4,))
    net.builder.add_activation("act", "THRESHOLDEDRELU", "x", "y", 0.5)
    found = net.run(x=np.array([[0.25, 0.5, 0.75, -0.5]], np.float32))
    np.testing.assert_array_equal(found, [[0, 0.5, 0.75, 0]])


def test_one_slope_for_all_channels(network):
    net = network((4, 5, 6))
    net.builder.add_activation("act", "PRELU", "x", "y", np.array([ALPHA]))
    close(net.run(), np.where(net.x < 0, ALPHA * net.x, net.x))
