"""What `converter.backend.keras` relies on in Keras. A failure names it, and who of us needs it."""

import numpy as np
import pytest

from converter.backend import keras as inside
from converter.backend.tensorflow import keras, tf

L = keras.layers


class Gated(L.Layer):
    """Holds layers as an attribute and in a list, and a variable of its own."""

    def build(self, shape):
        self.first = L.Dense(3, name="first")
        self.others = [L.Dense(3, name="second"), L.TimeDistributed(L.Dense(3, name="third"))]
        self.others[1].name = "inner_steps"
        self.gate = self.add_weight(shape=(2, 3), name="gate")
        for layer in (self.first, *self.others):
            layer.build(shape)
        self.built = True

    def call(self, x):
        return self.first(x) + self.gate[0]


@pytest.fixture
def nested():
    """A graph with a function, a nested Sequential, wrappers and a layer with inner layers."""
    x = keras.Input((4, 3), name="in")
    y = keras.ops.relu(x)
    layers = [keras.Input((4, 3), name="inner_in"), L.Dense(3, name="inner")]
    y = keras.Sequential(layers, name="seq")(y)
    y = L.TimeDistributed(L.Dense(3, name="each"), name="steps")(y)
    y = Gated(name="gated")(y)
    y = L.Bidirectional(L.SimpleRNN(2, name="rnn"), name="both")(y)
    return keras.Model(x, y)


def layer(model, name):
    (found,) = (layer for layer in inside.layers_inside(model) if layer.name == name)
    return found


def names(found):
    return [one.name for one in found]


@pytest.mark.parametrize(
    ("owner", "name", "ours"),
    [
        (L.Layer, "_flatten_layers", "layers_inside"),
        (keras.Function, "operations", "parts"),
        (L.Layer, "variables", "own_variables"),
        (keras.Operation, "__call__", "calls_scoped"),
    ],
)
def test_the_name_is_still_there(owner, name, ours):
    moved = f"{owner.__name__}.{name} moved: converter.backend.keras.{ours} relies on it"
    assert hasattr(owner, name), moved


def test_layers_inside_models_wrappers_and_layers(nested):
    moved = "Layer._flatten_layers changed: converter.backend.keras.layers_inside relies on it"
    layers = inside.layers_inside(nested)
    found = names(one for one in layers if not isinstance(one, L.SimpleRNNCell))
    assert sorted(found) == sorted([
        "in", "seq", "inner_in", "inner", "steps", "each", "gated", "first", "second",
        "inner_steps", "third", "both", "forward_rnn", "backward_rnn",
    ]), moved  # fmt: skip
    assert len(layers) == len(found) + 2, moved
    for outer, inner in [("seq", "inner"), ("gated", "inner_steps"), ("inner_steps", "third")]:
        assert found.index(outer) < found.index(inner), moved
    assert names(inside.layers_inside(nested, recursive=False)) == [
        "in", "seq", "steps", "gated", "both",
    ], moved  # fmt: skip


def test_nothing_is_inside_a_plain_layer_or_a_function(nested):
    assert inside.layers_inside(layer(nested, "inner")) == []
    (relu,) = (part for part in nested.operations if part not in nested.layers)
    assert inside.layers_inside(relu) == inside.parts(relu) == inside.own_variables(relu) == []


def test_parts_of_a_graph_are_layers_and_functions(nested):
    moved = "Function.operations changed: converter.backend.keras.parts relies on it"
    (relu,) = (part for part in nested.operations if part not in nested.layers)
    assert inside.parts(nested) == [nested.layers[0], relu, *nested.layers[1:]], moved
    assert names(inside.parts(layer(nested, "seq"))) == ["inner_in", "inner"]
    assert sorted(names(inside.parts(layer(nested, "gated")))) == ["first", "inner_steps", "second"]


def test_own_variables_are_those_of_no_inner_layer(nested):
    moved = "Layer.variables changed: converter.backend.keras.own_variables relies on it"
    assert names(inside.own_variables(layer(nested, "gated"))) == ["gate"], moved
    assert names(inside.own_variables(layer(nested, "inner"))) == ["kernel", "bias"], moved
    assert inside.own_variables(nested) == [], moved
    normalization = L.BatchNormalization()
    normalization.build((None, 3))
    assert names(inside.own_variables(normalization)) == [
        "gamma", "beta", "moving_mean", "moving_variance",
    ], moved  # fmt: skip


def test_own_attributes_are_those_beyond_every_layers(nested):
    moved = "the attributes of layers changed: converter.backend.keras.own_attributes reads them"
    attributes = dict(inside.own_attributes(layer(nested, "gated")))
    assert attributes["first"] is layer(nested, "first"), moved
    assert attributes["others"] == [layer(nested, "second"), layer(nested, "inner_steps")], moved
    assert not {"_layers", "name", "built"} & attributes.keys(), moved
    assert list(attributes) == sorted(attributes)


