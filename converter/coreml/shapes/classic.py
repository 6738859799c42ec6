"""Shapes of the layers that iOS 12 knew: the set that updatable networks are made of.

These layers work on the last three axes, (C, H, W); axes before them are a batch. One function
per layer, `(context, inputs) -> outputs`.
"""

from __future__ import annotations

from converter.coreml.mlmodel import Message
from converter.coreml.shapes import classic_moves as moves
from converter.coreml.shapes.context import (
    Context,
    Shape,
    ShapeRule,
    Shapes,
    Size,
    broadcast,
    chw,
    describe,
    mapped,
    volume,
)

FIT_CHANNELS = "give the layer the number of channels that arrives, or repair the layer before it"
FIT_WINDOW = "use a smaller kernel, a larger input, or 'same' padding"


def _pair(values: Message, default: int) -> tuple[int, int]:
    return (values[0], values[1]) if len(values) == 2 else (default, default)


def _borders(amounts: Message) -> tuple[int, int]:
    """Return the sums of the padding in height and in width."""
    edges = amounts.borderAmounts
    sums = [edge.startEdgeSize + edge.endEdgeSize for edge in edges]
    return (sums[0], sums[1]) if len(sums) == 2 else (0, 0)


def unchanged(context: Context, inputs: Shapes) -> Shapes:
    """Output = input."""
    return inputs[:1]


def batchnorm(context: Context, inputs: Shapes) -> Shapes:
    """Output = input; one mean per channel."""
    _expect_channels(context, inputs[0], context.params.channels)
    return inputs[:1]


def _expect_channels(context: Context, shape: Shape | None, expected: int) -> None:
    channels = chw(shape)[1]
    if channels is not None and channels != expected:
        context.complain(
            "channels", f"expects {expected} channels, its input has shape {describe(shape)}",
            FIT_CHANNELS,
        )  # fmt: skip


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


def _slide(context: Context, size: Size, kernel: int, stride: int, border: int) -> Size:
    """Return how often a window fits: floor((size + border - kernel) / stride) + 1."""
    if size is None:
        return None
    room = size + border - kernel
    if room < 0:
        context.complain(
            "window", f"has a kernel of {kernel} over {size + border} padded values", FIT_WINDOW
        )
        return None
    return room // stride + 1


def _strides(context: Context) -> tuple[int, int]:
    strides = _pair(context.params.stride, 1)
    if 0 in strides:
        context.complain("window", "has stride 0", "use a stride of 1 or more")
        raise ZeroDivisionError
    return strides


