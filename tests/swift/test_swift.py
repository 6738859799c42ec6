"""The generated Swift: whole files as recorded, their syntax, and texts that try to break out.

The files are parsed by a real grammar of Swift. They are not compiled here: there is no Core ML.
After a change of the template: ``UPDATE_GOLDEN=1 python -m pytest tests/swift``, then read the
difference.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.coreml import mlmodel
from converter.coreml.mlmodel import Model_pb2
from converter.errors import TrainingError
from converter.swift import generate
from converter.swift.names import KEYWORDS, comment, identifier, string, type_name
from converter.swift.trainer import runs, trainer
from tests.device.specs import INTERFACES, build
from tests.paths import FIXTURES
from tests.swift.grammar import Source

GOLDEN = FIXTURES / "swift"
SCRIPT = Path(sys.executable).with_name("make-updatable")


def two_inputs():
    """Return a model with a second input, whose name is a word of Swift's."""
    spec = build()
    for features in (spec.description.input, spec.description.trainingInput):
        added = features.add()
        added.CopyFrom(features[0])
        added.name = "class"
        added.type.multiArrayType.shape[:] = [5]
        added.type.multiArrayType.dataType = added.type.multiArrayType.FLOAT32
    return spec


def in_pipeline():
    inner = build()
    spec = Model_pb2.Model(specificationVersion=4, isUpdatable=True)
    spec.description.CopyFrom(inner.description)
    spec.pipeline.models.add(specificationVersion=4).neuralNetwork.SetInParent()
    spec.pipeline.models.add().CopyFrom(inner)
    return spec


def adam():
    spec = build()
    optimizer = spec.neuralNetwork.updateParams.optimizer
    size = type(optimizer.sgdOptimizer.miniBatchSize)()
    size.CopyFrom(optimizer.sgdOptimizer.miniBatchSize)
    chosen = optimizer.adamOptimizer
    chosen.miniBatchSize.CopyFrom(size)
    for field, value in (("learningRate", 1e-3), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-7)):
        getattr(chosen, field).defaultValue = value
    chosen.learningRate.range.maxValue = float("inf")
    update = spec.neuralNetwork.updateParams
    update.seed.defaultValue = -3
    update.seed.range.minValue, update.seed.range.maxValue = -5, 2**40
    return spec


MODELS = {name: (lambda options=options: build(**options)) for name, options in INTERFACES.items()}
MODELS |= {"two_inputs": two_inputs, "pipeline": in_pipeline, "adam": adam}


@pytest.mark.parametrize("name", MODELS)
def test_the_source_is_as_recorded(name):
    source = generate(MODELS[name](), "ModelTrainer", "Digits")
    path = GOLDEN / f"{name}.swift"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(source)
    assert source == path.read_text()


def forced(source):
    """Return the expressions that are unwrapped by force."""
    found = [node.parent for node in source.nodes("bang")]
    return [source.text(node) for node in found if node.type == "postfix_expression"]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.swift")), ids=lambda path: path.stem)
def test_a_recorded_source_is_swift_of_the_safe_kind(path):
    source = Source(path.read_text())
    assert source.mistakes() == []
    assert path.stem in MODELS
    # Force unwrapping, try! and as! end the app's process.
    assert forced(source) == []
    assert not re.search(r"\b(try|as)!", path.read_text())
    assert max(map(len, path.read_text().splitlines())) <= 120
    functions = {
        source.text(node.child_by_field_name("name"))
        for node in source.nodes("function_declaration")
    }
    measure = "meanSquaredError" if path.stem == "regressor" else "accuracy"
    assert functions >= {"train", "reset", "predict", "weights", "biases", "save", measure}


def test_the_grammar_finds_mistakes():
    text = (GOLDEN / "array.swift").read_text()
    assert Source(text.replace("func reset()", "func ()", 1)).mistakes()
    assert Source(text.replace("return losses\n    }", "return losses\n", 1)).mistakes()
    assert forced(Source("let x = y! && !z")) == ["y!"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("array", ['MLMultiArray(shape', "[Int32(sample.label)], shape: [1]", "classCount = 3",
                   '"output_true"', "doubleArray("]),
        ("image", ["CGImage", "imageConstraint", "cgImage: image"]),
        ("string_classifier", ['values["classLabel"] = MLFeatureValue(string: sample.label)',
                               'let output = "classLabel"', "-> String"]),
        ("integer_classifier", ["MLFeatureValue(int64: Int64(sample.label))", "[Int] = ["]),
        ("regressor", ["var values: [Double]", "meanSquaredError", "shape: [2]"]),
        ("two_inputs", ["inputClass: [Float]", '"class": MLFeatureValue(', "floatArray("]),
        ("pipeline", ['key.scoped(to: "model1")']),
        ("adam", ["beta2: Double = 0.999", "ClosedRange<Double> = 0.0...Double.infinity",
                  "-5...1099511627776", "seed: Int = -3"]),
    ],
)  # fmt: skip
def test_a_source_is_made_for_its_model(name, words):
    source = (GOLDEN / f"{name}.swift").read_text().replace("float32Array(", "floatArray(")
    for word in words:
        assert word in source, word


