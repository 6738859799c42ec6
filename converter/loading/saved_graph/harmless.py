"""The operations of TensorFlow that a graph from a file may run: an answer follows, nothing else.

What is not on this list is refused before anything runs, whether it reads or writes files, runs
Python or other code, talks to anyone, keeps state, loops, draws at random, or is merely unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

FOLLOWED = ("PartitionedCall", "StatefulPartitionedCall")
"""Calls of functions. They are not run: the operations of the function take their place, and each
has to be on the list itself."""

VARIABLES = ("VarHandleOp", "Variable", "VariableV2")
"""Variables. They are not run either: a variable of Keras with the array of the checkpoint takes
their place."""

SAME = (
    "DisableCopyOnRead", "Identity", "IdentityN", "PreventGradient", "ReadVariableOp", "Snapshot",
)  # fmt: skip
"""Operations whose outputs are their inputs, which take their place."""

GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "arithmetic": (
        "one number from each number, or each two",
        (
            "Abs", "Add", "AddN", "AddV2", "Ceil", "Cos", "Div", "DivNoNan", "Erf", "Erfc", "Exp",
            "Expm1", "Floor", "FloorDiv", "FloorMod", "Inv", "Log", "Log1p", "Maximum", "Minimum",
            "Mul", "MulNoNan", "Neg", "Pow", "RealDiv", "Reciprocal", "Round", "Rsqrt", "Sign",
            "Sin", "Sqrt", "Square", "SquaredDifference", "Sub", "ClipByValue",
        ),
    ),
    "activations": (
        "the nonlinear functions of layers",
        (
            "Elu", "LeakyRelu", "LogSoftmax", "Relu", "Relu6", "Selu", "Sigmoid", "Softmax",
            "Softplus", "Softsign", "Tanh",
        ),
    ),
    "layers": (
        "sums of products and windows; what they take grows with their inputs, whose sizes are "
        "checked",
        (
            "AvgPool", "BatchMatMul", "BatchMatMulV2", "BiasAdd", "Conv2D", "Conv2DBackpropInput",
            "DepthwiseConv2dNative", "Einsum", "FusedBatchNorm", "FusedBatchNormV2",
            "FusedBatchNormV3", "LRN", "MatMul", "MaxPool", "ResizeBilinear",
            "ResizeNearestNeighbor",
        ),
    ),
    "reductions": (
        "one number from many",
        ("All", "Any", "ArgMax", "ArgMin", "L2Loss", "Max", "Mean", "Min", "Prod", "Sum"),
    ),
    "arrangement": (
        "the same numbers in another order or shape; how many they become is known and checked "
        "before anything runs",
        (
            "BatchToSpaceND", "BroadcastTo", "ConcatV2", "DepthToSpace", "ExpandDims", "Fill",
            "GatherV2", "MirrorPad", "OneHot", "OnesLike", "Pack", "Pad", "PadV2", "Range",
            "Reshape", "ReverseV2", "Roll", "Slice", "SpaceToBatchND", "SpaceToDepth", "Split",
            "SplitV", "Squeeze", "StridedSlice", "Tile", "Transpose", "Unpack", "ZerosLike",
        ),
    ),
    "comparisons": (
        "yes or no from numbers, and a choice by it",
        (
            "Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalNot",
            "LogicalOr", "NotEqual", "Select", "SelectV2",
        ),
    ),
    "sizes and types": (
        "what an array is like, and its numbers in another type",
        (
            "BroadcastArgs", "Cast", "EnsureShape", "Rank", "Shape", "ShapeN", "Size",
            "StopGradient",
        ),
    ),
    "constants": ("numbers that stand in the graph; their sizes are checked", ("Const",)),
}  # fmt: skip
"""Group -> why its operations do no harm, and which they are."""

HARMLESS = frozenset(kind for _, kinds in GROUPS.values() for kind in kinds)
"""The operations that are run, by the names that TensorFlow knows them by."""


def table() -> str:
    """Return the list as a table for the documentation."""
    rows = [
        f"| {group} | {reason} | {', '.join(f'`{kind}`' for kind in kinds)} |"
        for group, (reason, kinds) in GROUPS.items()
    ]
    return "\n".join(["| group | what they do | operations |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())
