"""What layers that move data without computing demand of the sizes around them.

See `apple_layers`. Source: ``NeuralNetworkShapes.cpp`` of apple/coremltools.
"""

from __future__ import annotations

from converter.coreml.mlmodel import Message
from converter.validation.apple import intervals as iv
from converter.validation.apple.intervals import B, C, Empty, H, S, W
from converter.validation.apple.weights import i32, quotient, u64
from converter.validation.apple.windows import Blobs, ends, fix, share


def reshape(layer: Message, blob: Blobs) -> None:
    """The target shape; the number of elements is not compared."""
    source, result = ends(layer, blob)
    result.narrow(B, source.axes[B])
    sizes = [u64(size) for size in layer.reshape.targetShape]
    if len(sizes) == 4:
        result.at_least(S, sizes.pop(0))
    else:
        result.narrow(S, source.axes[S])
    fix(result, sizes[0], sizes[1], sizes[2])


def flatten(layer: Message, blob: Blobs) -> None:
    """C × H × W channels."""
    source, result = ends(layer, blob)
    share(source, result, S, B)
    area = iv.multiply(source.axes[C], source.axes[H])
    result.narrow(C, iv.multiply(area, source.axes[W]))
    result.fix(H, 1)
    result.fix(W, 1)


def permute(layer: Message, blob: Blobs) -> None:
    """Axes (sequence, C, H, W) in another order."""
    source, result = ends(layer, blob)
    order = list(layer.permute.axis)
    if len(order) != 4 or max(order) > 3:
        raise Empty("a permutation of other than four axes")
    places = (S, C, H, W)
    before = [source.axes[axis] for axis in places]
    for place, axis in zip(places, order, strict=True):
        result.narrow(place, before[axis])
    back = [iv.ANY] * 4
    for place, axis in zip(places, order, strict=True):
        back[axis] = result.axes[place]
    for place, span in zip(places, back, strict=True):
        source.narrow(place, span)
    source.narrow(B, result.axes[B])


def concat(layer: Message, blob: Blobs) -> None:
    """The sum along channels, or along the sequence; the other axes are equal."""
    sources = [blob(name) for name in layer.input]
    result = blob(layer.output[0])
    along, other = (S, C) if layer.concat.sequenceConcat else (C, S)
    total = sources[0].axes[along]
    for axis in (other, B, H, W):
        result.narrow(axis, sources[0].axes[axis])
    for source in sources[1:]:
        total = iv.add(total, source.axes[along])
        for axis in (other, B, H, W):
            share(source, result, axis)
    result.narrow(along, total)


def split(layer: Message, blob: Blobs) -> None:
    """Equal parts of the channels."""
    source, parts = blob(layer.input[0]), i32(layer.split.nOutputs)
    results = [blob(name) for name in layer.output]
    for result in results:
        for axis in (S, B):
            result.narrow(axis, source.axes[axis])
        result.narrow(C, iv.over_positive(source.axes[C], parts))
        for axis in (H, W):
            result.narrow(axis, source.axes[axis])
    for axis in (S, B):
        source.narrow(axis, results[0].axes[axis])
    source.narrow(C, iv.times(results[0].axes[C], u64(parts)))
    for axis in (H, W):
        source.narrow(axis, results[0].axes[axis])


def sequence_repeat(layer: Message, blob: Blobs) -> None:
    """The sequence several times."""
    source, result = ends(layer, blob)
    result.narrow(S, iv.times(source.axes[S], layer.sequenceRepeat.nRepetitions))
    share(source, result, B, C, H, W)


def reorganize_data(layer: Message, blob: Blobs) -> None:
    """Space to depth, or back."""
    source, result = ends(layer, blob)
    share(source, result, S, B)
    block, params = layer.reorganizeData.blockSize, layer.reorganizeData
    deeper = params.mode == params.SPACE_TO_DEPTH
    factors = ((C, u64(block * block), deeper), (H, block, not deeper), (W, block, not deeper))
    for axis, factor, grows in factors:
        result.narrow(axis, (iv.times if grows else iv.over)(source.axes[axis], factor))
    for axis, factor, grows in factors:
        source.narrow(axis, (iv.over if grows else iv.times)(result.axes[axis], factor))


def slice_layer(layer: Message, blob: Blobs) -> None:
    """Every stride-th element from start to end along one axis."""
    source, result = ends(layer, blob)
    share(source, result, S, B)
    params = layer.slice
    start, end, stride = i32(params.startIndex), i32(params.endIndex), i32(params.stride)
    if params.axis not in (0, 1, 2):
        raise Empty("a slice along an unknown axis")
    if stride == 0:
        raise Empty("a slice with stride 0")
    along, span, size = (C, H, W)[params.axis], None, 0
    if start >= 0 and end > 0:
        size, least = quotient(end - 1 - start, stride) + 1, end
    elif start < 0 and end <= 0:
        size, least = quotient(-start - 1 + end, stride) + 1, -start
    else:
        start, end = (start, -end) if end <= 0 else (-start, end)
        least = i32(start + 1 + end)
        span = iv.plus(iv.over_positive(iv.plus(source.axes[along], -least), stride), 1)
    for axis in (C, H, W):
        if axis != along:
            result.narrow(axis, source.axes[axis])
        elif span is None:
            result.fix(axis, u64(size))
        else:
            result.narrow(axis, span)
    for axis in (C, H, W):
        if axis == along:
            source.at_least(axis, u64(least))
        else:
            source.narrow(axis, result.axes[axis])
