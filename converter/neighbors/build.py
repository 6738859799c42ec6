"""The pipeline: the frozen network up to the features, then the classifier that learns."""

from __future__ import annotations

from dataclasses import replace

from converter.backend.coremltools import KNearestNeighborsClassifierBuilder
from converter.coreml.interface import Interface
from converter.coreml.mlmodel import Message, Model_pb2
from converter.coreml.pipelines import FEATURES, NEIGHBORS
from converter.errors import NotUpdatableError
from converter.learning import marking
from converter.learning.cut import Weights, bound, moved
from converter.lower.walk import Lowered, lower
from converter.neighbors.cut import Cut
from converter.neighbors.settings import Settings

VERSION = 4
"""Specification version: the first that knows k-nearest neighbours and updates (iOS 13)."""

VECTOR = "features"
"""The output of the network and the input of the classifier."""


def extractor(cut: Cut, interface: Interface) -> tuple[Message, Weights, Lowered]:
    """Return the network that makes the features, ``[C]``, and the weights that go into its file.

    Raises:
        UnsupportedError: an operation has no counterpart in Core ML.
        NotUpdatableError: nothing but the input is left of the network.
    """
    own = replace(interface, output=VECTOR, labels=None)
    lowered = lower(cut.program, own)
    net, blob = lowered.net, lowered.output
    if blob.name in own.inputs:
        raise NotUpdatableError(f"{cut.layer} gives the input as it is, which makes no features")
    if blob.chw[1:] != (1, 1):
        name = net.free_name("flatten")
        net.builder.add_flatten(name, 0, blob.name, name)
        blob = replace(blob, name=name)
    weights = bound(net.weighted.values())
    marking.rename_blob(net.builder, blob.name, VECTOR)
    marking.set_interface(net.builder, own, (cut.dimensions,))
    marking.give_own_names(net.builder, net.origin)
    net.builder.spec.specificationVersion = VERSION
    return net.builder.spec, weights, lowered


def classifier(
    dimensions: int, chosen: Settings, default_label: str | int, interface: Interface
) -> Message:
    """Return an updatable classifier without samples; `interface` names its answers."""
    builder = KNearestNeighborsClassifierBuilder(
        VECTOR,
        interface.label,
        dimensions,
        default_label,
        weighting_scheme=chosen.weighting,
        index_type=chosen.index,
        leaf_size=chosen.leaf_size,
    )
    allowed = chosen.choices
    if isinstance(allowed, range):
        ends = (allowed[0], allowed[-1])
        builder.set_number_of_neighbors_with_bounds(chosen.neighbors, allowed_range=ends)
    else:
        builder.set_number_of_neighbors_with_bounds(chosen.neighbors, allowed_set=set(allowed))
    spec = builder.spec
    spec.specificationVersion = VERSION
    spec.description.output[1].name = interface.output
    spec.description.predictedProbabilitiesName = interface.output
    return spec


def pipeline(network: Message, weights: Weights, last: Message) -> tuple[Message, Weights]:
    """Return `network` and then `last`, which learns, as one model, and the `weights` inside it."""
    spec = Model_pb2.Model(specificationVersion=VERSION, isUpdatable=True)
    parts = spec.pipelineClassifier.pipeline
    parts.models.add().CopyFrom(network)
    parts.models.add().CopyFrom(last)
    parts.names.extend([FEATURES, NEIGHBORS])
    shown, given, answers = spec.description, network.description, last.description
    shown.input.extend(given.input)
    shown.output.extend(answers.output)
    shown.predictedFeatureName = answers.predictedFeatureName
    shown.predictedProbabilitiesName = answers.predictedProbabilitiesName
    shown.trainingInput.extend(given.input)
    shown.trainingInput.extend(answers.trainingInput[1:])
    arrays = {id(params): array for params, array in weights}
    return spec, list(moved(network.neuralNetwork.layers, parts.models[0], arrays))
