"""What the names of stored arrays tell of the variables that they belong to."""

from types import SimpleNamespace

import numpy as np
import pytest

from converter.loading.order import agreement, contradicts, stored_kind

KINDS = {
    "dense_1/kernel:0": "kernel",
    "dense_1_W:0": "kernel",
    "dense_1_b:0": "bias",
    "bn_running_std": "moving_variance",
    "bn/moving_mean:0": "moving_mean",
    "sep/depthwise_kernel:0": "depthwise_kernel",
    "lstm/my_recurrent_kernel:0": "recurrent_kernel",
    "normalization/count:0": None,
    "Wb": None,
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_the_kind_of_a_stored_array(name, kind):
    assert stored_kind(name) == kind


@pytest.mark.parametrize(
    ("variable", "name", "is_contradiction"),
    [
        ("kernel", "dense/kernel:0", False),
        ("kernel", "dense/bias:0", True),
        ("kernel", "conv/depthwise_kernel:0", False),
        ("depthwise_kernel", "conv_W:0", False),
        ("kernel", "dense/weight_7:0", False),
        ("my_matrix", "dense/bias:0", False),
        ("my_matrix", "dense/weight_7:0", False),
        ("beta", "bn/gamma:0", True),
    ],
)
def test_a_name_may_contradict_a_variable(variable, name, is_contradiction):
    assert contradicts(SimpleNamespace(name=variable), name) == is_contradiction


def test_an_order_is_measured_by_kinds_sizes_and_layers():
    kernel, bias = (
        SimpleNamespace(name="kernel", shape=(2, 3)), SimpleNamespace(name="bias", shape=(3,))
    )  # fmt: skip
    arrays = [("one/kernel:0", np.zeros((2, 3))), ("two/bias:0", np.zeros(3))]
    owners = {id(kernel): "one", id(bias): "one"}
    assert agreement([kernel, bias], arrays, owners) == (0, 1)
    assert agreement([bias, kernel], arrays, owners) == (-2, 1)
    larger = [("one/kernel:0", np.zeros((2, 4))), ("one/bias:0", np.zeros(3))]
    assert agreement([kernel, bias], larger, owners) == (-1, 2)
