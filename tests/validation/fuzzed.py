"""Models with a few fields changed, and every command that takes one."""

import itertools
import random

import numpy as np

from converter.coreml.features import channels
from converter.coreml.mlmodel import Model_pb2, network
from tests.validation.mutations import Mutator
from tests.validation.specs import MODELS, image_regression, many_layers

NOT_RUN = ("custom", "embedding", "sequenceRepeat")
"""Layers of `many_layers` that the reference runtime does not run."""


def runnable():
    """`many_layers` with the layers alone that the reference runtime runs."""
    model = many_layers()
    net = network(model)
    kept = [layer for layer in net.layers if layer.WhichOneof("layer") not in NOT_RUN]
    for before, layer in itertools.pairwise(kept):
        if layer.name == "flat":
            layer.input[:] = before.output
    del net.layers[:]
    net.layers.extend(kept)
    model.description.output[0].name = "flat"
    return model


def preprocessed():
    """An updatable network behind all preprocessing of an image."""
    model = image_regression()
    scaler = network(model).preprocessing.add(featureName="photo").scaler
    scaler.channelScale, scaler.redBias = 0.5, 1.0
    mean = network(model).preprocessing.add(featureName="photo").meanImage
    mean.meanImage.extend([1.0] * 192)
    return model


ORIGINALS = {**MODELS, "runnable": runnable, "preprocessed": preprocessed}

SMALL = 2**16
"""Values of a sample that data are made for; larger ones get data of another shape."""


def fuzzed(seed, count):
    """Yield `count` times the name of an original, and the bytes of a changed copy."""
    rng = random.Random(seed)
    originals = {name: build().SerializeToString() for name, build in ORIGINALS.items()}
    # Those that can be trained and run go through more of the code.
    names = [*sorted(originals), *["lenet", "preprocessed", "runnable", "classifier"] * 6]
    mutator = Mutator(rng)
    for _ in range(count):
        name = rng.choice(names)
        model = Model_pb2.Model.FromString(originals[name])
        mutator.mutate(model)
        yield name, model.SerializeToString()


def commands(path, data, folder):
    """Return the arguments of every command for the model at `path`, which holds `data`."""
    model = Model_pb2.Model.FromString(data)
    archive = folder / "data.npz"
    np.savez(archive, **samples(model))
    given, page = ["--data", str(archive)], ["--report", str(folder / "page.html")]
    return [
        ["validate", str(path)],
        ["validate", str(path), "--format", "json", "--require-updatable"],
        ["inspect", str(path)],
        ["inspect", str(path), "--json", *page],
        ["recipe", "show", str(path)],
        ["swift", str(path), "-o", str(folder / "Out.swift")],
        ["verify", str(path), "--on-device"],
        ["predict", str(path), *given, "-o", str(folder / "out.csv")],
        ["evaluate", str(path), *given, *page],
        ["train", str(path), *given, "--epochs", "1", "-o", str(folder / "out.mlmodel"), *page],
    ]


def samples(model):
    """Return arrays that fit the inputs of `model`, if these are small, and labels."""
    inputs = model.description.input
    arrays = {feature.name or "x": np.ones((2, *_shape(feature)), np.float32) for feature in inputs}
    if len(inputs) == 1:
        arrays = {"x": next(iter(arrays.values()))}
    # A classifier with labels of its own takes these; the others take indices.
    net = network(model)
    names = list(net.stringClassLabels.vector) if net is not None and _has_labels(net) else []
    return {**arrays, "y": np.array([names[0], names[-1]] if names else [0, 1])}


def _has_labels(net):
    return "stringClassLabels" in net.DESCRIPTOR.fields_by_name and net.stringClassLabels.vector


def _shape(feature):
    image = feature.type.imageType
    is_image = feature.type.WhichOneof("Type") == "imageType"
    array = feature.type.multiArrayType.shape
    shape = (image.height, image.width, channels(image)) if is_image else tuple(array)
    fits = all(0 < size <= SMALL for size in shape) and np.prod(shape, dtype=float) <= SMALL
    return shape if fits else (2,)
