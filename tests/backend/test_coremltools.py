"""What `converter.backend` and `converter.coreml.mlmodel` rely on in coremltools."""

import gc
import subprocess
import sys

import numpy as np
import pytest

from converter.backend import builder as inside
from converter.backend import mil
from converter.backend.coremltools import NeuralNetworkBuilder, datatypes
from converter.backend.mil import mil_program
from converter.backend.tensorflow import tf


def network(mode=None):
    """Return the builder of a network: scale, dense, softmax."""
    features = [("x", datatypes.Array(2))], [("y", datatypes.Array(2))]
    made = NeuralNetworkBuilder(*features, mode=mode)
    made.add_scale("first", np.ones(2), np.zeros(2), False, "x", "a", [2])
    made.add_inner_product("dense", np.eye(2), np.ones(2), 2, 2, True, "a", "b")
    made.add_softmax("last", "b", "y")
    return made


@pytest.fixture
def builder():
    return network()


def names(builder):
    return [layer.name for layer in builder.spec.neuralNetwork.layers]


def test_layers_by_name(builder):
    moved = "NeuralNetworkBuilder.layer_specs moved: converter.backend.builder relies on it"
    assert hasattr(builder, "layer_specs"), moved
    assert inside.has_layer(builder, "dense"), moved
    assert not inside.has_layer(builder, "b")
    inside.layer_named(builder, "dense").innerProduct.bias.floatValue[:] = [3.0, 4.0]
    stored = builder.spec.neuralNetwork.layers[1].innerProduct.bias.floatValue
    assert list(stored) == [3.0, 4.0], moved


def test_a_removed_layer_may_be_added_again(builder):
    inside.remove_layer(builder, "last")
    assert names(builder) == ["first", "dense"]
    assert not inside.has_layer(builder, "last")
    builder.add_activation("last", "SIGMOID", "b", "y")
    assert names(builder) == ["first", "dense", "last"]
    assert inside.layer_named(builder, "last").WhichOneof("layer") == "activation"


@pytest.mark.parametrize("kind", ["neuralNetwork", "neuralNetworkClassifier"])
def test_the_network_of_a_builder_is_that_of_its_model(kind):
    moved = (
        "NeuralNetworkBuilder.nn_spec moved: converter.backend.builder.remove_layer, "
        "converter.learning and converter.lower rely on it"
    )
    builder = network("classifier" if kind == "neuralNetworkClassifier" else None)
    assert hasattr(builder, "nn_spec"), moved
    builder.nn_spec.layers[0].name = "renamed"
    assert getattr(builder.spec, kind).layers[0].name == "renamed", moved


def test_a_network_that_begins_with_a_scale_layer_becomes_updatable(builder):
    moved = (
        "NeuralNetworkBuilder._check_fp16_weight_param_exists moved: "
        "converter.backend.builder.make_updatable takes its place"
    )
    assert hasattr(builder, "_check_fp16_weight_param_exists"), moved
    inside.make_updatable(builder, ["dense"])
    spec = builder.spec
    assert spec.isUpdatable
    assert [layer.isUpdatable for layer in spec.neuralNetwork.layers] == [False, True, False]
    dense = spec.neuralNetwork.layers[1].innerProduct
    assert dense.weights.isUpdatable
    assert dense.bias.isUpdatable
    assert "_check_fp16_weight_param_exists" not in vars(builder)


@pytest.fixture(scope="module")
def concrete():
    """``relu(x @ w) + 1`` with `w` as an argument."""

    def call(x, w):
        return tf.identity(tf.nn.relu(tf.matmul(x, w)) + 1.0)

    specs = tf.TensorSpec((1, 3), name="x0"), tf.TensorSpec((3, 2), name="w0")
    return tf.function(call, autograph=False).get_concrete_function(*specs)


def test_a_program_has_the_parts_that_the_trace_reads(concrete):
    moved = "MIL programs changed: converter.trace.tracing reads their parts"
    main = mil_program(concrete).functions["main"]
    assert {name: tuple(var.shape) for name, var in main.inputs.items()} == {
        "x0": (1, 3), "w0": (3, 2),
    }, moved  # fmt: skip
    ops = {op.op_type: op for op in main.operations}
    assert {"matmul", "relu", "add"} <= ops.keys(), moved
    assert ops["matmul"].inputs["x"] is main.inputs["x0"], moved
    assert ops["matmul"].inputs["y"] is main.inputs["w0"], moved
    assert ops["matmul"].inputs["transpose_x"].val is not None, moved
    assert ops["relu"].inputs["x"] is ops["matmul"].outputs[0], moved
    assert ops["matmul"].outputs[0].val is None, moved
    assert ops["add"].inputs["y"].val == 1.0, moved
    assert [tuple(var.shape) for var in main.outputs] == [(1, 2)], moved
    assert "MatMul" in ops["matmul"].name, moved


def test_a_conversion_is_quiet(concrete, capfd, recwarn):
    mil_program(concrete)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize("frozen", [False, True])
def test_collections_are_as_before_after_a_conversion(concrete, frozen, monkeypatch):
    monkeypatch.setattr(mil, "_freezes", False)
    gc.unfreeze()
    if frozen:
        gc.freeze()
    before = gc.get_freeze_count()
    try:
        mil_program(concrete)
        assert gc.get_freeze_count() <= before  # what was frozen may die
        assert mil._freezes == frozen
    finally:
        gc.freeze()  # as in every test


def test_the_messages_load_without_the_rest_of_coremltools():
    code = (
        "import sys, converter.coreml.mlmodel\n"
        "print(*sorted(m for m in sys.modules if m.startswith('coremltools')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    moved = "coremltools.proto moved: converter.coreml.mlmodel._load_proto relies on it\n"
    assert done.returncode == 0, moved + done.stderr
    loaded = done.stdout.split()
    assert "coremltools.proto.Model_pb2" in loaded, moved
    assert all(name.startswith("coremltools.proto.") for name in loaded), moved


@pytest.mark.slow
def test_a_later_import_is_quiet_and_shares_the_message_classes():
    """Standard error is an object as in a notebook: muting file descriptor 2 would miss it."""
    code = (
        "import io, sys; sys.stderr = io.StringIO(); from converter.coreml import mlmodel\n"
        "import converter.backend.coremltools, coremltools.converters\n"
        "print(coremltools.proto.Model_pb2.Model is mlmodel.Model_pb2.Model)\n"
        "print(repr(sys.stderr.getvalue()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n''\n", done.stderr
