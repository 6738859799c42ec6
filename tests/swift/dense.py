"""Small models of dense layers, which the stand-in for Core ML can train, and their description."""

import contextlib
import io

import numpy as np

from converter.backend.coremltools import (
    KNearestNeighborsClassifierBuilder,
    NeuralNetworkBuilder,
    SgdParams,
    datatypes,
)
from converter.coreml import neighbors
from converter.coreml.features import channels
from converter.coreml.mlmodel import FeatureTypes_pb2, Model_pb2
from converter.coreml.neighbors import label_type
from converter.coreml.pipelines import members
from converter.coreml.subject import subject
from tests.pipelines import in_pipeline

ARRAYS = {
    FeatureTypes_pb2.ArrayFeatureType.FLOAT32: "float32",
    FeatureTypes_pb2.ArrayFeatureType.DOUBLE: "double",
    FeatureTypes_pb2.ArrayFeatureType.INT32: "int32",
}


def dense(inputs=None, hidden=5, classes=3, labels=None, regression=False, image=False, seed=1):
    """Return a model with the layers `hidden` (if there are any units) and `scores`; both learn."""
    random = np.random.default_rng(seed)
    inputs = inputs or {"image": (1, 4, 4)}
    output = "classProbability" if labels else "output"
    builder = NeuralNetworkBuilder(
        [(name, datatypes.Array(*shape)) for name, shape in inputs.items()],
        [(output, datatypes.Array(classes))],
        mode="classifier" if labels else None,
    )
    blobs = []
    for name in inputs:
        builder.add_flatten(f"{name} in a row", 0, name, f"{name} in a row")
        blobs.append(f"{name} in a row")
    if len(blobs) > 1:
        builder.add_elementwise("together", blobs, "together", "CONCAT")
        blobs = ["together"]
    units = {"hidden": hidden, "scores": classes} if hidden else {"scores": classes}
    before = sum(int(np.prod(shape)) for shape in inputs.values())
    for name, after in units.items():
        weights = random.normal(size=(after, before)).astype(np.float32) / 2
        is_answer = name == "scores" and regression
        blob = output if is_answer else name
        builder.add_inner_product(
            name, weights, random.normal(size=after).astype(np.float32) / 2, before, after, True,
            blobs[0], blob,
        )  # fmt: skip
        blobs, before = [blob], after
        if name == "hidden":
            builder.add_activation("relu", "RELU", name, "relu")
            blobs = ["relu"]
    if not regression:
        builder.add_softmax("softmax", "scores", output)
    if image:
        builder.set_pre_processing_parameters(image_input_names=["image"], image_scale=1 / 255)
    if labels:
        builder.set_class_labels(list(labels), "classLabel", output)
    with contextlib.redirect_stdout(io.StringIO()):
        builder.make_updatable(list(units))
        if regression:
            builder.set_mean_squared_error_loss("loss", (output, datatypes.Array(classes)))
        else:
            builder.set_categorical_cross_entropy_loss("loss", output)
    sgd = SgdParams(lr=0.25, batch=4)
    sgd.set_lr(0.25, 0.0, 1.0)
    sgd.set_momentum(0.5, 0.0, 1.0)
    sgd.set_batch(4, [4, 8])
    builder.set_sgd_optimizer(sgd)
    builder.set_epochs(2, [1, 2, 5, 20])
    builder.spec.specificationVersion = 4
    return builder.spec


def nearest(label="text", names=("features", "neighbors"), image=False):
    """Return a frozen dense layer, 16 numbers to 3, and the nearest neighbours of what it makes."""
    network = dense(hidden=0, image=image)
    network.isUpdatable = False
    net = network.neuralNetwork
    net.ClearField("updateParams")
    del net.layers[-1]  # the softmax
    dense_layer = net.layers[-1]
    dense_layer.isUpdatable = False
    dense_layer.output[0] = "features"
    for params in (dense_layer.innerProduct.weights, dense_layer.innerProduct.bias):
        params.isUpdatable = False
    del network.description.trainingInput[:]
    builder = KNearestNeighborsClassifierBuilder(
        "features", "label", 3, "none" if label == "text" else -1, number_of_neighbors=1
    )
    builder.set_number_of_neighbors_with_bounds(1, allowed_range=(1, 9))
    network.description.output[0].CopyFrom(builder.spec.description.input[0])
    spec = Model_pb2.Model(specificationVersion=4, isUpdatable=True)
    parts = spec.pipelineClassifier.pipeline
    for member in (network, builder.spec):
        parts.models.add().CopyFrom(member)
    parts.names.extend(names)
    given, answers = network.description, builder.spec.description
    spec.description.input.extend(given.input)
    spec.description.output.extend(answers.output)
    spec.description.predictedFeatureName = answers.predictedFeatureName
    spec.description.predictedProbabilitiesName = answers.predictedProbabilitiesName
    spec.description.trainingInput.extend([*given.input, answers.trainingInput[1]])
    return spec


