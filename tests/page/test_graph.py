"""A Core ML model as a graph: what learns and why, and which way the gradient goes."""

import pytest

from converter.coreml.mlmodel import Model_pb2, network
from converter.page import document
from converter.page import network as picture
from converter.page.coreml_graph import coreml_graph
from tests.page.made import ten
from tests.validation import specs
from tests.validation.specs import Layers


def by_name(graph):
    return {node.name: node for node in graph.nodes}


def gradient(graph):
    """Return the edges on which a gradient comes back, as (from, to), and those where it ends."""

    def names(edges):
        return [(graph.nodes[e.source].name, graph.nodes[e.target].name) for e in edges]

    return names(e for e in graph.edges if e.gradient), names(e for e in graph.edges if e.stops)


def test_a_network_from_its_input_to_its_loss():
    graph = coreml_graph(ten())
    assert [(node.name, node.role) for node in graph.nodes] == [
        ("image", "input"), ("conv_1", "frozen"), ("conv_1__activation", "plain"),
        ("pool_1", "plain"), ("flatten_1", "plain"), ("dense_1", "learns"),
        ("dense_1__activation", "plain"), ("dense_2", "learns"), ("softmax", "plain"),
        ("probabilities", "output"), ("probabilities_true", "target"), ("loss", "loss"),
    ]  # fmt: skip
    back, ends = gradient(graph)
    assert back == [
        ("dense_1", "dense_1__activation"), ("dense_1__activation", "dense_2"),
        ("dense_2", "softmax"), ("softmax", "loss"),
    ]  # fmt: skip
    assert ends == [("flatten_1", "dense_1")]
    dense = dict(by_name(graph)["dense_1"].facts)
    assert dense == {
        "kind": "innerProduct", "output": "6 × 1 × 1", "weights": "306", "bytes": "1,229",
        "precision": "float32", "learning": "learns", "reads": "flatten_1", "makes": "dense_1",
        "gradient": "ends here: nothing before it learns",
    }  # fmt: skip


def test_what_stands_in_the_way_is_named():
    graph = coreml_graph(specs.image_regression())
    conv = dict(by_name(graph)["conv"].facts)["learning"]
    assert conv == (
        "is frozen: the gradient does not reach it; 'leaky' (leakyReLU) stands between it and the "
        "loss"
    )
    model = specs.image_regression()
    network(model).layers[0].isUpdatable = True
    found = by_name(coreml_graph(model))
    assert found["leaky"].state == "stops the gradient"
    assert dict(found["leaky"].facts)["gradient"].startswith("would have to pass here")


def _frozen(model):
    model.isUpdatable = False
    return model


def _half(model):
    dense = network(model).layers[4].innerProduct
    dense.weights.float16Value = b"\0\0" * 300
    dense.weights.ClearField("floatValue")
    network(model).layers[4].isUpdatable = False
    return model


def _aside(model):
    Layers(network(model), "flatten_1").dense("aside", 50, 2)
    return model


def _normalized(model):
    norm = Layers(network(model), "flatten_1").add("batchnorm", "aside", channels=50)
    specs.fill(norm.batchnorm.gamma, 50)
    return model


REASONS = {
    "conv_1": (ten, "the file does not mark it as one that learns, though a gradient could"),
    "dense_1": (lambda: _half(ten()), "only weights stored as float32 learn"),
    "aside": (lambda: _aside(ten()), "it does not contribute to what the loss reads"),
    "aside ": (lambda: _normalized(ten()), "Core ML updates convolutions and dense layers only"),
    "conv_1 ": (lambda: specs.lenet(updatable=False), "the network has no loss to learn by"),
    "conv_1  ": (lambda: _frozen(ten()), "the model is not updatable"),
    "conv_1   ": (specs.pipeline, "only the last model of a pipeline may learn"),
}


@pytest.mark.parametrize("name", REASONS)
def test_why_a_layer_does_not_learn(name):
    make, reason = REASONS[name]
    node = by_name(coreml_graph(make()))[name.strip()]
    assert node.role == "frozen"
    assert dict(node.facts)["learning"].startswith(f"is frozen: {reason}")


def test_a_pipeline_is_cut_where_features_are_handed_over():
    graph = coreml_graph(specs.pipeline())
    names = [graph.nodes[e.source].name for e in graph.edges if graph.nodes[e.target].role == "cut"]
    assert names == ["features"]
    (cut,) = (node for node in graph.nodes if node.role == "cut")
    assert dict(cut.facts)["handed over"] == "features"
    assert gradient(graph)[1] == [("model_0 | model_1", "dense_2")]


def test_neighbours_learn_without_a_gradient():
    graph = coreml_graph(specs.drawings())
    (node,) = (node for node in graph.nodes if node.role == "neighbors")
    assert (node.state, node.detail) == ("learns by keeping samples", "5 of no samples")
    assert gradient(graph) == ([], [])
    assert [n.name for n in graph.nodes if n.role == "output"] == ["label", "labelProbs"]


def test_a_classifier_gives_its_label_and_probabilities_from_one_layer():
    graph = coreml_graph(specs.lenet("neuralNetworkClassifier"))
    ends = {
        graph.nodes[e.target].name: graph.nodes[e.source].name
        for e in graph.edges
        if graph.nodes[e.target].role == "output"
    }
    assert ends == {"probs": "softmax", "label": "softmax"}


def _nothing():
    return Model_pb2.Model(specificationVersion=4)


def _empty_network():
    model = _nothing()
    model.neuralNetworkClassifier.SetInParent()
    model.description.predictedFeatureName = "label"
    model.description.output.add(name="label").type.stringType.SetInParent()
    return model


def _empty_pipeline():
    model = _nothing()
    model.pipeline.SetInParent()
    return model


def _circle():
    """A layer that reads what a later one makes, and one that reads itself."""
    model = ten()
    layers = network(model).layers
    layers[0].input[:] = ["dense_2"]
    layers[4].input[:] = [layers[4].output[0]]
    return model


def _blank():
    """A layer of no kind, without inputs, outputs or a name, and a loss of no kind."""
    model = ten()
    network(model).layers.add()
    network(model).updateParams.lossLayers.add()
    return model


def _program():
    model = _nothing()
    model.mlProgram.SetInParent()
    return model


ODD = [_nothing, _empty_network, _empty_pipeline, _circle, _blank, _program, specs.exact,
       specs.control_flow, specs.house_prices]  # fmt: skip


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__.strip("_"))
def test_a_model_of_any_kind_valid_or_not_has_a_picture(make):
    graph = coreml_graph(make())
    assert all(edge.source < edge.target for edge in graph.edges)
    page = document("odd", [picture(make())])
    assert page.count('class="part node') == len(graph.nodes)
