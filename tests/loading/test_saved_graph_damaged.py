"""SavedModels that are damaged, absurd, or made to keep a machine busy: one clear line each."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from converter import cli
from converter.backend.tensorflow import tf
from converter.errors import KerasFileError, MakeUpdatableError, UsageError
from converter.loading import load
from tests.loading.saved_graphs import FORMS, changed, message_of, unpacked


def output_through(graph, kind, inputs=(), **attributes):
    """Let the output go through an operation of the kind `kind`; return its node."""
    output = graph.signature_def["default"].outputs["default"]
    given = [*(output.name,), *inputs]
    node = graph.graph_def.node.add(name=f"more_{kind}", op=kind, input=given)
    for name, value in attributes.items():
        node.attr[name].CopyFrom(value)
    output.name = f"{node.name}:0"
    return node


def constant(graph, name, values, dtype=tf.int32):
    node = graph.graph_def.node.add(name=name, op="Const")
    node.attr["dtype"].type = dtype.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values, dtype))
    return node


def many_tiles(graph):
    constant(graph, "times", [2**20, 2**20])
    output_through(graph, "Tile", ["times"])


def splat(graph):
    node = constant(graph, "ones", [1.0], tf.float32)
    node.attr["value"].tensor.tensor_shape.dim[0].size = 2**40
    output_through(graph, "AddV2", ["ones"])


def filled(graph):
    constant(graph, "sizes", [2**30, 2**30])
    constant(graph, "zero", 0.0, tf.float32)
    graph.graph_def.node.add(name="zeros", op="Fill", input=["sizes", "zero"])
    output_through(graph, "AddV2", ["zeros"])


def functions_without_end(graph):
    function = graph.graph_def.library.function.add()
    function.signature.name = "again"
    function.signature.input_arg.add(name="x", type=1)
    function.signature.output_arg.add(name="y", type=1)
    call = function.node_def.add(name="call", op="PartitionedCall", input=["x"])
    call.attr["f"].func.name = "again"
    function.ret["y"] = "call:output:0"
    output_through(graph, "again")


def functions_that_double(graph):
    """Thirty functions, each calling the next twice: a thousand million operations."""
    for level in range(30):
        function = graph.graph_def.library.function.add()
        function.signature.name = f"level_{level}"
        function.signature.input_arg.add(name="x", type=1)
        function.signature.output_arg.add(name="y", type=1)
        for name, source in (("a", "x"), ("b", "a:output:0")):
            node = function.node_def.add(name=name, op="PartitionedCall", input=[source])
            node.attr["f"].func.name = f"level_{level + 1}" if level < 29 else "end"
        function.ret["y"] = "b:output:0"
    function = graph.graph_def.library.function.add()
    function.signature.name = "end"
    function.signature.input_arg.add(name="x", type=1)
    function.signature.output_arg.add(name="y", type=1)
    function.ret["y"] = "x"
    output_through(graph, "level_0")


def a_name_of_many_lines(graph):
    output_through(graph, "ReadFile").name = 200 * "line\n"
    graph.signature_def["default"].outputs["default"].name = 200 * "line\n"


def a_function_that_is_missing(graph):
    output_through(graph, "PartitionedCall")


def circle(graph):
    graph.graph_def.node.add(name="a", op="AddV2", input=["b", "b"])
    graph.graph_def.node.add(name="b", op="Neg", input=["a"])
    output_through(graph, "AddV2", ["a"])


def nowhere(graph):
    output_through(graph, "AddV2", ["nobody"])


def no_signature(graph):
    graph.signature_def.clear()


def of_another_size(graph):
    constant(graph, "five", [1.0] * 5, tf.float32)
    output_through(graph, "AddV2", ["five"])


def seven_at_once(graph):
    graph.signature_def["default"].inputs["images"].tensor_shape.dim[0].size = 7


def frozen(graph):
    for node in graph.graph_def.node:
        if node.op == "VariableV2":
            sizes = [dim.size for dim in node.attr["shape"].shape.dim]
            values = tf.make_tensor_proto(np.ones(sizes, "f4"))
            node.op = "Const"
            node.attr["value"].tensor.CopyFrom(values)


def of_another_model(graph):
    for node in graph.graph_def.node:
        if node.name == "Net/Logits/biases":
            node.attr["shape"].shape.dim[0].size = 4


def without_a_variable(graph):
    for node in graph.graph_def.node:
        node.name = node.name.replace("Net/Logits/biases", "Net/Logits/offsets")
        for place, name in enumerate(node.input):
            node.input[place] = name.replace("Net/Logits/biases", "Net/Logits/offsets")


def of_texts(graph):
    graph.signature_def["default"].inputs["images"].dtype = tf.string.as_datatype_enum


def always_the_same(graph):
    graph.graph_def.node.add(name="same", op="Neg", input=["Net/Logits/biases/read"])
    graph.signature_def["default"].outputs["default"].name = "same:0"


def of_another_input(graph):
    graph.graph_def.node.add(name="other", op="Placeholder")
    output_through(graph, "AddV2", ["other"])


def of_words(graph):
    constant(graph, "words", ["a", "b", "c"], tf.string)
    output_through(graph, "AddV2", ["words"])


def many_large_arrays(graph, count=10):
    """The sum of `count` + 1 arrays of 3 * 2**26 numbers is to stay below 2**31."""
    constant(graph, "times", [1, 2**26])
    output_through(graph, "Tile", ["times"])
    for number in range(count):
        output_through(graph, "Neg").name = f"large_{number}"
        graph.signature_def["default"].outputs["default"].name = f"large_{number}:0"


def as_many_as_it_says(graph):
    constant(graph, "axes", [0, 1])
    constant(graph, "zero", 0)
    constant(graph, "one", 1)
    output_through(graph, "Sum", ["axes"])
    output_through(graph, "Cast", DstT=tf.compat.v1.AttrValue(type=tf.int32.as_datatype_enum))
    graph.graph_def.node.add(name="numbers", op="Range", input=["zero", "more_Cast", "one"])
    graph.signature_def["default"].outputs["default"].name = "numbers:0"


CHANGES = {
    of_texts: "its input 'images' is string, not numbers; export a signature that takes images or",
    always_the_same: "gives the same whatever its input is; export the whole model",
    of_another_input: "its graph needs an input that the signature lacks: other",
    of_words: "its constant words holds no numbers",
    many_large_arrays: "computes more numbers for one sample than any network does",
    as_many_as_it_says: "how large the result of its operation 'Range' (numbers) is depends on the "
    "values of the input; export a signature of layers alone",
    many_tiles: "makes an array of shape",
    splat: "makes an array of shape (1099511627776,), larger than any network needs",
    filled: "makes an array of shape",
    functions_without_end: "call each other without end",
    functions_that_double: "more than 20,000 operations, which no network needs",
    a_function_that_is_missing: "calls a function that it lacks (more_PartitionedCall)",
    a_name_of_many_lines: "the operation 'ReadFile' (line line line",
    circle: "goes in a circle",
    nowhere: "takes a value that nothing gives: nobody",
    no_signature: "has no signature",
    of_another_size: "its operation 'AddV2' (more_AddV2) does not fit what it takes",
    seven_at_once: "takes 7 samples at once",
    frozen: "reads no variables, so there is nothing that could learn",
    of_another_model: "is float32 of shape (4,), but the checkpoint holds float32 of shape (3,)",
    without_a_variable: "has no array for the variable 'Net/Logits/offsets'",
}


def refused(place, **options):
    with pytest.raises(MakeUpdatableError) as caught:
        load(place, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_graph_that_no_network_has_is_refused_in_one_line(change, tmp_path):
    place = unpacked("tf221_v1", tmp_path)
    said = refused(changed(place, change))
    assert CHANGES[change] in said
    assert said.startswith(f"{place}: ")


def test_large_arrays_that_are_fewer_are_read(tmp_path):
    place = changed(unpacked("tf221_v1", tmp_path), lambda graph: many_large_arrays(graph, 9))
    assert load(place).model.output_shape == (None, 3 * 2**26)


def test_a_normalization_in_training_mode_is_refused(tmp_path):
    def train(graph):
        for function in graph.graph_def.library.function:
            for node in function.node_def:
                if node.op == "FusedBatchNormV3":
                    node.attr["is_training"].b = True

    place = unpacked("tf215_function", tmp_path)
    assert [layer.name for layer in load(place).model.layers if "_bn" in layer.name] == [
        "conv_bn", "depthwise_bn"
    ]  # fmt: skip
    assert refused(changed(place, train)).endswith(
        "conv_bn/FusedBatchNormV3 is in training mode; export the signature for predictions: "
        "training=False"
    )


def test_a_message_without_a_graph_is_damaged(tmp_path):
    place = unpacked("tf221_v1", tmp_path)
    message = message_of(place)
    del message.meta_graphs[:]
    (place / "saved_model.pb").write_bytes(message.SerializeToString())
    assert message.saved_model_schema_version == 1
    words = "its graph (saved_model.pb) is damaged or truncated; copy or export it again"
    assert refused(place) == f"{place}: {words}"


def test_a_graph_as_large_as_only_weights_are_is_not_read(tmp_path, monkeypatch):
    place = unpacked("tf221_v1", tmp_path)
    size = (place / "saved_model.pb").stat().st_size
    monkeypatch.setattr("converter.loading.saved_graph.message.LARGEST_MESSAGE", size)
    assert load(place).model.built
    monkeypatch.setattr("converter.loading.saved_graph.message.LARGEST_MESSAGE", size - 1)
    assert "which no network needs whose weights are variables" in refused(place)
    monkeypatch.undo()
    with (place / "saved_model.pb").open("ab") as file:
        file.write(b"\x7a\x80\x80\x80\x80\x01")  # a field 15 of 2**28 bytes, which nobody knows,
        file.truncate(file.tell() + 2**28)  # and of which none is on the disk
    assert "its graph (saved_model.pb) has 268 MB, which no network needs" in refused(place)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("saved_model.pb", "damaged or truncated"),
        ("variables/variables.index", "damaged"),
        ("variables/variables.data-00000-of-00001", "bytes, but variables.index tells of"),
    ],
)
def test_damaged_files(name, words, tmp_path):
    place = unpacked("tf221_v1", tmp_path)
    (place / name).write_bytes((place / name).read_bytes()[:-9])
    assert words in refused(place)
    (place / name).unlink()
    assert refused(place)


def test_any_change_of_a_byte_is_read_or_told_in_one_line(tmp_path):
    place = unpacked("tf221_v1", tmp_path)
    path = place / "saved_model.pb"
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        octets = bytearray(whole)
        for at in random.integers(0, len(octets), 3):
            octets[at] = random.integers(256)
        path.write_bytes(octets)
        try:
            load(place)
        except MakeUpdatableError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_variables_of_another_model_are_refused(tmp_path):
    place = unpacked("tf221_v1", tmp_path / "one")
    other = unpacked("tf221_module", tmp_path / "other")
    shutil.rmtree(place / "variables")
    shutil.copytree(other / "variables", place / "variables")
    with pytest.raises(KerasFileError, match=r"has no array for the variable .* of another model"):
        load(place)


def test_signatures():
    source = FORMS / "tf221_module.zip"
    there, listed = re.escape(str(source)), "features, scores"
    with pytest.raises(UsageError, match=rf"^{there}: has several .* \({listed}\); choose"):
        load(source)
    with pytest.raises(UsageError, match=rf"^{there}: has no signature 'score'; its .*: {listed}$"):
        load(source, signature="score")
    assert load(source, signature="features").model.output_shape == (None, 6)


def test_flags_of_other_forms_are_refused(tmp_path):
    layers, graph = FORMS.parent / "tf215_hdf5.h5", FORMS / "tf221_v1.zip"
    with pytest.raises(UsageError, match=rf"^{layers}: --signature is for .* leave it out$"):
        load(layers, signature="serving_default")
    with pytest.raises(UsageError, match=rf"^{graph}: --weights is for models .* leave it out$"):
        load(graph, weights=layers)


def test_open_sizes_are_asked_for():
    with pytest.raises(KerasFileError, match=r"open \(\?,\?,3\); give them: --input-shape 224"):
        load(FORMS / "tf215_hub.zip")
    with pytest.raises(KerasFileError, match=r"which --input-shape 16,20,1 contradicts"):
        load(FORMS / "tf215_hub.zip", input_shape=(16, 20, 1))


def test_a_file_of_a_saved_model_alone(tmp_path, capsys):
    place = unpacked("tf221_v1", tmp_path)
    words = "saved_model.pb: is a part of a SavedModel; give the folder that it lies in"
    assert words in refused(place / "saved_model.pb")
    assert cli.run(["inspect", str(place / "saved_model.pb")]) == 1
    assert words in capsys.readouterr().err
