"""Random samples that a model can be given: indices that exist, whole numbers for integers."""

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.coreml.indices import index_counts
from converter.coreml.mlmodel import FeatureTypes_pb2
from converter.coreml.subject import subject
from converter.device.batch import random_batch
from tests.device.specs import build
from tests.runtime.helpers import random
from tests.runtime.updatable import finish


def housing(rows=(3, 5)):
    """Two indices and a number, looked up and joined, as in apps that learn prices on phones."""
    names = [f"index{i}" for i in range(len(rows))]
    builder = NeuralNetworkBuilder(
        [*((name, datatypes.Array(1)) for name in names), ("size", datatypes.Array(1))],
        [("y", datatypes.Array(1))],
    )
    for name, count in zip(names, rows, strict=True):
        builder.add_permute(f"{name}_moved", (0, 1, 2, 3), name, f"{name}_moved")
        builder.add_embedding(
            f"{name}_row", random(2, count), None, count, 2, False, f"{name}_moved", f"{name}_row"
        )
    joined = [*(f"{name}_row" for name in names), "size"]
    builder.add_elementwise("joined", joined, "joined", "CONCAT")
    width = 2 * len(rows) + 1
    builder.add_inner_product("dense", random(1, width), None, width, 1, False, "joined", "y")
    return finish(builder, ["dense"], None, loss=datatypes.Array(1))


def test_what_an_embedding_looks_up_are_indices_that_it_has():
    batch = random_batch(subject(housing()), 200)
    assert {name: set(array.ravel()) for name, array in batch.inputs.items() if name != "size"} == {
        "index0": {0, 1, 2},
        "index1": {0, 1, 2, 3, 4},
    }
    assert len(set(batch.inputs["size"].ravel())) == 200


def test_a_blob_that_two_tables_read_has_the_indices_of_the_smaller_one():
    spec = housing((7, 4))
    spec.neuralNetwork.layers[2].input[0] = "index0"  # what moves the index of the second table
    assert index_counts(spec.neuralNetwork)["index0"] == 4


@pytest.mark.parametrize("kind", ["embedding", "embeddingND"])
def test_both_kinds_of_tables_are_known(kind):
    net = housing().neuralNetwork
    layer = net.layers[1]
    layer.ClearField("embedding")
    field = {"embedding": "inputDim", "embeddingND": "vocabSize"}[kind]
    setattr(getattr(layer, kind), field, 9)
    assert index_counts(net)["index0"] == 9


def test_other_integers_are_whole_numbers():
    spec = build()
    for features in (spec.description.input, spec.description.trainingInput):
        features[0].type.multiArrayType.dataType = FeatureTypes_pb2.ArrayFeatureType.INT32
    values = random_batch(subject(spec), 8).inputs["image"]
    np.testing.assert_array_equal(values, np.rint(values))
    assert len(np.unique(values)) > 5
