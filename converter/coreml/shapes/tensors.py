"""Shapes of the layers that came with iOS 13 and work on blobs of any rank.

Layers that are missing here make blobs of unknown shape.
"""

from __future__ import annotations

from converter.coreml.shapes.context import (
    Context,
    Shape,
    ShapeRule,
    Shapes,
    Size,
    broadcast,
    describe,
    mapped,
    volume,
)


def unchanged(context: Context, inputs: Shapes) -> Shapes:
    """Output = input."""
    return inputs[:1]


def elementwise(context: Context, inputs: Shapes) -> Shapes:
    """One or two inputs; sizes of 1 repeat."""
    return [broadcast(context, inputs)]


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise IndexError(axis)
    return axis % rank


def transpose(context: Context, inputs: Shapes) -> Shapes:
    """Axes in another order."""
    shape = inputs[0]
    return [None if shape is None else tuple(shape[axis] for axis in context.params.axes)]


def expand_dims(context: Context, inputs: Shapes) -> Shapes:
    """New axes of size 1 at the given places of the output."""
    shape, axes = inputs[0], list(context.params.axes)
    if shape is None:
        return [None]
    rank = len(shape) + len(axes)
    places, sizes = {_axis(axis, rank) for axis in axes}, iter(shape)
    if len(places) < len(axes):
        return [None]
    return [tuple(1 if place in places else next(sizes) for place in range(rank))]


def squeeze(context: Context, inputs: Shapes) -> Shapes:
    """Axes of size 1 are dropped; a blob keeps at least one axis."""
    shape, params = inputs[0], context.params
    if shape is None or (params.squeezeAll and None in shape):
        return [None]
    if params.squeezeAll:
        return [tuple(size for size in shape if size != 1) or (1,)]
    gone = {_axis(axis, len(shape)) for axis in params.axes}
    return [tuple(size for place, size in enumerate(shape) if place not in gone) or (1,)]


def reshape_static(context: Context, inputs: Shapes) -> Shapes:
    """The target shape; -1 stands for what is left over."""
    target, have = list(context.params.targetShape), volume(inputs[0] or (None,))
    if any(size < 0 for size in target):
        rest = volume(size for size in target if size >= 0)
        fill = have // rest if have is not None and rest else None
        return [tuple(fill if size < 0 else size for size in target)]
    if have is not None and volume(target) != have:
        context.complain(
            "elements", f"turns {describe(inputs[0])} ({have} values) into "
            f"{describe(tuple(target))}", "choose a target with as many values as the input",
        )  # fmt: skip
    return [tuple(target)]


def rank_preserving_reshape(context: Context, inputs: Shapes) -> Shapes:
    """The target shape; 0 keeps a size, -1 stands for what is left over."""
    shape, target = inputs[0], list(context.params.targetShape)
    if shape is None or len(shape) != len(target):
        return [None]
    kept: list[Size] = [old if new == 0 else new for old, new in zip(shape, target, strict=True)]
    have, rest = volume(shape), volume(None if s == -1 else s for s in kept if s != -1)
    fill = have // rest if have is not None and rest else None
    return [tuple(fill if size == -1 else size for size in kept)]


def flatten_to_2d(context: Context, inputs: Shapes) -> Shapes:
    """The axes before the given one become the first, the others the second axis."""
    shape = inputs[0]
    if shape is None:
        return [None]
    axis = _axis(context.params.axis, len(shape))
    return [(volume(shape[:axis]), volume(shape[axis:]))]


def concat_nd(context: Context, inputs: Shapes) -> Shapes:
    """The sum along one axis."""
    if any(shape is None for shape in inputs):
        return [None]
    shapes = [shape for shape in inputs if shape is not None]
    axis, total = _axis(context.params.axis, len(shapes[0])), 0
    for shape in shapes:
        size = shape[axis]
        if size is None:
            return [(*shapes[0][:axis], None, *shapes[0][axis + 1 :])]
        total += size
    return [(*shapes[0][:axis], total, *shapes[0][axis + 1 :])]