def convolution(context: Context, inputs: Shapes) -> Shapes:
    """Kernels slide over height and width; ``nGroups`` × ``kernelChannels`` channels in."""
    params = context.params
    batch, _, height, width = chw(inputs[0])
    if len(inputs) == 1:
        groups = 1 if params.isDeconvolution else params.nGroups or 1
        _expect_channels(context, inputs[0], params.kernelChannels * groups)
    if params.isDeconvolution and len(params.outputShape) == 2:
        return [(*batch, params.outputChannels, *params.outputShape)]
    strides, dilations = _strides(context), _pair(params.dilationFactor, 1)
    same = params.WhichOneof("ConvolutionPaddingType") == "same"
    borders = _borders(params.valid.paddingAmounts)
    sizes: list[Size] = []
    for size, kernel, stride, dilation, border in zip(
        (height, width), _pair(params.kernelSize, 3), strides, dilations, borders, strict=True
    ):
        reach = (kernel - 1) * dilation + 1
        if params.isDeconvolution:
            sizes.append(_unslide(size, reach, stride, border, same))
        elif same:
            sizes.append(mapped(size, lambda n, stride=stride: -(-n // stride)))  # type: ignore[misc]
        else:
            sizes.append(_slide(context, size, reach, stride, border))
    return [(*batch, params.outputChannels, *sizes)]


def _unslide(size: Size, kernel: int, stride: int, border: int, same: bool) -> Size:
    if size is None:
        return None
    return size * stride if same else max((size - 1) * stride + kernel - border, 0)


def pooling(context: Context, inputs: Shapes) -> Shapes:
    """A window slides over height and width; `includeLastPixel` rounds up."""
    params = context.params
    batch, channels, height, width = chw(inputs[0])
    if params.globalPooling:
        return [(*batch, channels, 1, 1)]
    strides = _strides(context)
    padding = params.WhichOneof("PoolingPaddingType")
    borders = _borders(params.valid.paddingAmounts)
    completing = _pair(params.includeLastPixel.paddingAmounts, 0)
    sizes: list[Size] = []
    for n, (size, kernel) in enumerate(
        zip((height, width), _pair(params.kernelSize, 3), strict=True)
    ):
        if padding == "same":
            sizes.append(None if size is None else -(-size // strides[n]))
        elif padding == "includeLastPixel":
            sizes.append(_complete(size, kernel, strides[n], completing, n))
        else:
            sizes.append(_slide(context, size, kernel, strides[n], borders[n]))
    return [(*batch, channels, *sizes)]


def _complete(size: Size, kernel: int, stride: int, pads: tuple[int, int], axis: int) -> Size:
    """Return ceil((size + 2 pad - kernel) / stride) + 1, less one window that only sees padding."""
    if size is None:
        return None
    pad = pads[axis]
    result = -(-max(size + 2 * pad - kernel, 0) // stride) + 1
    return result - 1 if any(pads) and (result - 1) * stride >= size + pad else result


def crop(context: Context, inputs: Shapes) -> Shapes:
    """Cut by amounts, or to the size of a second input."""
    batch, channels, height, width = chw(inputs[0])
    if len(inputs) > 1:
        return [(*batch, channels, *chw(inputs[1])[2:])]
    sizes = []
    for size, border in zip((height, width), _borders(context.params.cropAmounts), strict=True):
        if size is not None and border >= size:
            context.complain("window", f"cuts {border} of {size} values", "cut less")
            size = None
        sizes.append(None if size is None else size - border)
    return [(*batch, channels, *sizes)]


def padding(context: Context, inputs: Shapes) -> Shapes:
    """Output = input + borders."""
    batch, channels, height, width = chw(inputs[0])
    above, beside = _borders(context.params.paddingAmounts)
    high, wide = mapped(height, lambda n: n + above), mapped(width, lambda n: n + beside)
    return [(*batch, channels, high, wide)]


def upsample(context: Context, inputs: Shapes) -> Shapes:
    """Output = input × factor."""
    params = context.params
    batch, channels, height, width = chw(inputs[0])
    if params.fractionalScalingFactor:
        return [(*batch, channels, None, None)]
    down, across = (factor or 1 for factor in _pair(params.scalingFactor, 1))
    high, wide = mapped(height, lambda n: n * down), mapped(width, lambda n: n * across)
    return [(*batch, channels, high, wide)]


def resize_bilinear(context: Context, inputs: Shapes) -> Shapes:
    """The target height and width."""
    batch, channels, _, _ = chw(inputs[0])
    high, wide = (size or 1 for size in _pair(context.params.targetSize, 1))
    return [(*batch, channels, high, wide)]


def crop_resize(context: Context, inputs: Shapes) -> Shapes:
    """Pieces of the target size, in the classic form one after the other in the sequence."""
    batch, channels, _, _ = chw(inputs[0])
    high, wide = (size or 1 for size in _pair(context.params.targetSize, 1))
    return [(*(None for _ in batch), channels, high, wide)]


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
    "convolution": convolution,
    "crop": crop,
    "cropResize": crop_resize,
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
    "padding": padding,
    "permute": moves.permute,
    "pooling": pooling,
    "reduce": reduce,
    "reorganizeData": moves.reorganize_data,
    "reshape": moves.reshape,
    "resizeBilinear": resize_bilinear,
    "scale": scale,
    "sequenceRepeat": moves.sequence_repeat,
    "simpleRecurrent": recurrent,
    "slice": moves.slice_layer,
    "softmax": unchanged,
    "split": moves.split,
    "unary": unchanged,
    "uniDirectionalLSTM": recurrent,
    "upsample": upsample,
}
"""Kind of layer -> its function."""