@pytest.mark.parametrize("module", inside.FUNCTIONS)
def test_the_modules_of_functions_are_still_there(module):
    moved = f"keras.src.ops.{module} moved: converter.backend.keras.function_class relies on it"
    assert hasattr(keras.src.ops, module), moved


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("Add", "numpy"), ("Reshape", "numpy"), ("Relu", "nn"), ("Softmax", "nn"),
        ("Cast", "core"), ("Resize", "image"), ("Erf", "math"), ("Norm", "linalg"),
    ],
)  # fmt: skip
def test_functions_have_the_classes_that_files_name(name, module):
    moved = f"keras.src.ops.{module}.{name} moved: converter.backend.keras.function_class needs it"
    found = inside.function_class(name)
    assert found is not None, moved
    assert (found.__name__, found.__module__) == (name, f"keras.src.ops.{module}"), moved


@pytest.mark.parametrize("name", ["Dense", "KerasTensor", "partial", "Nothing"])
def test_only_operations_are_functions(name):
    assert inside.function_class(name) is None


@pytest.mark.parametrize("name", inside.APPLICATIONS)
def test_layers_of_the_applications(name):
    module = f"keras.src.applications.{inside.APPLICATIONS[name]}"
    where = getattr(keras.src.applications, inside.APPLICATIONS[name], None)
    moved = f"{module}.{name} moved: converter.backend.keras.application_class relies on it"
    assert hasattr(where, name), moved
    assert issubclass(inside.application_class(name), L.Layer), moved


def test_other_layers_are_of_no_application():
    assert inside.application_class("Dense") is None


def test_every_call_has_the_scope_of_its_layer(nested):
    moved = "layers are called otherwise: converter.backend.keras.calls_scoped patches Operation"
    original = keras.Operation.__call__
    with inside.calls_scoped(lambda called: f"of_{called.name}"):
        graph = tf.function(nested).get_concrete_function(tf.TensorSpec((1, 4, 3))).graph
    scopes = {op.name.rsplit("/", 1)[0] for op in graph.get_operations()}
    products = [op.name for op in graph.get_operations() if op.type in ("MatMul", "BatchMatMulV2")]
    assert any("of_relu" in scope for scope in scopes), moved
    assert any("of_seq/" in name and "of_inner/" in name for name in products), moved
    assert any("of_gated/" in name and "of_first/" in name for name in products), moved
    assert keras.Operation.__call__ is original


def test_the_patch_goes_with_an_error():
    original = keras.Operation.__call__
    with pytest.raises(ZeroDivisionError), inside.calls_scoped(str):
        raise ZeroDivisionError
    assert keras.Operation.__call__ is original


def test_every_call_is_watched_inner_ones_first(nested):
    moved = "layers are called otherwise: converter.backend.keras.watched_calls patches Operation"
    original, seen = keras.Operation.__call__, []
    with inside.watched_calls(lambda called, outputs: seen.append((called.name, len(outputs)))):
        nested(np.zeros((1, 4, 3), np.float32))
    found = [name for name, _ in seen]
    assert found.index("inner") < found.index("seq"), moved
    assert found.index("first") < found.index("gated"), moved
    assert all(count >= 1 for _, count in seen)
    assert keras.Operation.__call__ is original


def test_the_rate_of_an_optimizer_is_what_it_was_given():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.3, 10, 0.9)
    assert inside.rate_of(keras.optimizers.SGD(schedule)) is schedule
    assert float(inside.rate_of(keras.optimizers.SGD(0.25)).numpy()) == 0.25


@pytest.mark.parametrize("last", [L.Softmax, lambda: L.Activation("sigmoid")])
def test_logits_of_gives_what_a_sigmoid_or_softmax_was_given(last):
    x = np.array([[1.0, 300.0]], np.float32)
    model = keras.Sequential([keras.Input((2,)), last()])
    np.testing.assert_array_equal(inside.logits_of(model(x)), x)
    assert inside.logits_of(keras.Sequential([keras.Input((2,)), L.ReLU()])(x)) is None


def test_without_last_activation_shows_what_is_before_it_also_in_nested_models():
    inner = keras.Sequential([keras.Input((2,)), L.Dense(3, "tanh")])
    model = keras.Sequential([keras.Input((2,)), inner])
    x = np.array([[1.0, 30.0]], np.float32)
    kernel, bias = inner.get_weights()
    with inside.without_last_activation(model, 0) as activation:
        assert activation is keras.activations.tanh
        np.testing.assert_allclose(model(x), x @ kernel + bias, rtol=1e-6)
    np.testing.assert_allclose(model(x), np.tanh(x @ kernel + bias), rtol=1e-6)
