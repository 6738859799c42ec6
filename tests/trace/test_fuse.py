"""Patterns are found where they are, and only there. Programs are written by hand."""

import numpy as np
import pytest

from converter.trace.fuse import fuse
from converter.trace.program import Op, Program, Ref

SHAPE = (1, 4, 4, 3)


class Tiny:
    """A program built one operation at a time."""

    def __init__(self, shape=SHAPE):
        self.x, self.ops = Ref("x", shape), []

    def op(self, kind, size=None, **inputs):
        given = {
            k: np.asarray(v) if isinstance(v, (int, float, list)) else v for k, v in inputs.items()
        }
        out = Ref(f"v{len(self.ops)}", size or self.x.shape)
        self.ops.append(Op(kind, given, (out,)))
        return out

    def fused(self, *outputs):
        outputs = outputs or (self.ops[-1].output,)
        program = fuse(Program((self.x,), outputs, tuple(self.ops)))
        return [op.kind for op in program.ops], program.ops[-1]


def elu(alpha=0.5, at=0.0, inner=1.0, other=False):
    t = Tiny()
    y = t.op("elu", x=t.x, alpha=inner)
    cond = t.op("greater", x=y if other else t.x, y=at)
    t.op("select", cond=cond, a=y, b=t.op("mul", x=alpha, y=y))
    return t.fused()


def test_elu_with_alpha():
    kinds, op = elu()
    assert kinds == ["elu"]
    assert op.const("alpha") == 0.5


@pytest.mark.parametrize("options", [{"at": 0.1}, {"inner": 2.0}])
def test_not_elu(options):
    assert elu(**options)[1].const("alpha") != 0.5


def test_a_choice_of_what_elu_gives_is_leaky():
    kinds, op = elu(other=True)
    assert kinds == ["elu", "piecewise_linear"]
    assert (op.const("slopes"), op.const("cuts")) == ([0.5, 1], [0])


def thresholded(otherwise=0.0, chosen=None):
    t = Tiny()
    cond = t.op("greater", x=t.x, y=0.3)
    t.op("select", cond=cond, a=chosen or t.x, b=otherwise)
    return t.fused()


def test_thresholded_relu():
    kinds, op = thresholded()
    assert kinds == ["thresholded_relu"]
    assert op.const("alpha") == pytest.approx(0.3)


def test_not_thresholded_relu():
    assert thresholded(otherwise=1.0)[0] == ["piecewise_linear"]
    assert thresholded(chosen=Ref("elsewhere", SHAPE))[0][-1] == "select"


def masked(compared=None, threshold=0.3):
    t = Tiny()
    mask = t.op("greater", x=compared or t.x, y=threshold)
    t.op("mul", x=t.x, y=t.op("cast", x=mask))
    return t.fused()


def test_thresholded_relu_as_a_product_with_a_mask():
    kinds, op = masked()
    assert kinds == ["thresholded_relu"]
    assert op.const("alpha") == pytest.approx(0.3)


def test_not_masked_relu():
    assert masked(compared=Ref("elsewhere", SHAPE))[0][-1] == "mul"
    assert masked(threshold=[0.3, 0.1, 0.2])[0][-1] == "mul"


def test_a_choice_is_straight_in_pieces():
    t = Tiny()
    high = t.op("greater_equal", x=t.x, y=0.5)
    low = t.op("less", x=t.x, y=-0.25)
    inner = t.op("select", cond=low, a=t.op("mul", x=t.x, y=2.0), b=0.0)
    t.op("select", cond=high, a=t.op("sub", x=1.0, y=t.x), b=inner)
    kinds, op = t.fused()
    assert kinds == ["piecewise_linear"]
    assert (op.const("cuts"), op.const("sides")) == ([-0.25, 0.5], [0, 0])
    assert (op.const("slopes"), op.const("shifts")) == ([2, 0, -1], [0, 0, 1])


@pytest.mark.parametrize("kind", ["greater", "less_equal", "equal"])
def test_a_step_is_no_straight_line(kind):
    t = Tiny()
    t.op("select", cond=t.op(kind, x=t.x, y=0.0), a=1.0, b=0.0)
    assert t.fused()[0][-1] == "select"


def test_a_choice_by_another_value_stays():
    t = Tiny()
    other = t.op("exp", x=t.x)
    t.op("select", cond=t.op("greater", x=other, y=0.5), a=t.x, b=0.0)
    assert t.fused()[0] == ["exp", "greater", "select"]


@pytest.mark.parametrize(
    ("kind", "crossed", "found"),
    [
        ("greater", False, "maximum"),
        ("greater_equal", True, "minimum"),
        ("less", False, "minimum"),
        ("less_equal", True, "maximum"),
    ],
)
def test_the_larger_or_smaller_of_two(kind, crossed, found):
    t = Tiny()
    pair = (t.x, t.op("exp", x=t.x))
    a, b = pair[::-1] if crossed else pair
    t.op("select", cond=t.op(kind, x=pair[0], y=pair[1]), a=a, b=b)
    assert t.fused()[0] == ["exp", found]