def split_nd(context: Context, inputs: Shapes) -> Shapes:
    """Parts along one axis, equal or of given sizes."""
    shape, params = inputs[0], context.params
    parts = len(context.layer.output)
    if shape is None:
        return [None] * parts
    axis = _axis(params.axis, len(shape))
    even = mapped(shape[axis], lambda n: n // parts)
    sizes = list(params.splitSizes) or [even] * parts
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]


def stack(context: Context, inputs: Shapes) -> Shapes:
    """The inputs along a new axis."""
    shape = inputs[0]
    if shape is None:
        return [None]
    axis = _axis(context.params.axis, len(shape) + 1)
    return [(*shape[:axis], len(inputs), *shape[axis:])]


def batched_matmul(context: Context, inputs: Shapes) -> Shapes:
    """Matrix products over the last two axes, or with a weight matrix over the last one."""
    params, left = context.params, inputs[0]
    if left is None:
        return [None]
    if len(inputs) == 1:
        if left[-1] not in (None, params.weightMatrixFirstDimension):
            context.complain("channels", f"expects {params.weightMatrixFirstDimension} inputs, its "
                             f"input has shape {describe(left)}", "repair the matrix")  # fmt: skip
        return [(*left[:-1], params.weightMatrixSecondDimension)]
    right = inputs[1]
    if right is None:
        return [None]
    left = left if len(left) > 1 else (1, *left)
    right = right if len(right) > 1 else (*right, 1)
    rows, inner = (left[-1], left[-2]) if params.transposeA else (left[-2], left[-1])
    depth, columns = (right[-1], right[-2]) if params.transposeB else (right[-2], right[-1])
    if None not in (inner, depth) and inner != depth:
        context.complain("channels", f"multiplies {describe(left)} with {describe(right)}",
                         "make the inner sizes equal")  # fmt: skip
    batch = broadcast(context, [left[:-2], right[:-2]])
    return [None if batch is None else (*batch, rows, columns)]


def constant(context: Context, inputs: Shapes) -> Shapes:
    """The declared shape."""
    return [tuple(context.params.shape)]


def filled(context: Context, inputs: Shapes) -> Shapes:
    """The target shape."""
    return [tuple(context.params.targetShape)]


def random_static(context: Context, inputs: Shapes) -> Shapes:
    """The declared output shape."""
    return [tuple(context.params.outputShape)]


def reduction(context: Context, inputs: Shapes) -> Shapes:
    """Some axes, or all, become 1 or vanish."""
    shape, params = inputs[0], context.params
    if shape is None:
        return [None]
    everything = params.reduceAll or not params.axes
    gone = {_axis(axis, len(shape)) for axis in (range(len(shape)) if everything else params.axes)}
    if params.keepDims:
        return [tuple(1 if place in gone else size for place, size in enumerate(shape))]
    return [tuple(size for place, size in enumerate(shape) if place not in gone) or (1,)]


def arg_extreme(context: Context, inputs: Shapes) -> Shapes:
    """One axis becomes 1 or vanishes."""
    shape, params = inputs[0], context.params
    if shape is None:
        return [None]
    axis = _axis(params.axis, len(shape))
    middle: Shape = () if params.removeDim else (1,)
    return [(*shape[:axis], *middle, *shape[axis + 1 :]) or (1,)]


def top_k(context: Context, inputs: Shapes) -> Shapes:
    """The K largest along one axis, and where they stood."""
    shape, params = inputs[0], context.params
    if shape is None:
        return [None, None]
    axis = _axis(params.axis, len(shape))
    size = params.K if len(inputs) == 1 else None
    return [(*shape[:axis], size, *shape[axis + 1 :])] * 2


def slice_static(context: Context, inputs: Shapes) -> Shapes:
    """Begin, end and stride per axis; a squeezed axis vanishes."""
    shape, params = inputs[0], context.params
    if shape is None or not params.strides or 0 in params.strides:
        return [None]
    sizes: list[Size] = []
    for place, size in enumerate(shape):
        if len(params.squeezeMasks) > place and params.squeezeMasks[place]:
            continue
        begin = None if params.beginMasks[place] else params.beginIds[place]
        end = None if params.endMasks[place] else params.endIds[place]
        span = slice(begin, end, params.strides[place])
        sizes.append(mapped(size, lambda n, span=span: len(range(*span.indices(n)))))  # type: ignore[misc]
    return [tuple(sizes) or (1,)]


