"""What is computed on weights is what coremltools computes on its constants."""

import numpy as np
import pytest
from coremltools.converters.mil import Builder
from coremltools.converters.mil.mil import Function

from converter.backend.tensorflow import keras
from converter.errors import UnsupportedError
from converter.lower.constants import EVALUATORS, evaluate
from converter.trace.program import KerasLayer, Op, Ref
from tests.lower.oracle import lowered_spec, sequential

RNG = np.random.default_rng(5)
X = RNG.uniform(0.5, 2.0, (2, 3, 4)).astype(np.float32)
Y = RNG.uniform(0.5, 2.0, (3, 4)).astype(np.float32)
CASES = [
    *[(kind, {"x": X - 1}) for kind in ("abs", "exp", "square", "tanh")],
    *[(kind, {"x": X}) for kind in ("log", "sqrt", "identity")],
    *[(kind, {"x": X, "epsilon": np.float32(1e-30)}) for kind in ("inverse", "rsqrt")],
    *[
        (kind, {"x": X, "y": Y})
        for kind in ("add", "maximum", "minimum", "mul", "pow", "real_div", "sub")
    ],
    *[
        (kind, {"x": X} | more)
        for kind in ("reduce_max", "reduce_mean", "reduce_sum")
        for more in (
            {}, {"axes": [1]}, {"axes": [0, -1], "keep_dims": True},
            {"axes": [2], "keep_dims": False},
        )
    ],
    ("cast", {"x": X, "dtype": "fp32"}),
    ("concat", {"values": (X, X + 1), "axis": 1}),
    ("concat", {"values": (X, X + 1, X), "axis": -1}),
    ("expand_dims", {"x": X, "axes": [1, -1]}),
    ("gather", {"x": X, "indices": np.int32([2, 0]), "axis": 1}),
    ("gather", {"x": X, "indices": np.int32([1])}),
    ("matmul", {"x": X, "y": X[0], "transpose_y": True}),
    ("matmul", {"x": Y, "y": Y, "transpose_x": True}),
    ("matmul", {"x": Y, "y": Y.T}),
    ("reshape", {"x": X, "shape": [6, -1]}),
    ("squeeze", {"x": X[:1], "axes": [0]}),
    ("tile", {"x": X, "reps": [1, 2, 3]}),
    ("transpose", {"x": X, "perm": [2, 0, 1]}),
    ("slice_by_index", {"x": X, "begin": [0, 1, 0], "end": [2, 3, 4], "stride": [1, 1, 2]}),
    (
        "slice_by_index",
        {
            "x": X, "begin": [1, 0, 3], "end": [2, 9, 0], "stride": [1, 1, -1],
            "begin_mask": [False, True, False], "end_mask": [False, True, True],
            "squeeze_mask": [True, False, False],
        },
    ),
]  # fmt: skip


def computed(kind, inputs):
    """Return what coremltools makes of it while it builds a program."""
    with Function({}):
        return np.asarray(getattr(Builder, kind)(**inputs).val)


@pytest.mark.parametrize(("kind", "inputs"), CASES, ids=[case[0] for case in CASES])
def test_a_value_is_that_of_coremltools(kind, inputs):
    expected = computed(kind, inputs)
    operands = {
        name: value if isinstance(value, (str, tuple)) else np.asarray(value)
        for name, value in inputs.items()
    }
    found = evaluate(Op(kind, operands, (Ref("y", expected.shape),)), lambda operand: operand)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_every_operation_is_compared():
    assert {kind for kind, _ in CASES} == set(EVALUATORS)


@pytest.mark.parametrize(
    ("layer", "where"), [(None, "the model"), (KerasLayer("d", "Dense"), r"layer 'd' \(Dense\)")]
)
def test_an_unknown_operation_is_refused(layer, where):
    op = Op("erf", {"x": X}, (Ref("y", X.shape),), layer)
    with pytest.raises(UnsupportedError, match=f"^{where}: computes 'erf' on its weights"):
        evaluate(op, lambda operand: operand)


@pytest.mark.parametrize(
    ("shape", "layer", "is_changed"),
    [
        ((5,), keras.layers.Dense(3, name="layer"), False),
        ((5,), keras.layers.Dense(3, lora_rank=2, name="layer"), True),
        ((8, 2), keras.layers.Conv1D(3, 2, name="layer"), False),
    ],
    ids=["as it is", "low-rank", "moved"],
)  # fmt: skip
def test_whether_the_weights_are_those_that_keras_stores_is_known(shape, layer, is_changed):
    """A low-rank update is added to the kernel wherever it is used; to a signal's, an axis."""
    _, found = lowered_spec(sequential(shape, layer))
    assert found.net.weighted["layer"].is_changed == is_changed
