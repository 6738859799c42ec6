"""Shapes of classic layers that slide a window over the image, cut it or enlarge it."""

from __future__ import annotations

from converter.coreml.mlmodel import Message
from converter.coreml.shapes.context import (
    Context,
    Shapes,
    Size,
    chw,
    expect_channels,
    mapped,
)

FIT_WINDOW = "use a smaller kernel, a larger input, or 'same' padding"


def _pair(values: Message, default: int) -> tuple[int, int]:
    return (values[0], values[1]) if len(values) == 2 else (default, default)


def _borders(amounts: Message) -> tuple[int, int]:
    """Return the sums of the padding in height and in width."""
    edges = amounts.borderAmounts
    sums = [edge.startEdgeSize + edge.endEdgeSize for edge in edges]
    return (sums[0], sums[1]) if len(sums) == 2 else (0, 0)


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


def _positive(context: Context, what: str, sizes: tuple[int, int]) -> tuple[int, int]:
    """Return `sizes` unless one of them is 0: what comes out is unknown then."""
    if 0 in sizes:
        context.complain("window", f"has {what} 0", f"use a {what} of 1 or more")
        raise ZeroDivisionError
    return sizes


def _strides(context: Context) -> tuple[int, int]:
    return _positive(context, "stride", _pair(context.params.stride, 1))


def convolution(context: Context, inputs: Shapes) -> Shapes:
    """Kernels slide over height and width; ``nGroups`` × ``kernelChannels`` channels in."""
    params = context.params
    batch, _, height, width = chw(inputs[0])
    if len(inputs) == 1:
        groups = 1 if params.isDeconvolution else params.nGroups or 1
        expect_channels(context, inputs[0], params.kernelChannels * groups)
    if params.isDeconvolution and len(params.outputShape) == 2:
        target = (params.outputShape[0], params.outputShape[1])
        return [(*batch, params.outputChannels, *_positive(context, "target size", target))]
    strides, dilations = _strides(context), _pair(params.dilationFactor, 1)
    if not params.isDeconvolution:
        _positive(context, "dilation", dilations)
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
    kernels = _positive(context, "kernel size", _pair(params.kernelSize, 3))
    padding = params.WhichOneof("PoolingPaddingType")
    borders = _borders(params.valid.paddingAmounts)
    completing = _pair(params.includeLastPixel.paddingAmounts, 0)
    sizes: list[Size] = []
    for n, (size, kernel) in enumerate(zip((height, width), kernels, strict=True)):
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
    down, across = _positive(context, "scaling factor", _pair(params.scalingFactor, 1))
    high, wide = mapped(height, lambda n: n * down), mapped(width, lambda n: n * across)
    return [(*batch, channels, high, wide)]


def resize_bilinear(context: Context, inputs: Shapes) -> Shapes:
    """The target height and width."""
    batch, channels, _, _ = chw(inputs[0])
    return [(*batch, channels, *_target(context))]


def crop_resize(context: Context, inputs: Shapes) -> Shapes:
    """Pieces of the target size, in the classic form one after the other in the sequence."""
    batch, channels, _, _ = chw(inputs[0])
    return [(*(None for _ in batch), channels, *_target(context))]


def _target(context: Context) -> tuple[int, int]:
    return _positive(context, "target size", _pair(context.params.targetSize, 1))
