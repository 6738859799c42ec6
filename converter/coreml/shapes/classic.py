"""Shapes of the layers that iOS 12 knew: the set that updatable networks are made of.

These layers work on the last three axes, (C, H, W); axes before them are a batch. One function
per layer, `(context, inputs) -> outputs`.
"""

from __future__ import annotations

from converter.coreml.mlmodel import Message
from converter.coreml.shapes import classic_moves as moves
from converter.coreml.shapes import classic_windows as windows
from converter.coreml.shapes.context import (
    FIT_CHANNELS,
    Context,
    Shape,
    ShapeRule,
    Shapes,
    broadcast,
    chw,
    describe,
    expect_channels,
    volume,
)


def unchanged(context: Context, inputs: Shapes) -> Shapes:
    """Output = input."""
    return inputs[:1]


def batchnorm(context: Context, inputs: Shapes) -> Shapes:
    """Output = input; one mean per channel."""
    expect_channels(context, inputs[0], context.params.channels)
    return inputs[:1]


def scale(context: Context, inputs: Shapes) -> Shapes:
    """Output = input × scale + bias, where both repeat along axes of size 1."""
    params = context.params
    kinds = [params.shapeScale] + ([params.shapeBias] if params.hasBias else [])
    for sizes in kinds:
        _expect_repeatable(context, inputs[0], tuple(sizes))
    return inputs[:1]


def bias(context: Context, inputs: Shapes) -> Shapes:
    """Output = input + bias, which repeats along axes of size 1."""
    _expect_repeatable(context, inputs[0], tuple(context.params.shape))
    return inputs[:1]


def _expect_repeatable(context: Context, shape: Shape | None, given: Shape) -> None:
    if shape is None or len(shape) < 3:
        return
    full = (*given, 1, 1) if len(given) == 1 else given
    for size, own in zip(shape[-3:], full, strict=False):
        if size is not None and own not in (1, size):
            context.complain(
                "channels", f"has parameters of shape {describe(given)} for an input of shape "
                f"{describe(shape)}", FIT_CHANNELS,
            )  # fmt: skip
            return


def inner_product(context: Context, inputs: Shapes) -> Shapes:
    """A product with the weights along the last axis, or along (C, H, W) from rank 4 on."""
    params, shape = context.params, inputs[0]
    classic = not context.exact
    if shape is None:
        return [(params.outputChannels, 1, 1) if classic else None]
    axes = 3 if classic or len(shape) >= 4 else 1
    width = volume(shape[-axes:])
    if width is not None and width != params.inputChannels:
        context.complain(
            "channels",
            f"expects {params.inputChannels} inputs, its input has shape {describe(shape)}"
            + (f", {width} values" if axes == 3 else ""),
            "set inputChannels to the size of the blob and reshape the weights accordingly",
        )
    return [(*shape[:-axes], params.outputChannels, *(1,) * (axes - 1))]


def embedding(context: Context, inputs: Shapes) -> Shapes:
    """One index becomes a vector."""
    return [(*chw(inputs[0])[0], context.params.outputChannels, 1, 1)]


def elementwise(context: Context, inputs: Shapes) -> Shapes:
    """Add, multiply, average, max, min of any number of inputs."""
    return [broadcast(context, inputs)]


def dot(context: Context, inputs: Shapes) -> Shapes:
    """Two vectors become a number."""
    broadcast(context, inputs)
    return [(*chw(inputs[0])[0], 1, 1, 1)]


def reduce(context: Context, inputs: Shapes) -> Shapes:
    """The reduced axes become 1."""
    batch, channels, height, width = chw(inputs[0])
    axis = context.params.ReduceAxis.Name(context.params.axis)
    return [
        (
            *batch,
            1 if "C" in axis else channels,
            1 if "H" in axis else height,
            1 if "W" in axis else width,
        )
    ]


def load_constant(context: Context, inputs: Shapes) -> Shapes:
    """The declared shape."""
    shape = tuple(context.params.shape)
    return [(1, 1, *shape) if context.exact else shape]


def recurrent(context: Context, inputs: Shapes) -> Shapes:
    """A sequence of vectors in and out, and the states."""
    params, batch = context.params, chw(inputs[0])[0]
    width = volume(chw(inputs[0])[1:])
    if width is not None and width != params.inputVectorSize:
        context.complain("channels", f"expects vectors of {params.inputVectorSize}, its input has "
                         f"shape {describe(inputs[0])}", FIT_CHANNELS)  # fmt: skip
    both = context.layer.WhichOneof("layer") == "biDirectionalLSTM"
    size = params.outputVectorSize
    options: Message = getattr(params, "params", params)
    sequence = batch if options.sequenceOutput else tuple(1 for _ in batch)
    states: Shapes = [(*(1 for _ in batch), size, 1, 1)] * (len(context.layer.output) - 1)
    return [(*sequence, 2 * size if both else size, 1, 1), *states]


CLASSIC: dict[str, ShapeRule] = {
    "activation": unchanged,
    "add": elementwise,
    "average": elementwise,
    "batchnorm": batchnorm,
    "bias": bias,
    "biDirectionalLSTM": recurrent,
    "concat": moves.concat,
    "convolution": windows.convolution,
    "crop": windows.crop,
    "cropResize": windows.crop_resize,
    "dot": dot,
    "embedding": embedding,
    "flatten": moves.flatten,
    "gru": recurrent,
    "innerProduct": inner_product,
    "l2normalize": unchanged,
    "loadConstant": load_constant,
    "lrn": unchanged,
    "max": elementwise,
    "min": elementwise,
    "multiply": elementwise,
    "mvn": unchanged,
    "padding": windows.padding,
    "permute": moves.permute,
    "pooling": windows.pooling,
    "reduce": reduce,
    "reorganizeData": moves.reorganize_data,
    "reshape": moves.reshape,
    "resizeBilinear": windows.resize_bilinear,
    "scale": scale,
    "sequenceRepeat": moves.sequence_repeat,
    "simpleRecurrent": recurrent,
    "slice": moves.slice_layer,
    "softmax": unchanged,
    "split": moves.split,
    "unary": unchanged,
    "uniDirectionalLSTM": recurrent,
    "upsample": windows.upsample,
}
"""Kind of layer -> its function."""
