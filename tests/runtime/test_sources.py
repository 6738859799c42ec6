import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from converter.runtime import ArraySamples, plan
from converter.runtime.sources import FrozenFeatures, InputBlobs, KeptFeatures, kept, source
from tests.runtime.updatable import digits, mnist


@pytest.fixture(scope="module")
def frozen():
    model = digits(["dense", "head"])
    return source(model, plan(model), mnist(count=50).samples, 16)


def test_without_frozen_layers_the_inputs_are_the_features():
    model = digits()
    found = source(model, plan(model), mnist(count=5).samples, 16)
    assert isinstance(found, InputBlobs)
    assert found.take(np.array([2, 0]))["image"].shape == (2, 28, 28, 1)


def test_features_of_any_samples_in_any_order(frozen):
    whole = frozen.take(np.arange(50))["f"]
    assert whole.shape == (50, 1, 1, 676)
    chosen = np.array([40, 3, 3, 17])
    np.testing.assert_allclose(frozen.take(chosen)["f"], whole[chosen], atol=1e-6)


@pytest.mark.parametrize("most_bytes", [2**30, 0], ids=["in memory", "in a file"])
def test_kept_features_are_the_computed_ones(frozen, most_bytes):
    heard = []
    found = kept(frozen, 16, heard.append, most_bytes)
    assert isinstance(found, KeptFeatures)
    assert heard == [16, 32, 48, 50]
    assert len(found) == 50
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(found.take(order)["f"], frozen.take(np.arange(50))["f"][order])


def test_features_beyond_the_limit_are_not_in_memory(frozen):
    found = kept(frozen, 16, most_bytes=0)
    (array,) = found._blobs.values()
    assert isinstance(array, np.memmap)


def test_without_room_anywhere_features_are_computed_anew(frozen, monkeypatch):
    # A full disk cannot be had here; the number that the system would report stands in for it.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    assert kept(frozen, 16, most_bytes=0) is frozen


def test_cheap_frozen_layers_are_not_kept():
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    from tests.runtime.helpers import random
    from tests.runtime.updatable import finish

    builder = NeuralNetworkBuilder([("x", datatypes.Array(2, 3, 3))], [("y", datatypes.Array(2))])
    builder.add_flatten("flat", 1, "x", "f")
    builder.add_inner_product("dense", random(2, 18), None, 18, 2, False, "f", "z")
    builder.add_softmax("softmax", "z", "y")
    model = finish(builder, ["dense"], None)
    found = source(model, plan(model), ArraySamples({"x": random(4, 2, 3, 3)}), 2)
    assert isinstance(found, FrozenFeatures)
    assert kept(found, 2) is found
