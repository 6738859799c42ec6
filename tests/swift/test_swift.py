"""The generated Swift: whole files as recorded, their syntax, and texts that try to break out.

The files are parsed by a real grammar of Swift here.
After a change of the template: ``UPDATE_GOLDEN=1 python -m pytest tests/swift``, then read the
difference.
"""

import os
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter import cli
from converter.coreml import mlmodel
from converter.errors import OutputError, TrainingError
from converter.swift import generate
from converter.swift.names import KEYWORDS, comment, identifier, string, type_name
from converter.swift.trainer import trainer
from converter.validation.validate import findings
from tests.device.specs import INTERFACES, build
from tests.paths import FIXTURES
from tests.pipelines import in_pipeline
from tests.swift.dense import nearest
from tests.swift.grammar import Source
from tests.validation.specs import drawings

GOLDEN = FIXTURES / "swift"


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


def pipeline():
    return in_pipeline(build(), ["backbone", "head"])


MODELS |= {"two_inputs": two_inputs, "pipeline": pipeline, "adam": adam, "neighbors": drawings}


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
    wanted = {"train", "reset", "predict", "evaluate", "exportModel", "importModel"}
    assert functions >= wanted | ({"weights", "biases"} if path.stem != "neighbors" else set())


def test_the_grammar_finds_mistakes():
    text = (GOLDEN / "array.swift").read_text()
    assert Source(text.replace("func reset()", "func ()", 1)).mistakes()
    assert Source(text.replace("return epochs\n    }", "return epochs\n", 1)).mistakes()
    assert forced(Source("let x = y! && !z")) == ["y!"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("array", ["of: [Int32(sample.label)], shape: [1], strides: [1], .int32", "classCount = 3",
                   '"output_true"', "shape: [1, 4, 4], strides: [16, 4, 1], .double"]),
        ("image", ["_ image: CGImage, orientation: CGImagePropertyOrientation",
                   "contentsOf file: URL", "_ buffer: CVPixelBuffer",
                   ".cropAndScale: cropAndScale.rawValue",
                   "cgImage: image, orientation: orientation, constraint: constraint"]),
        ("string_classifier", ['values["classLabel"] = MLFeatureValue(string: sample.label)',
                               'result.featureValue(for: "classLabel")',
                               "probabilities: [String: Double]"]),
        ("integer_classifier", ["MLFeatureValue(int64: sample.label)", "[Int64] = [7, 8, 9]"]),
        ("regressor", ["var values: [Double]", "-> [Double]", "shape: [2]"]),
        ("two_inputs", ["inputClass: [Float]", '"class": Self.value(', ".float32"]),
        ("pipeline", ['key.scoped(to: "head")']),
        ("neighbors", ['key.scoped(to: "model1")', "ClosedRange<Int> = 1...1000",
                       'defaultLabel: String? = "unknown"', "public var label: String",
                       'values["label"] = MLFeatureValue(string: sample.label)', "forEvents: []"]),
        ("adam", ["beta2: Double = 0.999", "ClosedRange<Double> = 0.0...Double.infinity",
                  "-5...1099511627776", "seed: Int64 = -3"]),
    ],
)  # fmt: skip
def test_a_source_is_made_for_its_model(name, words):
    source = (GOLDEN / f"{name}.swift").read_text()
    for word in words:
        assert word in source, word


def renamed(name):
    """Return a model of an image and an array, both with awkward names."""
    spec = two_inputs()
    for features in (spec.description.input, spec.description.trainingInput):
        features[0].name = name
    return spec


@pytest.mark.parametrize("name", ["model", "imageValue", "features", "current", "values", "self"])
def test_no_name_of_an_input_hides_what_a_function_needs(name):
    source = generate(renamed(name), "ModelTrainer", "Digits")
    (predict,) = re.findall(
        r"public func predict\((.*?)\) throws (.*?)\n    }\n", source, re.DOTALL
    )
    inputs = set(re.findall(r"(\w+): ", predict[0]))
    body = re.sub(r'"[^"]*"', "", predict[1])
    bare = set(re.findall(r"(?<![.\w])[a-z]\w*\b(?!:)", body))
    assert bare == inputs | {"try", "self"}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.swift")), ids=lambda path: path.stem)
def test_only_the_actor_stands_in_the_file(path):
    # Where MainActor is the default, a type beside the actor would be bound to the main thread.
    source = Source(path.read_text())
    kinds = [node.type for node in source.tree.root_node.children]
    assert kinds.count("class_declaration") == 1
    assert set(kinds) <= {"class_declaration", "import_declaration", "comment", "directive"}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.swift")), ids=lambda path: path.stem)
def test_the_type_of_a_protocol_is_written_with_any(path):
    code = re.sub(r'"(?:\\.|[^"\\])*"|//.*', "", path.read_text())
    bare = re.findall(
        r"(?<!any )(?<!NSObject, )\bML(?:Feature|Batch)Provider\b|(?<!any )\bError\b", code
    )
    assert bare == []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.swift")), ids=lambda path: path.stem)
def test_numbers_are_copied_in_one_piece(path):
    assert "NSNumber(value" not in path.read_text()


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