def prelu(sign=-1.0, slopes=(1, 1, 3), same=True):
    t = Tiny()
    other = t.x if same else Ref("elsewhere", SHAPE)
    alpha = t.op("mul", slopes, x=Ref("alpha", slopes), y=-1.0)
    negative = t.op("relu", x=t.op("mul", x=other, y=sign))
    t.op("add", x=t.op("relu", x=t.x), y=t.op("mul", x=alpha, y=negative))
    return t.fused()


def test_parametric_relu():
    kinds, op = prelu()
    assert kinds == ["prelu"]
    assert op.ref("alpha").name == "alpha"


@pytest.mark.parametrize("options", [{"sign": 1.0}, {"slopes": (4, 4, 3)}, {"same": False}])
def test_not_parametric_relu(options):
    assert prelu(**options)[0][-1] == "add"


def test_hard_sigmoid():
    t = Tiny()
    t.op("mul", x=t.op("relu6", x=t.op("add", x=t.x, y=3.0)), y=1 / 6)
    kinds, op = t.fused()
    assert kinds == ["sigmoid_hard"]
    assert op.const("beta") == pytest.approx(0.5)


def test_hard_sigmoid_as_a_division():
    t = Tiny()
    t.op("real_div", x=t.op("relu6", x=t.op("add", x=t.x, y=3.0)), y=6.0)
    assert t.fused()[0] == ["sigmoid_hard"]


def test_a_division_of_six_is_no_hard_sigmoid():
    t = Tiny()
    t.op("real_div", x=6.0, y=t.op("relu6", x=t.op("add", x=t.x, y=3.0)))
    assert t.fused()[0][-1] == "real_div"


def test_hard_swish_keeps_its_own_product():
    t = Tiny()
    clipped = t.op("relu6", x=t.op("add", x=t.x, y=3.0))
    t.op("mul", x=t.x, y=t.op("mul", x=clipped, y=1 / 6))
    assert t.fused()[0] == ["sigmoid_hard", "mul"]


def repeated(axis=2, times=2, merged=(1, 8, 4, 3)):
    t = Tiny()
    shape = [*SHAPE[:axis], 1, *SHAPE[axis:]]
    reps = [1] * 5
    reps[axis] = times
    tiled = [n * r for n, r in zip(shape, reps, strict=True)]
    opened = t.op("expand_dims", tuple(shape), x=t.x, axes=[axis])
    t.op("reshape", merged, x=t.op("tile", tuple(tiled), x=opened, reps=reps), shape=list(merged))
    return t.fused()


def test_repeated_pixels():
    assert repeated()[0] == ["upsample_nearest_neighbor"]
    assert repeated(axis=3, merged=(1, 4, 8, 3))[0] == ["upsample_nearest_neighbor"]


@pytest.mark.parametrize(
    "options",
    [
        {"merged": (1, 4, 8, 3)},  # merges the copies with the other axis: rows would interleave
        {"axis": 4, "merged": (1, 4, 4, 6)},  # repeats channels
        {"axis": 1, "merged": (2, 4, 4, 3)},  # repeats the batch
    ],
)
def test_not_repeated_pixels(options):
    assert repeated(**options)[0][-1] == "reshape"


def test_rows_and_columns_become_one_upsampling():
    t = Tiny()
    rows = t.op(
        "tile",
        (1, 4, 2, 4, 3),
        x=t.op("expand_dims", (1, 4, 1, 4, 3), x=t.x, axes=[2]),
        reps=[1, 1, 2, 1, 1],
    )
    tall = t.op("reshape", (1, 8, 4, 3), x=rows, shape=[1, 8, 4, 3])
    columns = t.op(
        "tile",
        (1, 8, 4, 3, 3),
        x=t.op("expand_dims", (1, 8, 4, 1, 3), x=tall, axes=[3]),
        reps=[1, 1, 1, 3, 1],
    )
    t.op("reshape", (1, 8, 12, 3), x=columns, shape=[1, 8, 12, 3])
    kinds, op = t.fused()
    assert kinds == ["upsample_nearest_neighbor"]
    assert op.ref("x").name == "x"


def test_dense_over_pixels():
    t = Tiny()
    flat = t.op("reshape", (16, 3), x=t.x, shape=[16, 3])
    product = t.op("matmul", (16, 5), x=flat, y=Ref("w", (3, 5)), transpose_x=False)
    t.op("reshape", (1, 4, 4, 5), x=product, shape=[1, 4, 4, 5])
    assert t.fused()[0] == ["matmul"]


def test_a_product_over_other_axes_stays():
    t = Tiny()
    flat = t.op("reshape", (4, 12), x=t.x, shape=[4, 12])
    product = t.op("matmul", (4, 12), x=flat, y=Ref("w", (12, 12)), transpose_x=False)
    t.op("reshape", (1, 4, 4, 3), x=product, shape=[1, 4, 4, 3])
    assert t.fused()[0] == ["reshape", "matmul", "reshape"]


def test_what_something_else_reads_is_kept():
    t = Tiny()
    y = t.op("elu", x=t.x, alpha=1.0)
    cond = t.op("greater", x=t.x, y=0.0)
    z = t.op("select", cond=cond, a=y, b=t.op("mul", x=0.5, y=y))
    assert t.fused(z, y)[0] == ["elu", "elu"]
