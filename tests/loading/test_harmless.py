"""No operation runs that is not on the list, wherever in a SavedModel it stands."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

from converter.backend.saved_model import operation
from converter.backend.tensorflow import tf
from converter.errors import KerasFileError
from converter.loading import load
from converter.loading.saved_graph.flat import flat_graph
from converter.loading.saved_graph.harmless import (
    FOLLOWED,
    GROUPS,
    HARMLESS,
    SAME,
    VARIABLES,
    table,
)
from tests.loading.saved_graphs import changed, message_of, unpacked
from tests.paths import ROOT

INPUTS = ("Placeholder", "PlaceholderWithDefault")
"""Not run either: what they give is given, or is their default."""


def registered():
    """Return all operations that this TensorFlow knows."""
    found = op_def_pb2.OpList()
    octets = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    found.ParseFromString(octets)
    return {one.name: one for one in found.op}


ALL = registered()
FORBIDDEN = sorted(ALL.keys() - HARMLESS - {*FOLLOWED, *VARIABLES, *SAME, *INPUTS})


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return unpacked("tf221_v1", tmp_path_factory.mktemp("exported"))


def in_the_graph(graph, kind):
    """Let the signature's output go through an operation of the main graph."""
    output = graph.signature_def["default"].outputs["default"]
    graph.graph_def.node.add(name="bad", op=kind, input=[output.name])
    output.name = "bad:0"


def in_a_function(graph, kind):
    """Let it go through a function of a function that has the operation."""
    inner = graph.graph_def.library.function.add()
    inner.signature.name = "inner"
    inner.signature.input_arg.add(name="x", type=1)
    inner.signature.output_arg.add(name="y", type=1)
    inner.node_def.add(name="bad", op=kind, input=["x"])
    inner.ret["y"] = "bad:first:0"
    outer = graph.graph_def.library.function.add()
    outer.CopyFrom(inner)
    outer.signature.name = "outer"
    del outer.node_def[:]
    call = outer.node_def.add(name="bad", op="StatefulPartitionedCall", input=["x"])
    call.attr["f"].func.name = "inner"
    outer.ret["y"] = "bad:output:0"
    output = graph.signature_def["default"].outputs["default"]
    node = graph.graph_def.node.add(name="call", op="PartitionedCall", input=[output.name])
    node.attr["f"].func.name = "outer"
    output.name = "call:0"


def test_the_list_names_operations_of_tensorflow_once_each_with_a_reason():
    every = [kind for _, kinds in GROUPS.values() for kind in kinds]
    assert len(every) == len(HARMLESS)
    assert not HARMLESS - ALL.keys()
    assert all(reason for reason, _ in GROUPS.values())


def test_what_is_on_the_list_keeps_no_state_and_takes_no_resources_or_functions():
    known = [ALL[kind] for kind in HARMLESS]
    assert not [one.name for one in known if one.is_stateful]
    text_resource_variant = {7, 20, 21}
    taken = {part.type for one in known for part in (*one.input_arg, *one.output_arg)}
    assert not taken & text_resource_variant
    assert not [one.name for one in known for part in one.attr if "func" in part.type]


def test_each_input_and_attribute_has_its_name_in_python():
    """Those of ``tf.raw_ops`` that are called otherwise are found by their place."""
    for kind in HARMLESS - {"Const"}:
        found = operation(kind).parameters
        theirs = set(inspect.signature(getattr(tf.raw_ops, kind)).parameters) - {"name"}
        assert set(found.values()) == theirs, kind
        assert len(set(found.values())) == len(found), kind
    assert operation("Mean").parameters["reduction_indices"] == "axis"
    assert operation("Squeeze").parameters["squeeze_dims"] == "axis"


@pytest.mark.slow
@pytest.mark.parametrize("place", [in_the_graph, in_a_function])
def test_every_other_operation_of_tensorflow_is_refused(place, exported):
    assert len(FORBIDDEN) > 1500
    allowed = []
    for kind in FORBIDDEN:
        graph = message_of(exported).meta_graphs[0]
        place(graph, kind)
        try:
            flat_graph(graph, "default")
        except KerasFileError as error:
            assert f"'{kind}'" in str(error)  # noqa: PT017
        else:
            allowed.append(kind)
    assert not allowed


