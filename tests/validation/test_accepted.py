"""What a rule must accept, and beside each the nearest model that it must refuse."""

import pytest

from converter.coreml.mlmodel import network
from converter.validation import validate
from tests.validation.broken import only_layer
from tests.validation.specs import extractor, feature, fill, new_model, pipeline, recurrent


def ranked(kind, source, result, **params):
    """A layer of exact shapes that declares the ranks of its input and of its output."""
    model, _ = only_layer(kind, [1] * source, exact=True, **params)
    (layer,) = network(model).layers
    layer.inputTensor.add(rank=source)
    layer.outputTensor.add(rank=result)
    return model


def sliced(rank):
    return ranked("slice", rank, rank, axis=0, startIndex=0, endIndex=1, stride=1)


def with_sequence(version=3, shortest=0, longest=-1, role="input"):
    """A model that takes a vector and gives it back, and takes or gives a sequence of strings."""
    model = new_model("identity", version)
    for features in (model.description.input, model.description.output):
        feature(features, "x", [2])
    added = feature(getattr(model.description, role), "words", kind="sequenceType")
    added.type.sequenceType.stringType.SetInParent()
    limits = added.type.sequenceType.sizeRange
    limits.lowerBound, limits.upperBound = shortest, longest
    return model


def with_peepholes(kind, count):
    """An LSTM that uses the peepholes of its (last) direction, each of `count` values."""
    model = recurrent(kind)
    params = getattr(network(model).layers[0], kind)
    params.params.hasPeepholeVectors = True
    weights = params.weightParams[1] if kind == "biDirectionalLSTM" else params.weightParams
    for gate in ("input", "forget", "output"):
        peephole = getattr(weights, f"{gate}GatePeepholeVector")
        del peephole.floatValue[:]
        fill(peephole, count)
    return model


BESIDE = {
    "expanded axes": ("L216", lambda axes: ranked("expandDims", 2, 4, axes=axes), [0, -1], [0, 4]),
    "expanded twice": ("L216", lambda axes: ranked("expandDims", 2, 4, axes=axes), [1, 2], [2, -2]),
    "expanded rank": ("L216", lambda rank: ranked("expandDims", 2, rank, axes=[0]), 3, 4),
    "squeezed axes": ("L216", lambda axes: ranked("squeeze", 4, 2, axes=axes), [0, -1], [0, -5]),
    "squeezed twice": ("L216", lambda axes: ranked("squeeze", 4, 2, axes=axes), [0, 1], [1, -3]),
    "squeezed rank": ("L216", lambda rank: ranked("squeeze", 3, rank, axes=[0]), 2, 1),
    "squeezed vector": ("L216", lambda axis: ranked("squeeze", 1, 1, axes=[axis]), 0, 1),
    "slice on axis 0": ("L216", sliced, 3, 2),
    "sequence": ("M104", with_sequence, 3, 2),
    "sequence of 2": ("M104", lambda longest: with_sequence(3, 2, longest), 2, 1),
    "endless sequence": ("M104", lambda longest: with_sequence(3, 2, longest), 0, 1),
    "sequence given": ("M104", lambda version: with_sequence(version, role="output"), 3, 2),
    "peepholes": ("L212", lambda count: with_peepholes("uniDirectionalLSTM", count), 2, 3),
    "peepholes back": ("L212", lambda count: with_peepholes("biDirectionalLSTM", count), 2, 3),
}
"""A rule, a function that builds a model, and for what it is right and for what it is wrong."""


@pytest.mark.parametrize(
    ("code", "build", "right", "wrong"),
    BESIDE.values(),
    ids=[name.replace(" ", "_") for name in BESIDE],
)
def test_a_rule_accepts_the_one_and_refuses_the_other(code, build, right, wrong):
    accepted, refused = validate.findings(build(right)), validate.findings(build(wrong))
    assert code not in {finding.code for finding in accepted}
    assert code in {finding.code for finding in refused}


def test_a_frozen_member_of_a_pipeline_does_not_have_to_be_updatable():
    assert validate.findings(pipeline(), must_be_updatable=True) == []


def test_a_frozen_pipeline_is_told_once_that_it_is_not_updatable():
    frozen = pipeline(extractor(), updatable=False)
    (finding,) = validate.findings(frozen, must_be_updatable=True)
    assert (finding.code, finding.place) == ("O225", "")
