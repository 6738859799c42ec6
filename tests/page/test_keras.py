"""A Keras file as a graph: what may learn, why the rest may not, and what reads what."""

import pytest

from converter.backend.tensorflow import keras
from converter.conversion.inspection import inspect
from converter.page import document, keras_network
from converter.page.keras_graph import keras_graph
from converter.recipe import Recipe
from tests.paths import ZOO

L = keras.layers


def graph_of(path):
    return keras_graph(inspect(Recipe(model=path)))


def links(graph):
    return {(graph.nodes[edge.source].name, graph.nodes[edge.target].name) for edge in graph.edges}


@pytest.fixture(scope="module")
def branched(tmp_path_factory):
    """Two branches, a shared layer, a function, a nested model, and what stops a gradient."""
    image = keras.Input((6, 6, 2), name="image")
    inner_in = keras.Input((6, 6, 2), name="inner_in")
    inner = keras.Model(inner_in, L.Conv2D(2, 1, name="inside")(inner_in), name="inner")
    x = inner(image)
    shared = L.Conv2D(2, 3, padding="same", name="shared")
    x = L.Add(name="sum")([shared(x), keras.ops.relu(x)])
    x = L.LeakyReLU(name="leaky")(x)
    x = L.Dense(3, activation="softmax", name="head")(L.Flatten(name="flat")(x))
    model = keras.Model(image, x)
    model.compile("sgd", "categorical_crossentropy")
    path = tmp_path_factory.mktemp("page") / "branched.keras"
    model.save(path)
    return path


def test_layers_and_what_they_read(branched):
    graph = graph_of(branched)
    assert links(graph) == {
        ("image", "inner_in"), ("inner_in", "inside"), ("inside", "shared"), ("shared", "sum"),
        ("inside", "sum"), ("sum", "leaky"), ("leaky", "flat"), ("flat", "head"), ("head", "loss"),
    }  # fmt: skip
    assert {node.name: node.role for node in graph.nodes} == {
        "image": "input", "inner_in": "plain", "inside": "frozen", "shared": "frozen",
        "sum": "plain", "leaky": "plain", "flat": "plain", "head": "learns", "loss": "loss",
    }  # fmt: skip
    (node,) = (node for node in graph.nodes if node.name == "shared")
    facts = dict(node.facts)
    assert facts["weights"] == "38"
    assert "layer 'leaky' (LeakyReLU)" in facts["learning"]
    assert facts["reads"] == "inside"


def test_its_page_says_what_may_learn(branched):
    page = document("branched", [keras_network(inspect(Recipe(model=branched)))])
    assert "learns if nothing else is said" in page
    assert "layer &#39;leaky&#39; (LeakyReLU)" in page


FILES = ("keras315_nested.keras", "keras224_frozen_base.h5", "tf215_zip_shared.keras",
         "keras224_siamese.h5", "tf28_slashes.h5")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_in_files_of_many_versions_every_layer_reads_something(name):
    graph = graph_of(ZOO / name)
    reached = {edge.target for edge in graph.edges}
    free = [node.role for index, node in enumerate(graph.nodes) if index not in reached]
    assert set(free) == {"input"}


def test_why_nothing_is_known_is_said(branched):
    found = inspect(Recipe(model=ZOO / "keras315_image_to_image.keras"))
    graph = keras_graph(found)
    assert "image" in graph.note
    assert {node.role for node in graph.nodes} == {"input", "unsaid", "plain", "loss"}
    facts = next(dict(node.facts) for node in graph.nodes if node.role == "unsaid")
    assert facts["learning"] == f"not known: {found.problem}"
