"""Layer kind of Core ML -> the TensorFlow op that does the same, one plain function each.

A function takes the layer message, its input blobs and its weights, and returns the output blob
(or a list of them). Blobs are ``[N, H, W, C]``, the order in which TensorFlow is fastest on a CPU;
a vector is ``[N, 1, 1, C]``.
"""

from __future__ import annotations

from collections.abc import Callable

from converter.coreml.mlmodel import Message
from converter.runtime.backend import Tensor, Weight
from converter.runtime.layers.activation import activation
from converter.runtime.layers.convolution import convolution
from converter.runtime.layers.dense import bias, embedding, inner_product, load_constant, scale
from converter.runtime.layers.elementwise import (
    add,
    average,
    dot,
    maximum,
    minimum,
    multiply,
    unary,
)
from converter.runtime.layers.normalization import batchnorm, l2_normalize, lrn, mvn, softmax
from converter.runtime.layers.pooling import pooling
from converter.runtime.layers.reduction import reduce
from converter.runtime.layers.resize import resize_bilinear, upsample
from converter.runtime.layers.shape import (
    concat,
    crop,
    flatten,
    padding,
    permute,
    reorganize_data,
    reshape,
    sequence_repeat,
    slice_,
    split,
)

LAYERS: dict[str, Callable[[Message, list[Tensor], Weight], Tensor | list[Tensor]]] = {
    "activation": activation,
    "add": add,
    "average": average,
    "batchnorm": batchnorm,
    "bias": bias,
    "concat": concat,
    "convolution": convolution,
    "crop": crop,
    "dot": dot,
    "embedding": embedding,
    "flatten": flatten,
    "innerProduct": inner_product,
    "l2normalize": l2_normalize,
    "loadConstant": load_constant,
    "lrn": lrn,
    "max": maximum,
    "min": minimum,
    "multiply": multiply,
    "mvn": mvn,
    "padding": padding,
    "permute": permute,
    "pooling": pooling,
    "reduce": reduce,
    "reorganizeData": reorganize_data,
    "reshape": reshape,
    "resizeBilinear": resize_bilinear,
    "scale": scale,
    "sequenceRepeat": sequence_repeat,
    "slice": slice_,
    "softmax": softmax,
    "split": split,
    "unary": unary,
    "upsample": upsample,
}
"""Every layer kind of iOS 12 that a convolutional network can hold."""