def tile(context: Context, inputs: Shapes) -> Shapes:
    """Every axis repeated."""
    shape, reps = inputs[0], list(context.params.reps)
    if shape is None or len(reps) != len(shape) or len(inputs) > 1:
        return [None]
    return [tuple(None if s is None else s * rep for s, rep in zip(shape, reps, strict=True))]


def constant_pad(context: Context, inputs: Shapes) -> Shapes:
    """Amounts before and after each of the first axes."""
    shape, amounts = inputs[0], list(context.params.padAmounts)
    if shape is None or len(inputs) > 1 or context.params.padToGivenOutputSizeMode:
        return [None]
    sizes = list(shape)
    for place, (before, after) in enumerate(zip(amounts[::2], amounts[1::2], strict=True)):
        sizes[place] = mapped(sizes[place], lambda n, more=before + after: n + more)  # type: ignore[misc]
    return [tuple(sizes)]


def embedding_nd(context: Context, inputs: Shapes) -> Shapes:
    """The last axis, of size 1, becomes the vector."""
    shape = inputs[0]
    return [None if shape is None else (*shape[:-1], context.params.embeddingSize)]


def get_shape(context: Context, inputs: Shapes) -> Shapes:
    """A vector with one element per axis."""
    shape = inputs[0]
    return [None if shape is None else (len(shape),)]


def like_second(context: Context, inputs: Shapes) -> Shapes:
    """The shape of the second input."""
    return [inputs[1]]


_UNCHANGED = """ceil floor round sign clip exp2 sin cos tan asin acos atan sinh cosh tanh asinh
    acosh atanh erf gelu clampedReLU logicalNot softmaxND layerNormalization cumSum reverse
    reverseSeq fillLike matrixBandPart lowerTriangular upperTriangular copy argSort scatter
    scatterND scatterAlongAxis randomNormalLike randomUniformLike randomBernoulliLike"""

_ELEMENTWISE = """equal notEqual lessThan lessEqual greaterThan greaterEqual logicalOr logicalXor
    logicalAnd modBroadcastable minBroadcastable maxBroadcastable addBroadcastable powBroadcastable
    divideBroadcastable floorDivBroadcastable multiplyBroadcastable subtractBroadcastable
    whereBroadcastable"""

_REDUCTIONS = """reduceL1 reduceL2 reduceMax reduceMin reduceSum reduceProd reduceMean reduceLogSum
    reduceSumSquare reduceLogSumExp"""

TENSORS: dict[str, ShapeRule] = {
    **dict.fromkeys(_UNCHANGED.split(), unchanged),
    **dict.fromkeys(_ELEMENTWISE.split(), elementwise),
    **dict.fromkeys(_REDUCTIONS.split(), reduction),
    "argMax": arg_extreme,
    "argMin": arg_extreme,
    "batchedMatmul": batched_matmul,
    "broadcastToLike": like_second,
    "broadcastToStatic": filled,
    "concatND": concat_nd,
    "constantPad": constant_pad,
    "embeddingND": embedding_nd,
    "expandDims": expand_dims,
    "fillStatic": filled,
    "flattenTo2D": flatten_to_2d,
    "gatherAlongAxis": like_second,
    "getShape": get_shape,
    "loadConstantND": constant,
    "randomBernoulliStatic": random_static,
    "randomNormalStatic": random_static,
    "randomUniformStatic": random_static,
    "rankPreservingReshape": rank_preserving_reshape,
    "reshapeLike": like_second,
    "reshapeStatic": reshape_static,
    "sliceStatic": slice_static,
    "splitND": split_nd,
    "squeeze": squeeze,
    "stack": stack,
    "tile": tile,
    "topK": top_k,
    "transpose": transpose,
}
"""Kind of layer -> its function."""
