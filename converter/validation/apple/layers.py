"""What each layer demands of the sizes around it, in Apple's shape inference.

One function per kind of layer, `(layer, blob)`, where `blob` gives the `Blob` of a name. Oddities
are kept on purpose: the aim is to fail on the very models on which Apple's inference fails, see
`apple_shapes`. Source: ``NeuralNetworkShapes.cpp`` of apple/coremltools.
"""

from __future__ import annotations

from collections.abc import Callable

from converter.coreml.mlmodel import Message
from converter.validation.apple import intervals as iv
from converter.validation.apple import moves
from converter.validation.apple.intervals import B, Blob, C, H, S, W
from converter.validation.apple.weights import i32, u64
from converter.validation.apple.windows import (
    Blobs,
    borders,
    convolution,
    ends,
    fix,
    pooling,
    share,
)


def unchanged(layer: Message, blob: Blobs) -> None:
    """Output = input, as for activations, batch norm, softmax."""
    source, result = ends(layer, blob)
    if source.axes != result.axes:
        share(source, result, S, B, C, H, W)


def inner_product(layer: Message, blob: Blobs) -> None:
    """A vector of the declared length in, a vector out."""
    source, result = ends(layer, blob)
    share(source, result, S, B)
    fix(source, layer.innerProduct.inputChannels)
    fix(result, layer.innerProduct.outputChannels)


def embedding(layer: Message, blob: Blobs) -> None:
    """One index in, a vector out."""
    source, result = ends(layer, blob)
    share(source, result, S, B)
    fix(source, 1)
    fix(result, layer.embedding.outputChannels)


def crop(layer: Message, blob: Blobs) -> None:
    """Cut by amounts, or to the size of a second input."""
    source, result = ends(layer, blob)
    share(source, result, S, B, C)
    if len(layer.input) != 1:
        other = blob(layer.input[1])
        result.narrow(H, other.axes[H])
        result.narrow(W, other.axes[W])
        return
    top, bottom, left, right = borders(layer.crop.cropAmounts)
    result.narrow(H, iv.plus(iv.plus(source.axes[H], -top), -bottom))
    result.narrow(W, iv.plus(iv.plus(source.axes[W], -right), -left))
    source.at_least(H, u64(i32(top + bottom + 1)))
    source.at_least(W, u64(i32(right + left + 1)))


def padding(layer: Message, blob: Blobs) -> None:
    """Output = input + borders."""
    source, result = ends(layer, blob)
    share(source, result, S, B)
    source.narrow(C, result.axes[C])
    result.narrow(C, source.axes[C])
    edges = layer.padding.paddingAmounts.borderAmounts
    if len(edges) == 2:
        sums = [(edge.startEdgeSize, edge.endEdgeSize) for edge in edges]
    else:
        sums = [(0, 0), (0, 0)]
    for axis, pair in ((H, sums[0]), (W, sums[1])):
        result.narrow(axis, iv.plus(iv.plus(source.axes[axis], pair[0]), pair[1]))
    for axis, pair in ((H, sums[0]), (W, sums[1])):
        source.narrow(axis, iv.plus(iv.plus(result.axes[axis], -pair[0]), -pair[1]))


def upsample(layer: Message, blob: Blobs) -> None:
    """Output = input × factor."""
    source, result = ends(layer, blob)
    share(source, result, S, B, C)
    given = layer.upsample.scalingFactor
    factors = [factor or 1 for factor in given] if len(given) == 2 else [1, 1]
    for axis, factor in ((H, factors[0]), (W, factors[1])):
        result.narrow(axis, iv.times(source.axes[axis], factor))
    for axis, factor in ((H, factors[0]), (W, factors[1])):
        source.narrow(axis, iv.over(result.axes[axis], factor))


def broadcast(layer: Message, blob: Blobs) -> None:
    """Elementwise on any number of inputs; the largest sizes win."""
    sources = [blob(name) for name in layer.input]
    result = blob(layer.output[0])
    largest, fixed = list(sources[0].axes), sources[0].fixed()
    for source in sources[1:]:
        fixed = fixed and source.fixed()
        for axis in (S, B):
            largest[axis] = iv.intersection(largest[axis], source.axes[axis])
        for axis in (C, H, W):
            largest[axis] = iv.union(largest[axis], source.axes[axis])
    for axis in (S, B):
        result.narrow(axis, largest[axis])
    for axis in (C, H, W):
        if fixed:
            result.fix(axis, iv.value(largest[axis][1]))
        else:
            result.narrow(axis, largest[axis])
    for source in sources:
        axes = (S, B) if source.fixed() else (S, B, C, H, W)
        for axis in axes:
            source.narrow(axis, result.axes[axis])


