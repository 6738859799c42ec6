"""What `converter.backend.graphs` relies on in Keras, and what it leaves behind there: nothing."""

import numpy as np
import pytest

from converter.backend import graphs
from converter.backend.tensorflow import keras

L = keras.layers


@pytest.fixture
def model():
    """A model whose last dense layer stands two models deep, behind two inputs."""
    inner = keras.Sequential([keras.Input((3,)), L.Dense(2, name="last"), L.Softmax()], name="deep")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    joined = L.Dense(3, name="below")(L.Add()([a, b]))
    middle = keras.Model({"a": a, "b": b}, inner(joined), name="middle")
    inputs = [keras.Input((4,), name=name) for name in "xy"]
    return keras.Model(inputs, middle({"a": inputs[0], "b": inputs[1]}))


def names_of_nodes(model):
    """Return what every layer, at any depth, remembers to be called on and by."""
    found = {}
    for layer in graphs.layers_inside(model):
        nodes = (*layer._inbound_nodes, None, *layer._outbound_nodes)
        found[layer.name] = [node and node.operation.name for node in nodes]
    return found


def test_the_last_dense_layer_is_found_inside_of_models(model):
    end = graphs.dense_end(model, 0, lambda layer: isinstance(layer, L.Softmax))
    assert end.dense.name == "last"
    assert [type(layer).__name__ for layer in end.behind] == ["Softmax"]
    with pytest.raises(graphs.NoDenseEndError) as caught:
        graphs.dense_end(model, 0, lambda layer: False)
    assert type(caught.value.layer).__name__ == "Softmax"


def test_another_end_leaves_the_model_as_it_was(model):
    before, x = names_of_nodes(model), [np.ones((2, 4), np.float32), np.zeros((2, 4), np.float32)]
    answers = model(x).numpy()
    fresh = L.Dense(5, name="last", kernel_initializer="ones")

    def put(features):
        made = fresh(features)
        graphs.forget_last_call(fresh)
        return made

    other = graphs.with_end(model, 0, put)
    below = next(layer for layer in graphs.layers_inside(model) if layer.name == "below")
    assert graphs.holds(other, below)
    features = below(x[0] + x[1]).numpy()
    np.testing.assert_allclose(other(x), features.sum(1, keepdims=True).repeat(5, 1), rtol=1e-5)
    assert names_of_nodes(model) == before
    np.testing.assert_array_equal(model(x), answers)


def test_what_each_layer_reads_is_found_through_nested_models_and_functions(model):
    wide = keras.Model(model.inputs, keras.ops.relu(model.outputs[0]))
    read = graphs.sources(wide)
    kinds = {
        layer.name: [type(each).__name__ for each in read.get(id(layer), ())]
        for layer in graphs.layers_inside(wide)
    }
    assert (kinds["below"], kinds["last"]) == (["Add"], ["InputLayer"])
    assert kinds[read[id(layer_named(wide, "below"))][0].name] == ["InputLayer", "InputLayer"]
    for inner, outer in (("a", "x"), ("b", "y")):
        assert [each.name for each in read[id(layer_named(wide, inner))]] == [outer]
    (relu,) = (each for each in wide.operations if type(each).__name__ == "Relu")
    assert [type(each).__name__ for each in read[id(relu)]] == ["Softmax"]
    assert id(layer_named(wide, "x")) not in read


def layer_named(model, name):
    return next(layer for layer in graphs.layers_inside(model) if layer.name == name)
