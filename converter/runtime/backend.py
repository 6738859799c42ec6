"""TensorFlow and the types that the runtime speaks in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from converter.backend.tensorflow import tf

Tensor: TypeAlias = Any
"""A ``tf.Tensor`` or ``tf.Variable``; TensorFlow carries no static types."""


@dataclass(frozen=True)
class Rearranged:
    """Weights that are held in another order than they are stored in: see `converter.runtime.held`.

    Kernels ``[out, C, kh, kw]`` are one block ``[kh, kw, C, out]``; a matrix ``[out, in]`` consists
    of blocks ``[in, out_i]``.
    """

    blocks: Sequence[Tensor]


Weight: TypeAlias = Callable[[str, Sequence[int]], Tensor]
"""Field of a layer's parameters, such as ``"bias"``, and its shape to its values, float32.

Kernels and matrices that learn may come `Rearranged`."""

Array: TypeAlias = npt.NDArray[Any]
Integers: TypeAlias = npt.NDArray[np.int64]

CPU = "/CPU:0"
"""Where the runtime computes: on every machine alike."""


def any_number_of(tensor: Tensor) -> Tensor:
    """Return the signature of tensors like this one, of any number of samples."""
    return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)


__all__ = ["CPU", "Array", "Integers", "Rearranged", "Tensor", "Weight", "any_number_of", "tf"]
