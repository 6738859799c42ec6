"""The validator as a program: files, formats, exit codes, speed, and models made to break it."""

import json
import math
import os
import subprocess
import sys

import pytest

from converter.cli import run
from converter.coreml.mlmodel import network, write
from converter.validation import finding, validate
from converter.validation.odd_floats import may_be_odd
from converter.validation.rules import RULES
from tests.paths import ROOT
from tests.validation import specs
from tests.validation.broken import sgd
from tests.validation.specs import Layers
from tests.validation.work import calls, most_memory


@pytest.fixture
def good(tmp_path):
    write(specs.lenet(), tmp_path / "good.mlmodel")
    return tmp_path / "good.mlmodel"


@pytest.fixture
def bad(tmp_path):
    model = specs.lenet()
    network(model).updateParams.ClearField("epochs")
    network(model).updateParams.lossLayers[0].name = "softmax"
    write(model, tmp_path / "bad.mlmodel")
    return tmp_path / "bad.mlmodel"


@pytest.fixture
def doubtful(tmp_path):
    model = specs.lenet()
    network(model).updateParams.lossLayers[0].name = ""
    write(model, tmp_path / "doubtful.mlmodel")
    return tmp_path / "doubtful.mlmodel"


def test_a_good_file(good, capsys):
    assert run(["validate", str(good)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "1 file checked, nothing found\n"


def test_a_bad_file_gets_one_line_for_each_finding(bad, capsys):
    assert run(["validate", str(bad)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{bad}: U106 error: layer 'softmax': has the name of another layer or of the loss; give "
        "each layer a name of its own",
        f"{bad}: U110 error: has no number of epochs; set epochs and the allowed values",
    ]


def test_warnings_fail_only_when_strict(doubtful, capsys):
    assert run(["validate", str(doubtful)]) == 0
    assert ": O223 warning: the loss has no name; name it" in capsys.readouterr().out
    assert run(["validate", "--strict", str(doubtful)]) == 1
    assert run(["validate", "--strict", "--ignore", "o223", str(doubtful)]) == 0


def test_notes_never_fail(tmp_path, capsys):
    write(specs.house_prices(), tmp_path / "narrow.mlmodel")
    narrow = str(tmp_path / "narrow.mlmodel")
    assert run(["validate", "--strict", narrow]) == 0
    assert "O216 note: epochs can only be 500 in the app" in capsys.readouterr().out
    run(["validate", "--format", "github", narrow])
    assert capsys.readouterr().out.startswith(f"::notice file={narrow},title=O216::")
    run(["validate", "--format", "sarif", narrow])
    (log,) = json.loads(capsys.readouterr().out)["runs"]
    assert {result["level"] for result in log["results"]} == {"note"}


def test_rules_can_be_ignored_in_a_list(bad):
    assert run(["validate", "--ignore", "U106", str(bad)]) == 1
    assert run(["validate", "--ignore", "U106, u110", str(bad)]) == 0
    assert run(["validate", "--ignore", "U106", "--ignore", "U110", str(bad)]) == 0


def test_a_model_can_be_required_to_be_updatable(tmp_path, good, capsys):
    write(specs.lenet(updatable=False), tmp_path / "frozen.mlmodel")
    frozen = str(tmp_path / "frozen.mlmodel")
    assert run(["validate", frozen]) == 0
    assert run(["validate", "--require-updatable", str(good)]) == 0
    assert run(["validate", "--require-updatable", frozen]) == 1
    assert "O225 error: is not updatable" in capsys.readouterr().out


def test_folders_and_patterns(tmp_path, good, bad, capsys):
    (tmp_path / "deeper").mkdir()
    good.rename(tmp_path / "deeper" / "good.mlmodel")
    (tmp_path / "notes.txt").write_text("not a model")
    assert run(["validate", str(tmp_path)]) == 1
    assert {line.split(": ")[0] for line in capsys.readouterr().out.splitlines()} == {str(bad)}
    assert run(["validate", str(tmp_path / "**" / "good*")]) == 0
    assert run(["validate", str(tmp_path / "*.mlmodel"), str(tmp_path / "deeper")]) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "name a file"),
        (["nowhere.mlmodel"], "nowhere.mlmodel: does not exist"),
        (["no*where"], "does not exist"),
        (["--ignore", "X999", "."], "no rule 'X999'"),
        (["--explain", "X999"], "no rule 'X999'"),
        (["--format", "xml", "."], "xml"),
    ],
)
def test_wrong_usage(arguments, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["validate", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_an_empty_folder_is_wrong_usage(tmp_path, capsys):
    assert run(["validate", str(tmp_path)]) == 2
    assert "holds no .mlmodel file" in capsys.readouterr().err


def test_standard_input(good, bad):
    for path, code in ((good, 0), (bad, 1)):
        script = "import sys; from converter.cli import run; sys.exit(run(['validate', '-']))"
        command = [sys.executable, "-c", script]
        with path.open("rb") as stream:
            done = subprocess.run(command, stdin=stream, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == code, done.stderr
        assert all(line.startswith("-: U1") for line in done.stdout.splitlines())


def test_json(bad, capsys):
    run(["validate", "--format", "json", str(bad)])
    report = json.loads(capsys.readouterr().out)
    assert list(report) == ["findings"]
    assert report["findings"][0] == {
        "file": str(bad),
        "code": "U106",
        "severity": "error",
        "origin": "apple",
        "layer": "softmax",
        "message": "has the name of another layer or of the loss",
        "fix": "give each layer a name of its own",
    }


def test_json_of_a_clean_file(good, capsys):
    assert run(["validate", "--format", "json", str(good)]) == 0
    assert json.loads(capsys.readouterr().out) == {"findings": []}


def test_github(bad, capsys):
    run(["validate", "--format", "github", str(bad)])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"::error file={bad},title=U106::layer 'softmax': has the name")


def test_sarif(bad, capsys):
    run(["validate", "--format", "sarif", str(bad)])
    log = json.loads(capsys.readouterr().out)
    (log_run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [result["ruleId"] for result in log_run["results"]] == ["U106", "U110"]
    assert {rule["id"] for rule in log_run["tool"]["driver"]["rules"]} == {
        rule.RULE.code for rule in RULES
    }
    location = log_run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == bad.as_posix()


def test_explain_and_list(capsys):
    assert run(["validate", "--explain", "u104"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("U104 gradient-path (error, origin: apple)")
    assert "\nFix: " in text
    assert run(["validate", "--list-rules"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(RULES)


def test_a_finding_in_a_pipeline_names_the_model(tmp_path, capsys):
    model = specs.pipeline()
    network(model.pipeline.models[1]).updateParams.ClearField("epochs")
    write(model, tmp_path / "pipeline.mlmodel")
    assert run(["validate", str(tmp_path)]) == 1
    line = capsys.readouterr().out.strip()
    assert "U110 error: model 1 'model_1' of the pipeline: has no number of epochs" in line


def test_names_stay_on_one_line(tmp_path, capsys):
    model = specs.lenet(updatable=False)
    layer = network(model).layers[0]
    layer.name = "two\nlines\x1b[31m" + "x" * 500
    layer.convolution.ClearField("valid")
    write(model, tmp_path / "odd.mlmodel")
    run(["validate", str(tmp_path)])
    (line,) = capsys.readouterr().out.splitlines()
    assert "'two\\nlines\\x1b[31mxxx" in line
    assert len(line) < 300


def test_a_bug_in_a_rule_is_ours(good, monkeypatch, capsys):
    def broken(model):
        raise KeyError("oops")
        yield

    monkeypatch.setattr(RULES[5], "check", broken)
    assert run(["validate", str(good)]) == 3
    error = capsys.readouterr().err
    assert f"rule {RULES[5].RULE.code} failed with KeyError" in error
    assert str(good) in error


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff" * 100, bytes(range(256)), b"\n" * 1000])
def test_arbitrary_bytes_are_findings(data):
    assert validate.has_errors(validate.validate_bytes(data))


def test_a_truncated_file_is_a_finding():
    data = specs.lenet().SerializeToString()
    for end in range(0, len(data), 97):
        assert validate.has_errors(validate.validate_bytes(data[:end]))


GROUP, END, OTHER_END = b"\x0b", b"\x0c", b"\x14"
"""Begin and end of a group with the number of a field, and the end of another group."""


@pytest.mark.parametrize(
    ("ignored", "tail"),
    [
        (b"", b"\0"),
        (b"", b"\0" * 100),
        (b"", END + b"rubbish"),
        (b"", b"\x04"),
        (b"", b"\x80\x80\x80\x80\x00"),
        (GROUP + END, b"\0"),
        (GROUP + b"\x7a\x02ab" + GROUP + END + END, END),
        (GROUP * 100 + END * 100, b"\0"),
        (b"\x78" + b"\x80" * 9 + b"\x01", b"\0"),
    ],
)
def test_what_follows_the_model_is_not_blamed_on_apple(ignored, tail):
    (only,) = validate.validate_bytes(specs.lenet().SerializeToString() + ignored + tail)
    assert (only.code, only.origin) == ("F102", "ours")
    assert f"has {len(tail)} bytes after the end" in only.message


def test_what_apple_reads_and_nobody_else_is_not_blamed_on_apple():
    """A tag of 35 bits, of which those above 32 are dropped: it is the specification version."""
    data = specs.lenet().SerializeToString()
    (only,) = validate.validate_bytes(data + b"\x88\x80\x80\x80\x10\x04")
    assert (only.code, only.message) == ("F102", "has tags of more than 32 bits")
    found = validate.validate_bytes(data + b"\x88\x80\x80\x80\x10\x03")
    assert {f.code for f in found} == {"F102", "U101"}


@pytest.mark.parametrize(
    "tail", [b"", GROUP + END, b"\x7a\x02ab", b"\x7d1234", GROUP * 100 + END * 100]
)
def test_what_any_reader_passes_over_is_nothing(tail):
    assert validate.validate_bytes(specs.lenet().SerializeToString() + tail) == []


@pytest.mark.parametrize(
    "tail",
    [
        b"\x80",
        b"\x80\x80\x80\x80\x80\x00",
        b"\x0f",
        b"\x02\x00",
        b"\x7a\x05ab\0",
        b"\x78" + b"\x80" * 10 + b"\x00",
        GROUP,
        GROUP + OTHER_END,
        GROUP + b"\0" + END,
        GROUP * 101 + END * 101 + b"\0",
    ],
)
def test_endings_that_apple_refuses_too(tail):
    found = validate.validate_bytes(specs.lenet().SerializeToString() + tail)
    assert [(f.code, f.origin) for f in found] == [("F101", "apple")]


def test_names_that_are_no_utf8_are_a_finding():
    data = specs.lenet().SerializeToString().replace(b"pool_1", b"pool\xff1")
    assert [f.code for f in validate.validate_bytes(data)] == ["F101"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_a_finding(good):
    good.chmod(0)
    assert [f.code for f in validate.validate_file(good)] == ["F101"]


def test_a_folder_is_no_model(tmp_path):
    assert [f.code for f in validate.validate_file(tmp_path)] == ["F101"]


# -- work that grows with the model, and no faster -------------------------------------------------


def long_chain(count):
    model = specs.new_model()
    specs.feature(model.description.input, "x", [2])
    layers = Layers(network(model), "x")
    for number in range(count):
        layers.activation(f"layer_{number}")
    specs.feature(model.description.output, layers.last)
    return model


def trained(count):
    model = long_chain(count)
    specs.add_training(model, model.description.input, ("t", [2], "DOUBLE"), "mse", blob="layer_9")
    return model


def that_read_themselves(count):
    model = long_chain(count)
    for layer in network(model).layers:
        layer.input[0] = layer.output[0]
    return model


def with_one_blob_that_all_make_and_read(count):
    model = long_chain(count)
    for layer in network(model).layers:
        layer.output[0] = "same"
        layer.input.extend(["same"] * 5)
    return model


def with_an_input_each(count):
    model = specs.new_model()
    layers = Layers(network(model), "x0")
    for number in range(count):
        specs.feature(model.description.input, f"x{number}", [1])
        layers.add("add", f"sum_{number}", [layers.last, f"x{number}"])
    specs.feature(model.description.output, layers.last)
    model.isUpdatable = True
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layers", "codes"),
    [
        # The update rules are broken, so Apple's shape inference is gone through as well.
        (trained, {"U103"}),
        (that_read_themselves, {"L203"}),
        (with_one_blob_that_all_make_and_read, {"L203", "L204", "L205"}),
        (with_an_input_each, {"U103", "O201"}),
    ],
)
def test_ten_times_the_layers_take_ten_times_the_work(layers, codes):
    few, many = layers(300), layers(3000)
    assert {f.code for f in validate.findings(many)} >= codes
    assert calls(validate.findings, many) < 11 * calls(validate.findings, few)


def test_nested_pipelines_and_branches():
    model = specs.dense_head()
    for _ in range(40):
        model = specs.pipeline(model)
    assert {f.code for f in validate.findings(model)} == {"O220"}
    flow = specs.control_flow()
    for _ in range(20):
        outer = specs.control_flow()
        network(outer).layers[2].branch.ifBranch.layers.extend(network(flow).layers[2:])
        flow = outer
    assert isinstance(validate.findings(flow), list)


def test_deeper_nesting_than_protobuf_reads():
    inner = specs.dense_head().SerializeToString()
    for _ in range(200):
        chain = specs.new_model("pipeline").SerializeToString()
        body = b"\x0a" + varint(len(inner)) + inner  # Pipeline.models
        inner = chain + b"\xd2\x0c" + varint(len(body)) + body  # Model.pipeline
    assert [f.code for f in validate.validate_bytes(inner)] == ["F101"]


def varint(number):
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*result, number])


def test_declared_sizes_are_never_allocated():
    model = specs.lenet()
    net = network(model)
    huge = 2**64 - 1
    net.layers[0].convolution.outputChannels = huge
    net.layers[0].convolution.kernelSize[:] = [huge, huge]
    net.layers[4].innerProduct.inputChannels = huge
    model.description.input[0].type.multiArrayType.shape[:] = [2**62, 2**62, 2**62]
    assert {f.code for f in validate.findings(model)} >= {"L209", "L210"}
    assert calls(validate.findings, model) < 2 * calls(validate.findings, specs.lenet())
    assert most_memory(validate.findings, model) < 1_000_000


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_weights_that_are_no_numbers_are_found_in_files(odd):
    model = specs.pipeline()
    network(model.pipeline.models[1]).layers[0].innerProduct.weights.floatValue[7] = odd
    (only,) = validate.validate_bytes(model.SerializeToString())
    assert (only.code, only.layer) == ("O229", "dense_2")
    assert only.place == "model 1 'model_1' of the pipeline"


def test_a_large_number_that_is_no_weight_raises_no_suspicion():
    """The lowest float, from which maxima start: the weights need not be looked at one by one."""
    model = specs.many_layers()
    for layer in network(model).layers:
        if layer.name == "padding":
            layer.padding.constant.value = -3.4028235e38
    assert not may_be_odd(model.SerializeToString())
    network(model).layers[0].convolution.weights.floatValue[0] = -3.4028235e38
    assert may_be_odd(model.SerializeToString())


def test_weights_are_looked_at_in_large_blocks():
    few, many = (specs.dense_head(n).SerializeToString() for n in (50, 100_000))
    assert not validate.has_errors(validate.validate_bytes(many))
    assert calls(validate.validate_bytes, many) < 1.1 * calls(validate.validate_bytes, few)
    assert most_memory(validate.validate_bytes, many) < len(many) / 10


def test_further_files_cost_little(tmp_path):
    for number in range(10):
        write(specs.lenet(), tmp_path / f"{number}.mlmodel")
    one = calls(run, ["validate", str(tmp_path / "0.mlmodel")])
    assert calls(run, ["validate", str(tmp_path)]) - one < 9 * 10_000


def test_only_what_is_needed_is_imported(good):
    script = (
        "import sys\n"
        "from converter.cli import run\n"
        f"assert run(['validate', {str(good)!r}]) == 0\n"
        "print(' '.join(sys.modules))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    slow = {"numpy", "tensorflow", "keras", "coremltools", "pydantic", "rich", "yaml"}
    assert not slow & set(done.stdout.split())
    assert "converter.validation.apple.shapes" not in done.stdout.split()


def test_quoted_names():
    assert finding.quoted("dense_5") == "'dense_5'"
    assert len(finding.quoted("x" * 1000)) == finding.LONGEST_NAME + 2


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        (lambda p: setattr(p, "defaultValue", 0), "give a default of 1 or more, and allow no less"),
        (lambda p: p.set.values.insert(0, 0), "allow no value below 1"),
        (lambda p: setattr(p, "defaultValue", 33), "include the default in the allowed values"),
    ],
)
def test_the_remedy_for_a_count_helps(change, fix):
    model = specs.lenet()
    change(sgd(model).miniBatchSize)
    (found,) = [f for f in validate.findings(model) if f.code == "U111"]
    assert found.fix == fix
