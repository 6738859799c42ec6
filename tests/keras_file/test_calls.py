"""Three notations of how layers are called."""

import numpy as np
import pytest

from converter.errors import KerasFileError
from converter.keras_file import Tensor
from converter.keras_file.calls import structure, to_call
from converter.keras_file.names import built_name


def keras_tensor(*history):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": list(history)}}


@pytest.mark.parametrize(
    ("node", "args", "kwargs"),
    [
        ([["a", 0, 0]], (Tensor("a", 0, 0),), {}),  # Keras 1
        (
            [["a/b", 1, 0, {"training": False}]],
            (Tensor(built_name("a/b"), 1, 0),),
            {"training": False},
        ),
        ([["a", 0, 0, {}], ["b", 0, 1, {}]], ([Tensor("a", 0, 0), Tensor("b", 0, 1)],), {}),
        (["a", 0, 0, {"y": ["b", 0, 0]}], (Tensor("a", 0, 0),), {"y": Tensor("b", 0, 0)}),
        (["_CONSTANT_VALUE", -1, 2.5, {"y": ["b", 0, 0]}], (2.5,), {"y": Tensor("b", 0, 0)}),
        ({"q": ["a", 0, 0, {}]}, ({"q": Tensor("a", 0, 0)},), {}),
        (
            {"args": [keras_tensor("a", 0, 0), 2.0], "kwargs": {"mask": None}},
            (Tensor("a", 0, 0), 2.0),
            {"mask": None},
        ),
        (
            {"args": [[keras_tensor("a", 0, 0)]], "kwargs": {}},
            ([Tensor("a", 0, 0)],),
            {},
        ),
    ],
)
def test_three_notations_of_calls(node, args, kwargs):
    call = to_call(node)
    assert call.args == args
    assert call.kwargs == kwargs


def test_a_list_of_one_stays_a_list_for_functions():
    assert to_call([["a", 0, 0, {"axis": 1}]], keep_list=True).args == ([Tensor("a", 0, 0)],)


def test_slices_tuples_and_arrays_in_calls():
    key = [{"start": 1, "stop": -1, "step": None}, {"class_name": "__ellipsis__", "config": {}}]
    array = {"class_name": "__numpy__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}
    pair = {"class_name": "__tuple__", "items": [1, 2]}
    call = to_call({"args": [key, array], "kwargs": {"size": pair}})
    assert call.args[0] == [slice(1, -1, None), ...]
    assert call.args[1].dtype == np.float32
    assert call.kwargs == {"size": (1, 2)}
    with pytest.raises(KerasFileError, match="__lambda__"):
        to_call({"args": [{"class_name": "__lambda__", "config": {"code": "4w=="}}], "kwargs": {}})


def test_outputs_may_be_one_tensor_a_list_or_a_dictionary():
    a = Tensor("a", 0, 0)
    assert structure(["a", 0, 0]) == a
    assert structure([["a", 0, 0]]) == [a]
    assert structure({"x": ["a", 0, 0]}) == {"x": a}
