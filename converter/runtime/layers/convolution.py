"""Convolution, in all its forms: grouped, depthwise, dilated, transposed."""

from __future__ import annotations

from converter.coreml.mlmodel import Message
from converter.runtime.backend import Rearranged, Tensor, Weight, tf
from converter.runtime.layers import windows
from converter.runtime.layers.windows import Borders, Pair


def convolution(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Convolve, or transpose a convolution; Core ML's ``ConvolutionLayerParams``.

    Input ``[N, H, W, C]``, weights ``[out, C / groups, kh, kw]``; of the transposed form
    ``[C, out / groups, kh, kw]``. Padding is by zeros.
    """
    params, outputs = layer.convolution, (int(layer.convolution.outputChannels),)
    bias = weight("bias", outputs) if params.hasBias else tf.zeros(outputs)
    if params.isDeconvolution:
        return tf.nn.bias_add(_transposed(params, inputs[0], weight), bias)
    return _direct(params, inputs[0], weight, bias)


def _groups(params: Message) -> int:
    return int(params.nGroups) or 1


def _direct(params: Message, x: Tensor, weight: Weight, bias: Tensor) -> Tensor:
    kernel = windows.pair(params.kernelSize, 3)
    stride = windows.pair(params.stride, 1)
    dilation = windows.pair(params.dilationFactor, 1)
    groups, outputs = _groups(params), int(params.outputChannels)
    kernels = _kernels(weight("weights", (outputs, int(params.kernelChannels), *kernel)))
    borders = _borders(params, x, kernel, stride, dilation)
    if groups > 1 and params.kernelChannels == 1:
        y = _depthwise(windows.pad(x, borders), kernels, groups, stride, dilation)
        return tf.nn.bias_add(y, bias)
    if x.shape[3] == 1 and kernel[0] * kernel[1] < outputs:
        return _one_channel(windows.pad(x, borders), kernels, bias, stride, dilation)
    if groups > 1 or dilation != (1, 1):
        y = _by_groups(windows.pad(x, borders), kernels, groups, stride, dilation)
        return tf.nn.bias_add(y, bias)
    # The gradients of TensorFlow's own paddings are three times as fast as those of given borders.
    same = params.HasField("same") and params.same.asymmetryMode == params.same.BOTTOM_RIGHT_HEAVY
    x, padding = (x, "SAME") if same else (windows.pad(x, borders), "VALID")
    return tf.nn.bias_add(tf.nn.conv2d(x, kernels, stride, padding), bias)


def _by_groups(x: Tensor, kernels: Tensor, groups: int, stride: Pair, dilation: Pair) -> Tensor:
    """Convolve each group of channels of `x`, already padded, by a convolution of its own.

    Whether TensorFlow convolves groups, and has gradients with dilation, depends on the processor.
    ``tf.nn.convolution`` rearranges pixels to dilate, which runs everywhere, but not with strides:
    then it runs at every pixel and the wanted ones are picked out.
    """
    direct = stride == (1, 1) or dilation == (1, 1)
    step = stride if direct else (1, 1)
    parts = zip(windows.parts(x, groups), windows.parts(kernels, groups), strict=True)
    found = [tf.nn.convolution(part, own, step, "VALID", dilations=dilation) for part, own in parts]
    y = tf.concat(found, axis=3)
    return y if direct else y[:, :: stride[0], :: stride[1]]


def _kernels(weights: Tensor | Rearranged) -> Tensor:
    """Return kernels ``[out, C, kh, kw]`` as TensorFlow takes them, ``[kh, kw, C, out]``."""
    if isinstance(weights, Rearranged):
        return weights.blocks[0]
    return tf.transpose(weights, (2, 3, 1, 0))


def _one_channel(x: Tensor, kernels: Tensor, bias: Tensor, stride: Pair, dilation: Pair) -> Tensor:
    """Convolve an image of one channel, already padded, by one matrix product, bias included.

    The matrix has a row for each pixel of the kernel, with all that this pixel meets, and a row of
    ones. The gradient of the product takes half the time of that of TensorFlow's convolution, which
    has little to do for each pixel it reads. Kernels ``[kh, kw, 1, out]``.
    """
    *kernel, _, outputs = kernels.shape
    height, width = (
        (n - (k - 1) * d - 1) // s + 1
        for n, k, d, s in zip(windows.image_size(x), kernel, dilation, stride, strict=True)
    )
    met = [
        x[:, top : top + (height - 1) * stride[0] + 1 : stride[0],
          left : left + (width - 1) * stride[1] + 1 : stride[1]]
        for top in range(0, kernel[0] * dilation[0], dilation[0])
        for left in range(0, kernel[1] * dilation[1], dilation[1])
    ]  # fmt: skip
    rows = [tf.reshape(part, (-1,)) for part in met]
    patches = tf.stack([*rows, tf.ones_like(rows[0])])
    matrix = tf.concat([tf.reshape(kernels, (-1, outputs)), bias[None]], 0)
    y = tf.matmul(patches, matrix, transpose_a=True)
    return tf.reshape(y, (-1, height, width, outputs))


def _borders(params: Message, x: Tensor, kernel: Pair, stride: Pair, dilation: Pair) -> Borders:
    if not params.HasField("same"):
        return windows.border_amounts(params.valid.paddingAmounts)
    height, width = ((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    return windows.same_borders(params.same, windows.image_size(x), (height, width), stride)


def _depthwise(x: Tensor, kernels: Tensor, groups: int, stride: Pair, dilation: Pair) -> Tensor:
    """Convolve each channel of `x`, already padded, with its own kernels ``[kh, kw, 1, C * m]``.

    TensorFlow's kernel takes equal strides only, and stride or dilation but not both; in the other
    cases the convolution runs at every pixel and the wanted ones are picked out.
    """
    *kernel, _, outputs = kernels.shape
    depthwise = tf.reshape(kernels, (*kernel, groups, outputs // groups))
    direct = stride[0] == stride[1] and (stride == (1, 1) or dilation == (1, 1))
    step = stride if direct else (1, 1)
    y = tf.nn.depthwise_conv2d(x, depthwise, (1, *step, 1), "VALID", dilations=dilation)
    return y if direct else y[:, :: stride[0], :: stride[1]]


def _transposed(params: Message, x: Tensor, weight: Weight) -> Tensor:
    """Spread every pixel over a kernel's window and cut the sum to size; dilation is ignored."""
    kernel, stride = windows.pair(params.kernelSize, 3), windows.pair(params.stride, 1)
    groups = _groups(params)
    channels, outputs = int(params.kernelChannels), int(params.outputChannels) // groups
    full = _full_size(x, kernel, stride)
    windows.refuse_absurd(*full)
    kernels = _kernels(weight("weights", (channels, outputs, *kernel)))
    shape = (tf.shape(x)[0], *full, outputs)
    y = tf.concat(
        [
            tf.nn.conv2d_transpose(part, part_kernels, shape, stride, "VALID")
            for part, part_kernels in zip(
                windows.parts(x, groups), windows.parts(kernels, groups), strict=True
            )
        ],
        axis=3,
    )
    return _cut(y, _excess(params, windows.image_size(x), full, stride))


def _full_size(x: Tensor, kernel: Pair, stride: Pair) -> Pair:
    height, width = (
        (n - 1) * s + k for n, s, k in zip(windows.image_size(x), stride, kernel, strict=True)
    )
    return height, width


def _excess(params: Message, size: Pair, full: Pair, stride: Pair) -> Borders:
    """Return what to cut off each edge; negative where zeros are to be added.

    ``outputShape`` overrides the padding type. The format leaves open which pixels it keeps: here
    those that ``same`` with its default asymmetry would keep.
    """
    if not params.outputShape and not params.HasField("same"):
        return windows.border_amounts(params.valid.paddingAmounts)
    wanted = tuple(params.outputShape) or (size[0] * stride[0], size[1] * stride[1])
    height, width = (
        windows.share(have - int(want), params.same) if have > want else (0, have - int(want))
        for have, want in zip(full, wanted, strict=True)
    )
    return height, width


def _cut(y: Tensor, excess: Borders) -> Tensor:
    (top, bottom), (left, right) = excess
    height, width = windows.image_size(y)
    y = y[:, top : height - max(bottom, 0), left : width - max(right, 0)]
    return windows.pad(y, ((0, max(-bottom, 0)), (0, max(-right, 0))))