MODELS = {
    "Array": dense,
    "NewArray": lambda: dense(seed=2),
    "Image": lambda: dense(image=True, labels=("dark", "light"), classes=2),
    "String": lambda: dense(labels=('"cat"\n', "\\(dog)", "🦉")),
    "Integer": lambda: dense(labels=(7, -8, 2**40)),
    "Regressor": lambda: dense(regression=True, classes=2),
    "TwoInputs": lambda: dense(inputs={"image": (1, 4, 4), "class": (5,)}, hidden=0),
    "Pipeline": lambda: in_pipeline(dense(), ["features", "the head"]),
    "OldPipeline": lambda: in_pipeline(dense()),
    "Nearest": nearest,
    "NearestNumber": lambda: nearest("number", names=(), image=True),
    "Reference": lambda: dense(inputs={"x": (4,)}, hidden=0),
}
"""By the beginning of the name of their trainer."""


def describe(spec):
    """Return `spec` as the stand-in reads it (``FakeModel`` in the package)."""
    if label_type(spec) is not None:
        return describe_nearest(spec)
    chosen = subject(spec)
    sgd = chosen.net.updateParams.optimizer.sgdOptimizer
    described = spec.description
    return {
        "inputs": [feature(item) for item in chosen.inputs],
        "target": feature(chosen.target),
        "output": described.predictedFeatureName or described.output[0].name,
        "probabilities": described.predictedProbabilitiesName,
        "labels": [str(label) for label in chosen.labels or ()],
        "layers": [layer(item.layer) for item in chosen.layers()],
        "isClassifier": chosen.loss.is_classification,
        "isUpdatable": bool(spec.isUpdatable),
        "scope": chosen.scope[0] if chosen.scope else None,
        "learningRate": sgd.learningRate.defaultValue,
        "momentum": sgd.momentum.defaultValue,
        "epochs": chosen.net.updateParams.epochs.defaultValue,
        "miniBatchSize": sgd.miniBatchSize.defaultValue,
    }


def describe_nearest(spec):
    """Return a pipeline of a dense layer and nearest neighbours as the stand-in reads it."""
    (_, network), (scope, last) = members(spec)
    described, found = spec.description, neighbors.read(last)
    return {
        "inputs": [feature(item) for item in described.input],
        "target": feature(described.trainingInput[-1]),
        "output": described.predictedFeatureName,
        "probabilities": described.predictedProbabilitiesName,
        "labels": [],
        "layers": [
            layer(item) for item in network.neuralNetwork.layers if item.HasField("innerProduct")
        ],
        "isClassifier": True,
        "isUpdatable": bool(spec.isUpdatable),
        "scope": scope,
        **dict.fromkeys(("learningRate", "momentum", "epochs", "miniBatchSize"), 0),
        "neighbors": {
            "count": found.count,
            "samples": found.samples.tolist(),
            "labels": list(map(str, found.labels)),
            "defaultLabel": str(found.default_label),
            "weighsByDistance": found.weighting == "inverse_distance",
        },
    }


def feature(item):
    kind = item.type.WhichOneof("Type")
    shape = []
    if kind == "imageType":
        image = item.type.imageType
        shape = [channels(image), image.height, image.width]
    elif kind == "multiArrayType":
        shape = list(item.type.multiArrayType.shape)
        kind = ARRAYS[item.type.multiArrayType.dataType]
    return {"name": item.name, "type": kind.removesuffix("Type"), "shape": shape}


def layer(message):
    params = message.innerProduct
    weights = np.array(params.weights.floatValue).reshape(params.outputChannels, -1)
    return {
        "name": message.name,
        "weights": weights.tolist(),
        "biases": list(params.bias.floatValue),
        "isUpdatable": message.isUpdatable,
    }
