"""Models whose names, labels and numbers a generator of Swift could stumble over."""

from converter.backend.coremltools import KNearestNeighborsClassifierBuilder
from converter.coreml.mlmodel import FeatureTypes_pb2, network
from tests.device.specs import build
from tests.pipelines import in_pipeline
from tests.validation.specs import drawings

WORDS = """
    model imageValue self class init label labels values sample samples Sample Image Progress
    parameters folder bundle data url lock task run original saved index feature shape array
    count element value key inputs features output result probabilities continuation error
    Parameters TrainingError constraint options classes 2d 3d%image a_b a/b été 🐈 _ $0 `x`
    try await async actor Any Type Self some nonisolated
"""
"""Names of inputs: words of Swift, of the generated file itself, and what is no identifier."""


def both_inputs(spec):
    return spec.description.input, spec.description.trainingInput


def with_input(name, **options):
    spec = build(**options)
    for features in both_inputs(spec):
        features[0].name = name
    return spec


def with_inputs(names, image=None):
    """Return a model with inputs of these names, besides its own."""
    spec = build(image=image)
    for features in both_inputs(spec):
        own = features[0]
        for name in names:
            added = features.add()
            added.CopyFrom(own)
            added.name = name
    return spec


def with_labels(labels):
    return build(labels=list(labels), classes=len(labels))


def with_layers(*names):
    """Return a model whose layers that learn have these names."""
    spec = build()
    layers = network(spec).layers
    for name in names:
        layers.add().CopyFrom(layers[3])
        layers[-1].name = name
    return spec


def without_bias():
    spec = build()
    network(spec).layers[3].innerProduct.hasBias = False
    return spec


def with_output(name):
    spec = build(labels=("cat", "dog"), classes=2)
    spec.description.predictedFeatureName = name
    spec.description.output[-1].name = name
    return spec


def with_target(dtype):
    spec = build(regression=True, classes=2)
    spec.description.trainingInput[-1].type.multiArrayType.dataType = dtype
    return spec


def sgd(spec):
    return network(spec).updateParams.optimizer.sgdOptimizer


def with_learning_rate(default, low, high):
    spec = build()
    rate = sgd(spec).learningRate
    rate.defaultValue, rate.range.minValue, rate.range.maxValue = default, low, high
    return spec


def with_epochs(values):
    spec = build()
    epochs = network(spec).updateParams.epochs
    epochs.set.values[:] = values
    epochs.defaultValue = values[0]
    return spec


def with_seed(default, low, high):
    spec = build()
    seed = network(spec).updateParams.seed
    seed.defaultValue, seed.range.minValue, seed.range.maxValue = default, low, high
    return spec


def with_default_label(label):
    """Return a pipeline of nearest neighbours that answers `label` without samples."""
    spec = drawings()
    spec.pipelineClassifier.pipeline.models[
        1
    ].kNearestNeighborsClassifier.defaultStringLabel = label
    return spec


def alone(label):
    """Return nearest neighbours of an array, of classes that are numbers, any number of them."""
    builder = KNearestNeighborsClassifierBuilder("self", "label", 4, label)
    builder.spec.kNearestNeighborsClassifier.numberOfNeighbors.ClearField("range")
    builder.spec.kNearestNeighborsClassifier.numberOfNeighbors.defaultValue = 2**40
    return builder.spec


TEXTS = ['"', "\\", "\\(exit(1))", '"""', "a\nb", "\r\n", "\0", "*/", "//", "#", '#"', "🐈‍⬛", "é",
         "", " ", "\u2028", "\u202e"]  # fmt: skip

INT32 = FeatureTypes_pb2.ArrayFeatureType.INT32
FLOAT32 = FeatureTypes_pb2.ArrayFeatureType.FLOAT32

MODELS = {
    "InputModel": lambda: with_input("model"),
    "InputModelImage": lambda: with_input("model", image="rgb"),
    "InputImageValue": lambda: with_input("imageValue"),
    "InputImageValueImage": lambda: with_input("imageValue", image="gray"),
    "InputLabel": lambda: with_input("label"),
    "InputLabelClassifier": lambda: with_input("label", labels=("cat", "dog"), classes=2),
    "InputValues": lambda: with_input("values", regression=True, classes=2),
    "InputKeyword": lambda: with_input("class"),
    "InputSpaces": lambda: with_input("my 1st input"),
    "InputDigit": lambda: with_input("2nd"),
    "InputEmoji": lambda: with_input("🐈"),
    "InputText": lambda: with_input('"\n\\(fatalError())'),
    "ManyInputs": lambda: with_inputs(WORDS.split()),
    "ManyImages": lambda: with_inputs(WORDS.split(), image="bgr"),
    "SimilarInputs": lambda: with_inputs(["a b", "a_b", "a-b", "aB", "AB"]),
    "LabelTexts": lambda: with_labels(TEXTS),
    "OneLabel": lambda: with_labels(["cat"]),
    "EqualLabels": lambda: with_labels(["cat", "cat", "e\u0301", "\u00e9"]),
    "ManyLabels": lambda: with_labels([f"class {n}" for n in range(1000)]),
    "LargeIntegers": lambda: with_labels([0, 2**31, 2**40, 2**63 - 1, -(2**63)]),
    "ManyIntegers": lambda: with_labels(range(1000)),
    "LayerTexts": lambda: with_layers(*TEXTS),
    "ManyLayers": lambda: with_layers(*map(str, range(200))),
    "NoBias": without_bias,
    "OutputText": lambda: with_output('"\\(x)'),
    "IntegerTarget": lambda: with_target(INT32),
    "FloatTarget": lambda: with_target(FLOAT32),
    "EndlessRange": lambda: with_learning_rate(0.1, 0.0, float("inf")),
    "TinyRange": lambda: with_learning_rate(1e-300, 5e-324, 1e308),
    "ManyAllowed": lambda: with_epochs(list(range(1, 4000, 2))),
    "OneAllowed": lambda: with_epochs([1]),
    "LargestSeed": lambda: with_seed(2**63 - 1, -(2**63), 2**63 - 1),
    "NeighborTexts": lambda: with_default_label('"\n\\(fatalError())'),
    "NeighborNumbers": lambda: alone(-(2**63)),
    "PipelineText": lambda: in_pipeline(build(), ["features", '"\\(x)']),
    "RgbImage": lambda: build(image="rgb", regression=True, classes=2),
}
"""By the type's name in the Swift file."""
