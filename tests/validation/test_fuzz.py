"""Thousands of damaged models: every one is judged, soon, and without a traceback.

The long run tries eight times as many.
"""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converter.coreml import shapes
from converter.coreml.mlmodel import Model_pb2, network
from converter.validation import validate
from tests.long import usual_or_long
from tests.validation.mutations import Mutator
from tests.validation.specs import MODELS
from tests.validation.work import calls

pytestmark = pytest.mark.slow

CHUNKS = 8
ROUNDS = usual_or_long(1, 8)
CHANGED_FIELDS = 200 * ROUNDS
"""Models per chunk with changed fields; 1,600 in all."""
CHANGED_BYTES = 160 * ROUNDS
"""Files per chunk with changed bytes; 1,280 in all."""
MOST_CALLS = 200_000
"""Calls that judging one small model may take, a hundred times what it does take. Only a loop over
a number that the model declares, or over all ways through it, makes more."""


@pytest.fixture(scope="module")
def originals():
    return {name: build().SerializeToString() for name, build in MODELS.items()}


def judge(data):
    """Validate `data`; return whether it has an error, and whether Apple is said to refuse it."""
    found = validate.validate_bytes(data)
    for finding in found:
        assert "\n" not in finding.text()
        assert finding.message
        assert finding.fix
    return validate.has_errors(found)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_models_with_changed_fields(chunk, originals):
    rng = random.Random(chunk)
    mutator, names, bad = Mutator(rng), sorted(originals), 0
    for _ in range(CHANGED_FIELDS):
        model = Model_pb2.Model.FromString(originals[rng.choice(names)])
        mutator.mutate(model)
        bad += judge(model.SerializeToString())
        if network(model) is not None:
            for shape in shapes.blob_shapes(model).values():
                assert shape is None or all(s is None or 0 <= s < 2**63 for s in shape)
    # Changes that matter and changes that do not have both to occur.
    assert 0.3 * CHANGED_FIELDS < bad < 0.9 * CHANGED_FIELDS


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_files_with_changed_bytes(chunk, originals):
    rng = random.Random(1000 + chunk)
    mutator, names, bad = Mutator(rng), sorted(originals), 0
    for _ in range(CHANGED_BYTES):
        bad += judge(mutator.mutate_bytes(originals[rng.choice(names)]))
    assert 0.5 * CHANGED_BYTES < bad < CHANGED_BYTES


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300))
def test_arbitrary_bytes(data):
    assert calls(judge, data) < MOST_CALLS


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(MODELS)), st.integers(0, 2**32), st.integers(1, 8))
def test_models_with_many_changed_fields(name, seed, count):
    model = MODELS[name]()
    Mutator(random.Random(seed)).mutate(model, count)
    assert calls(judge, model.SerializeToString()) < MOST_CALLS