@pytest.mark.parametrize(
    "name",
    [
        "String",
        "URL",
        "Parameters",
        "MLModel",
        "Data",
        "Sample",
        "Result",
        "Run",
        "Array",
        "CoreML",
    ],
)
def test_a_type_that_would_hide_another_is_refused(name):
    with pytest.raises(OutputError, match=f"the type {name} would hide another {name}"):
        generate(build(), name, "Digits")


@pytest.mark.parametrize("name", ["Digits", "DigitsInput", "DigitsOutput", "DigitsTrainingInput"])
def test_a_type_that_xcode_makes_is_refused(name):
    with pytest.raises(OutputError, match=f"{name} would collide with the class that Xcode makes"):
        generate(build(), name, "Digits")
    assert f"actor {name}Of " in generate(build(), f"{name}Of", "Digits")


def allowing(values):
    spec = build()
    epochs = spec.neuralNetwork.updateParams.epochs
    epochs.ClearField("AllowedValues")
    epochs.set.values.extend(values)
    return spec


def test_many_allowed_values_are_a_table():
    values = list(range(1, 4001, 2))
    source = generate(allowing(values), "ModelTrainer", "Digits")
    assert Source(source).elements("epochsAllowed") == values
    assert source.count("\n") < (GOLDEN / "array.swift").read_text().count("\n") + 150


def test_values_without_gaps_are_a_range():
    source = generate(allowing([3, 1, 2]), "ModelTrainer", "Digits")
    assert "epochsAllowed: ClosedRange<Int> = 1...3\n" in source


def test_many_labels_are_a_table():
    labels = [f"label {number}" for number in range(1000)]
    source = generate(build(labels=labels, classes=1000), "ModelTrainer", "Digits")
    assert Source(source).elements("classes") == labels
    assert source.count("\n") < (GOLDEN / "array.swift").read_text().count("\n") + 250


def test_whole_numbers_that_watchos_has_not_are_of_64_bits():
    source = generate(allowing([1, 2**31]), "ModelTrainer", "Digits")
    assert "epochsAllowed: [Int64] = [1, 2147483648]" in source
    assert "var epochs: Int64 = 2 " in source
    assert "var miniBatchSize: Int = 4 " in source


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (float("nan"), 1.0)])
def test_a_range_that_is_none_is_refused(low, high):
    spec = build()
    rate = spec.neuralNetwork.updateParams.optimizer.sgdOptimizer.learningRate
    rate.range.minValue, rate.range.maxValue = low, high
    with pytest.raises(TrainingError, match=f"learningRate may be from {low} to {high}"):
        generate(spec, "ModelTrainer", "Digits")


def test_whole_numbers_of_no_range_are_refused():
    spec = build()
    epochs = spec.neuralNetwork.updateParams.epochs
    epochs.range.minValue, epochs.range.maxValue = 5, 1
    with pytest.raises(TrainingError, match="epochs may be from 5 to 1"):
        generate(spec, "ModelTrainer", "Digits")


def test_each_shipped_model_has_personal_models_of_its_own():
    spec, other = build(), build()
    other.neuralNetwork.layers[3].innerProduct.bias.floatValue[0] += 1
    digests = [trainer(each).digest for each in (spec, build(), other)]
    assert digests[0] == digests[1] != digests[2]
    assert f'digest = "{digests[2]}"' in generate(other, "ModelTrainer", "Digits")


def test_a_model_in_a_pipeline_is_found_by_its_name():
    assert trainer(pipeline()).scope == "head"
    assert trainer(in_pipeline(build())).scope == "model1"


def test_two_inputs_of_one_name_are_refused():
    with pytest.raises(TrainingError, match="2 inputs are named 'class'"):
        generate(renamed("class"), "ModelTrainer", "Digits")


def test_a_classifier_without_probabilities_is_refused():
    spec = build(labels=("cat", "dog", "owl"))
    spec.description.predictedProbabilitiesName = ""
    with pytest.raises(TrainingError, match="names no output with the probabilities"):
        generate(spec, "ModelTrainer", "Digits")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_names_the_type_after_the_file(folder, capsys):
    mlmodel.write(build(), folder / "cats dogs.mlmodel")
    assert cli.run(["swift", "cats dogs.mlmodel", "-o", "ModelTrainer.swift"]) == 0
    written = (folder / "ModelTrainer.swift").read_text()
    assert written == generate(build(), "ModelTrainer", "cats dogs")
    capsys.readouterr()
    assert cli.run(["swift", "cats dogs.mlmodel", "--resource", "Pets"]) == 0
    assert capsys.readouterr() == ("wrote CatsDogsTrainer.swift (CatsDogsTrainer)\n", "")
    assert '"Pets"' in (folder / "CatsDogsTrainer.swift").read_text()


@pytest.mark.parametrize(
    "arguments", ["frozen.mlmodel", "frozen.mlmodel -o frozen.mlmodel", "missing.mlmodel"]
)
def test_the_command_refuses_in_one_line(folder, capsys, arguments):
    spec = build()
    spec.isUpdatable = False
    mlmodel.write(spec, folder / "frozen.mlmodel")
    before = (folder / "frozen.mlmodel").read_bytes()
    assert cli.run(["swift", *arguments.split()]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert [path.name for path in folder.iterdir()] == ["frozen.mlmodel"]
    assert (folder / "frozen.mlmodel").read_bytes() == before


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


def test_the_stand_in_is_given_models_that_core_ml_would_take():
    for spec in (nearest(), nearest("number", names=(), image=True)):
        assert findings(spec) == []
