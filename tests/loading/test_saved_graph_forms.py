"""What else a graph may consist of: functions, defaults and constants, computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from converter.backend.saved_model import operation
from converter.backend.tensorflow import keras, tf
from converter.loading import load
from converter.loading.saved_graph.flat import Node
from converter.loading.saved_graph.running import run
from tests.loading.saved_graphs import changed, copied, unpacked
from tests.loading.test_saved_graph_damaged import constant, output_through
from tests.lower.oracle import randomized

L = keras.layers
X = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A SavedModel, and what it predicts."""
    place = unpacked("tf221_v1", tmp_path_factory.mktemp("plain"))
    answers = np.asarray(load(place).model(X))
    assert answers.shape == (2, 3)
    assert np.ptp(answers) > 0.01
    return place, answers


def answers(plain, change, tmp_path):
    """Return what the model predicts after `change`, and what it did before."""
    place, before = plain
    return np.asarray(load(changed(copied(place, tmp_path), change)).model(X)), before


def pair(graph):
    """Add a function `pair` of x that gives x, and the number opposite to it."""
    function = graph.graph_def.library.function.add()
    function.signature.name = "pair"
    function.signature.input_arg.add(name="x", type=1)
    for name, value in (("same", "x"), ("opposite", "minus:y:0")):
        function.signature.output_arg.add(name=name, type=1)
        function.ret[name] = value
    function.node_def.add(name="minus", op="Neg", input=["x"])


@pytest.mark.parametrize(("output", "sign"), [("same", 1), ("opposite", -1)])
def test_an_output_of_a_function_is_found_by_its_name_inside_of_another(
    output, sign, plain, tmp_path
):
    def change(graph):
        pair(graph)
        function = graph.graph_def.library.function.add()
        function.signature.name = "outer"
        function.signature.input_arg.add(name="x", type=1)
        function.signature.output_arg.add(name="y", type=1)
        function.node_def.add(name="called", op="pair", input=["x"])
        function.ret["y"] = f"called:{output}:0"
        output_through(graph, "outer")

    found, before = answers(plain, change, tmp_path)
    np.testing.assert_array_equal(found, sign * before)


@pytest.mark.parametrize(("place", "sign"), [("", 1), (":0", 1), (":1", -1)])
def test_an_output_of_a_function_is_found_by_its_number_outside(place, sign, plain, tmp_path):
    def change(graph):
        pair(graph)
        output_through(graph, "pair")
        graph.signature_def["default"].outputs["default"].name = f"more_pair{place}"

    found, before = answers(plain, change, tmp_path)
    np.testing.assert_array_equal(found, sign * before)


def test_an_input_with_a_default_that_the_signature_lacks_has_its_default(plain, tmp_path):
    def change(graph):
        constant(graph, "five", 5.0, tf.float32)
        graph.graph_def.node.add(name="optional", op="PlaceholderWithDefault", input=["five"])
        output_through(graph, "AddV2", ["optional"])

    found, before = answers(plain, change, tmp_path)
    np.testing.assert_array_equal(found, before + 5)


def test_what_is_used_twice_is_followed_once(plain, tmp_path):
    """Thirty sums of the one before with itself: followed each time, a thousand million."""

    def change(graph):
        constant(graph, "sum_0", 2.0**-30, tf.float32)
        for number in range(30):
            graph.graph_def.node.add(
                name=f"sum_{number + 1}", op="AddV2", input=2 * [f"sum_{number}"]
            )
        output_through(graph, "AddV2", ["sum_30"])

    found, before = answers(plain, change, tmp_path)
    np.testing.assert_array_equal(found, before + 1)


def test_a_layer_is_used_again_behind_one_that_comes_later(tmp_path):
    x, shared = keras.Input((6,)), L.Dense(6, activation="tanh", name="shared")
    between = L.Dense(6, activation="relu", name="between")
    model = randomized(keras.Model(x, L.Dense(2, name="head")(shared(between(shared(x))))))
    signature = tf.function(lambda x: {"y": model(x)}, [tf.TensorSpec((None, 6))])
    tf.saved_model.save(model, tmp_path / "again", {"serving_default": signature})
    again = load(tmp_path / "again").model
    assert [one.name for one in again.layers if one.weights] == ["shared", "between", "head"]
    given = np.random.default_rng(1).normal(size=(3, 6)).astype(np.float32)
    expected = np.asarray(model(given))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(again(given), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("data_format", ["NCHW", "NHWC"])
def test_a_normalization_knows_where_its_channels_are(data_format):
    """By hand: the factors are 2 / sqrt(3.75 + 0.25) and 3 / sqrt(0.75 + 0.25)."""
    known = operation("FusedBatchNormV3")
    attributes = known.complete({
        "epsilon": tf.compat.v1.AttrValue(f=0.25),
        "data_format": tf.compat.v1.AttrValue(s=data_format.encode()),
    })  # fmt: skip
    node = Node("norm", "FusedBatchNormV3", known, (), attributes)
    to_last = {"NCHW": (0, 2, 3, 1), "NHWC": (0, 1, 2, 3)}[data_format]
    back = np.argsort(to_last)
    x = np.array([[[[0, 1], [1, 1], [2, 0]]]], np.float32)
    numbers = ([2, 3], [1, -1], [0.5, 0], [3.75, 0.75])
    inputs = [tf.constant(part, tf.float32) for part in (x.transpose(back), *numbers)]
    (found,) = run(node, inputs)
    expected = np.array([[[[0.5, 2], [1.5, 2], [2.5, -1]]]])
    np.testing.assert_allclose(np.transpose(found, to_last), expected, rtol=1e-6)
