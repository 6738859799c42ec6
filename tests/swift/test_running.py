"""The generated trainers run: they learn, save, and end as they say, on a stand-in that trains."""

import json

import numpy as np
import pytest

from converter.weights.adopting import adopt
from tests.swift import dense, running
from tests.swift.compiler import needs_swift, once, stand_in

pytestmark = [needs_swift, pytest.mark.slow]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    modules = stand_in(tmp_path_factory)
    return once(tmp_path_factory, "running", lambda folder: running.build(folder, modules))


@pytest.mark.parametrize("case", running.CASES)
def test_a_trainer(case, program):
    printed, passed = running.run(program, case)
    assert passed, printed
    assert "Executed 1 test, with 0 failures" in printed


def test_exported_weights_are_adopted(program):
    printed, passed = running.run(program, "SavingTests/testExportOfWeights")
    assert passed, printed
    shipped = dense.MODELS["Array"]()
    adopted = adopt(shipped, program / "Models" / "exported.json")
    numbers = json.loads((program / "Models" / "exported numbers.json").read_text())
    assert len(numbers) == 4
    for layer, before in zip(
        adopted.neuralNetwork.layers, shipped.neuralNetwork.layers, strict=True
    ):
        if layer.isUpdatable:
            params = layer.innerProduct
            assert params != before.innerProduct
            for field, values in (("weights", params.weights), ("biases", params.bias)):
                expected = np.array(numbers[f"{layer.name}/{field}"], np.float32)
                np.testing.assert_array_equal(np.float32(values.floatValue), expected)