@pytest.mark.parametrize("kind", ["ReadFile", "NoSuchOperation", "ImmutableConst", "EagerPyFunc"])
def test_a_forbidden_operation_is_refused_before_anything_is_read(kind, exported, tmp_path):
    place = unpacked("tf221_v1", tmp_path)
    changed(place, lambda graph: in_the_graph(graph, kind))
    (place / "variables" / "variables.index").unlink()
    with pytest.raises(KerasFileError, match=f"the operation '{kind}' .* is not on the list"):
        load(place)


class Bad(tf.Module):
    """A module with a weight, and a function that does more than compute."""

    def __init__(self, function, spec):
        super().__init__()
        self.w = tf.Variable(tf.ones((2, 2)), name="w")
        self.call = tf.function(lambda x: function(x) @ self.w, input_signature=[spec])


FLOATS = tf.TensorSpec((None, 2), tf.float32, name="x")
TEXT = tf.TensorSpec((), tf.string, name="x")


def python(x):
    return tf.ensure_shape(tf.numpy_function(_ran, [x], tf.float32), (None, 2))


def _ran(x):
    pytest.fail("Python of a file was run")


def writing(x):
    with tf.control_dependencies([tf.io.write_file("written.txt", "here")]):
        return x + tf.cast(tf.strings.length(tf.io.read_file("written.txt")), tf.float32)


def looping(x):
    return tf.while_loop(lambda y: tf.reduce_sum(y) < 1e9, lambda y: 2.0 * y, [x])[0]


def decoding(text):
    return tf.reshape(tf.cast(tf.io.decode_jpeg(text), tf.float32), (-1, 2))


REAL = {
    "PyFunc": (python, FLOATS, "layers alone"),
    "ReadFile": (writing, FLOATS, "layers alone"),
    "While": (looping, FLOATS, "layers alone"),
    "DecodeJpeg": (decoding, TEXT, "takes images as float32 [batch, height, width, channels]"),
    "RandomUniform": (lambda x: x + tf.random.uniform((1, 2)), FLOATS, "layers alone"),
    "Print": (lambda x: tf.raw_ops.Print(input=x, data=[x]), FLOATS, "layers alone"),
}


@pytest.mark.parametrize("kind", REAL)
def test_real_graphs_that_do_more_than_compute_are_refused(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, spec, advice = REAL[kind]
    module = Bad(function, spec)
    tf.saved_model.save(module, "bad", signatures=module.call)
    with pytest.raises(KerasFileError, match=r"is not run; export a signature") as caught:
        load(tmp_path / "bad")
    assert f"'{kind}'" in str(caught.value) or f"'Stateless{kind}'" in str(caught.value)
    assert advice in str(caught.value)
    assert not (tmp_path / "written.txt").exists()


def test_what_restores_and_initializes_a_model_never_runs(tmp_path, monkeypatch):
    """``tf.saved_model.load`` would run both."""
    monkeypatch.chdir(tmp_path)
    place = unpacked("tf221_module", tmp_path)

    def poison(graph):
        for function in graph.graph_def.library.function:
            if "restore" in function.signature.name:
                for node in function.node_def:
                    node.op = "WriteFile"
        graph.graph_def.node.add(name="init", op="WriteFile")
        graph.signature_def["__saved_model_init_op"].outputs["__saved_model_init_op"].name = "init"

    model = load(changed(place, poison), signature="scores").model
    assert np.asarray(model(np.ones((1, 8, 8), "f4"))).shape == (1, 3)
    assert not list(tmp_path.glob("*.txt"))


def test_the_documentation_has_the_list():
    text = (ROOT / "docs" / "saved-models.md").read_text()
    shown = text.partition("<!-- harmless:begin -->\n")[2].partition("\n<!-- harmless:end -->")[0]
    assert shown == table(), "run: python -m converter.loading.saved_graph.harmless"
