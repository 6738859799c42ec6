"""Facts of layer kinds stand once; the functions per kind in four rooms speak of the same kinds."""

import pytest

from converter.coreml.kinds import ACTIVATIONS, LAYERS, facts, kind_of, learning_weights
from converter.coreml.mlmodel import NeuralNetwork_pb2
from converter.coreml.shapes.classic import CLASSIC
from converter.coreml.shapes.tensors import TENSORS
from converter.runtime.layers import LAYERS as COMPUTED
from converter.runtime.layers.activation import FUNCTIONS
from converter.validation.apple.layers import DEMANDS

NOT_COMPUTED = {
    "biDirectionalLSTM", "cropResize", "gru", "simpleRecurrent", "uniDirectionalLSTM",
}  # fmt: skip
"""Kinds of iOS 12 that the reference runtime does not run."""


def field_names(message, oneof):
    return {field.name for field in message.DESCRIPTOR.oneofs_by_name[oneof].fields}


ALL_LAYERS = field_names(NeuralNetwork_pb2.NeuralNetworkLayer, "layer")
ALL_ACTIVATIONS = field_names(NeuralNetwork_pb2.ActivationParams, "NonlinearityType")


def layer(kind, nonlinearity=None):
    made = NeuralNetwork_pb2.NeuralNetworkLayer(name="layer")
    getattr(made, kind).SetInParent()
    if nonlinearity:
        getattr(made.activation, nonlinearity).SetInParent()
    return made


def test_the_four_rooms_speak_of_the_same_kinds():
    assert set(CLASSIC) == set(DEMANDS) - {"custom"}
    assert set(COMPUTED) == set(CLASSIC) - NOT_COMPUTED
    assert not set(CLASSIC) & set(TENSORS)
    assert set(CLASSIC) | set(TENSORS) <= ALL_LAYERS
    assert set(FUNCTIONS) == ALL_ACTIVATIONS


def test_facts_are_of_kinds_that_exist():
    assert set(LAYERS) <= set(CLASSIC)
    assert set(ACTIVATIONS) <= ALL_ACTIVATIONS


def test_what_learns_is_run_and_may_be_marked():
    for kind, known in LAYERS.items():
        assert not known.learns or (known.markable and kind in COMPUTED)
        assert known.passes or not known.passes_on_device


@pytest.mark.parametrize("kind", sorted(ALL_LAYERS - {"activation"}))
def test_a_gradient_passes_only_where_apple_says_so(kind):
    # isLayerSupportedForBackprop in apple/coremltools, written out.
    passes = {"convolution", "innerProduct", "uniDirectionalLSTM", "flatten", "pooling",
              "batchnorm"}  # fmt: skip
    assert facts(layer(kind)).passes == (kind in passes)
    assert facts(layer(kind)).passes_on_device == (
        kind in passes - {"batchnorm", "uniDirectionalLSTM"}
    )
    assert kind_of(layer(kind)) == kind


@pytest.mark.parametrize("nonlinearity", sorted(ALL_ACTIVATIONS))
def test_of_activations_three_pass_a_gradient(nonlinearity):
    made = layer("activation", nonlinearity)
    assert facts(made).passes == (nonlinearity in ("ReLU", "sigmoid", "tanh"))
    assert kind_of(made) == nonlinearity


def test_a_tanh_layer_is_no_tanh_activation():
    assert not facts(layer("tanh")).passes
    assert facts(layer("activation", "tanh")).passes


def test_a_layer_without_kind_is_named_so():
    assert kind_of(NeuralNetwork_pb2.NeuralNetworkLayer()) == "none"
    assert kind_of(layer("activation")) == "activation"


def test_a_bias_learns_only_where_there_is_one():
    dense = layer("innerProduct")
    assert learning_weights(dense) == ("weights",)
    dense.innerProduct.hasBias = True
    assert learning_weights(dense) == ("weights", "bias")
    assert learning_weights(layer("uniDirectionalLSTM")) == ()