def dot(layer: Message, blob: Blobs) -> None:
    """Two equal vectors in; what is known of the output is not kept."""
    one, other = blob(layer.input[0]), blob(layer.input[1])
    result = Blob()
    result.axes = list(blob(layer.output[0]).axes)
    for source in (one, other):
        for axis in (S, B):
            result.narrow(axis, source.axes[axis])
    for source in (one, other):
        source.fix(H, 1)
        source.fix(W, 1)
    for left, right in ((one, other), (other, one)):
        for axis in range(5):
            left.narrow(axis, right.axes[axis])
    for source in (one, other):
        for axis in (S, B):
            source.narrow(axis, result.axes[axis])
    fix(result, 1)


def reduce(layer: Message, blob: Blobs) -> None:
    """The reduced axes become 1."""
    source, result = ends(layer, blob)
    share(source, result, S, B)
    kept = {0: (), 1: (C,), 2: (H, W), 3: (C, W), 4: (C, H)}.get(layer.reduce.axis)
    if kept is None:
        return
    for axis in (C, H, W):
        if axis not in kept:
            result.fix(axis, 1)
        elif layer.reduce.axis == layer.reduce.C and axis == W:
            result.narrow(W, source.axes[W])
        else:
            share(source, result, axis)


def load_constant(layer: Message, blob: Blobs) -> None:
    """The declared shape."""
    result = blob(layer.output[0])
    result.fix(S, 1)
    result.fix(B, 1)
    shape = layer.loadConstant.shape
    fix(result, shape[0], shape[1], shape[2])


def recurrent(layer: Message, blob: Blobs) -> None:
    """A sequence of vectors in and out, and the states."""
    kind = layer.WhichOneof("layer")
    params = getattr(layer, kind)
    states = {"simpleRecurrent": 1, "gru": 1, "uniDirectionalLSTM": 2, "biDirectionalLSTM": 4}[kind]
    source, result = ends(layer, blob)
    size, both = params.outputVectorSize, kind == "biDirectionalLSTM"
    if both:
        source.at_most(S, 10000)
    fix(source, params.inputVectorSize)
    fix(result, u64(2 * size) if both else size)
    keeps = params.params.sequenceOutput if states > 1 else params.sequenceOutput
    if keeps:
        result.narrow(S, source.axes[S])
    else:
        result.fix(S, 1)
    if len(layer.input) <= states:
        return
    for names in (layer.input, layer.output):
        for name in names[1 : states + 1]:
            blob(name).fix(S, 1)
            fix(blob(name), size)


def custom(layer: Message, blob: Blobs) -> None:
    """Nothing is known."""
    for name in layer.output:
        blob(name)


def _target(sizes: Message) -> tuple[int, int]:
    return (sizes[0] or 1, sizes[1] or 1) if len(sizes) == 2 else (1, 1)


def resize_bilinear(layer: Message, blob: Blobs) -> None:
    """The target height and width."""
    source, result = ends(layer, blob)
    for axis in (S, B, C):
        result.narrow(axis, source.axes[axis])
    height, width = _target(layer.resizeBilinear.targetSize)
    result.fix(H, height)
    result.fix(W, width)
    for axis in (S, B, C):
        source.narrow(axis, result.axes[axis])


def crop_resize(layer: Message, blob: Blobs) -> None:
    """As many pieces of the target size as the second input has boxes."""
    source, boxes, result = blob(layer.input[0]), blob(layer.input[1]), blob(layer.output[0])
    result.narrow(S, boxes.axes[S])
    result.narrow(B, source.axes[B])
    result.narrow(C, source.axes[C])
    height, width = _target(layer.cropResize.targetSize)
    result.fix(H, height)
    result.fix(W, width)
    source.narrow(C, result.axes[C])
    boxes.narrow(S, result.axes[S])
    boxes.fix(B, 1)
    boxes.narrow(C, (4, 5))
    boxes.fix(W, 1)
    boxes.fix(H, 1)


DEMANDS: dict[str, Callable[[Message, Blobs], None]] = {
    "activation": unchanged,
    "add": broadcast,
    "average": broadcast,
    "batchnorm": unchanged,
    "bias": unchanged,
    "biDirectionalLSTM": recurrent,
    "concat": moves.concat,
    "convolution": convolution,
    "crop": crop,
    "cropResize": crop_resize,
    "custom": custom,
    "dot": dot,
    "embedding": embedding,
    "flatten": moves.flatten,
    "gru": recurrent,
    "innerProduct": inner_product,
    "l2normalize": unchanged,
    "loadConstant": load_constant,
    "lrn": unchanged,
    "max": unchanged,
    "min": unchanged,
    "multiply": broadcast,
    "mvn": unchanged,
    "padding": padding,
    "permute": moves.permute,
    "pooling": pooling,
    "reduce": reduce,
    "reorganizeData": moves.reorganize_data,
    "reshape": moves.reshape,
    "resizeBilinear": resize_bilinear,
    "scale": unchanged,
    "sequenceRepeat": moves.sequence_repeat,
    "simpleRecurrent": recurrent,
    "slice": moves.slice_layer,
    "softmax": unchanged,
    "split": moves.split,
    "unary": unchanged,
    "uniDirectionalLSTM": recurrent,
    "upsample": upsample,
}
"""Kind of layer -> its function; all kinds that iOS 12 knew."""