NASTY = ['"', "\\", '"\n}', "\\(exit(1))", "\\u{41}", "\r\n", "\0", "\u2028", "é", "🐈", "a\tb",
         '"""', "*/", "\u202e", "\ud800"]  # fmt: skip


@given(st.lists(st.text(), min_size=2, max_size=4, unique=True))
@settings(max_examples=40, deadline=None)
def test_any_text_is_a_literal_of_itself(texts):
    source = Source("let classes: [String] = [" + ", ".join(map(string, texts)) + "]\n")
    assert source.mistakes() == []
    assert source.elements("classes") == texts


def test_texts_of_a_file_do_not_break_out():
    labels = [label for label in NASTY if label != "\ud800"]
    spec = build(labels=labels, classes=len(labels))
    spec.neuralNetworkClassifier.layers[3].name = 'x"\n} import Evil // '
    for features in (spec.description.input, spec.description.trainingInput):
        features[0].name = "../a b\n!"
    source = Source(generate(spec, "ModelTrainer", 'x"\nfatalError() //'))
    assert source.mistakes() == []
    assert source.elements("classes") == labels
    assert source.elements("updatableLayers") == ['x"\n} import Evil // ']
    imports = [source.text(node) for node in source.nodes("import_declaration")]
    assert imports == ["import CoreML", "import Foundation"]
    assert string("\ud800") == '"\\u{FFFD}"'
    assert comment("a\nb\u2028c") == "a b c"


@given(st.text(), st.sets(st.sampled_from(["label", "image", "inputClass"])))
def test_any_text_makes_an_identifier(text, taken):
    name = identifier(text, taken)
    assert re.fullmatch(r"[a-z][A-Za-z0-9]*", name)
    assert name not in taken | KEYWORDS
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", type_name(text))
    assert type_name(text) not in KEYWORDS


def test_an_input_named_as_the_answer_gets_another_name():
    spec = build()
    for features in (spec.description.input, spec.description.trainingInput):
        features[0].name = "label"
    assert [item.variable for item in trainer(spec).inputs] == ["label2"]


def test_allowed_values_are_written_as_runs():
    assert runs([5, 1, 2, 3, 8, 9, 3]) == [(1, 3), (5, 5), (8, 9)]
    assert runs([]) == []


def test_what_is_not_known_is_refused():
    spec = build()
    spec.isUpdatable = False
    with pytest.raises(TrainingError, match="not updatable"):
        generate(spec, "A", "b")
    spec = build()
    spec.neuralNetwork.updateParams.ClearField("optimizer")
    with pytest.raises(TrainingError, match="no optimizer"):
        generate(spec, "A", "b")
    spec = build()
    spec.description.trainingInput[0].type.multiArrayType.dataType = 65552
    with pytest.raises(TrainingError, match="'image'"):
        generate(spec, "A", "b")


def run(*arguments, folder):
    return subprocess.run(
        [SCRIPT, "swift", *map(str, arguments)], capture_output=True, text=True, cwd=folder
    )


def test_the_command_names_the_type_after_the_file(tmp_path):
    mlmodel.write(build(), tmp_path / "cats dogs.mlmodel")
    done = run("cats dogs.mlmodel", "-o", "ModelTrainer.swift", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    written = (tmp_path / "ModelTrainer.swift").read_text()
    assert written == generate(build(), "ModelTrainer", "cats dogs")
    done = run("cats dogs.mlmodel", "--resource", "Pets", folder=tmp_path)
    assert done.stdout == "wrote CatsDogsTrainer.swift (CatsDogsTrainer)\n"
    assert '"Pets"' in (tmp_path / "CatsDogsTrainer.swift").read_text()


def test_the_command_refuses_in_one_line(tmp_path):
    spec = build()
    spec.isUpdatable = False
    mlmodel.write(spec, tmp_path / "frozen.mlmodel")
    before = (tmp_path / "frozen.mlmodel").read_bytes()
    for arguments in ("frozen.mlmodel", "frozen.mlmodel -o frozen.mlmodel", "missing.mlmodel"):
        done = run(*arguments.split(), folder=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["frozen.mlmodel"]
    assert (tmp_path / "frozen.mlmodel").read_bytes() == before


def test_the_command_is_light_and_the_engine_is_loaded_by_it_alone(tmp_path):
    mlmodel.write(build(), tmp_path / "m.mlmodel")
    for arguments, has_engine in ((["swift", "m.mlmodel"], True), (["swift", "--help"], False)):
        code = f"import sys; from converter.cli import run; assert run({arguments}) == 0"
        done = subprocess.run(
            [sys.executable, "-c", f"{code}; print(*sys.modules, sep='\\n')"],
            capture_output=True, text=True, check=True, cwd=tmp_path,
        )  # fmt: skip
        loaded = set(done.stdout.split())
        assert not {"tensorflow", "keras", "coremltools.converters"} & loaded
        assert ("jinja2" in loaded) == has_engine
