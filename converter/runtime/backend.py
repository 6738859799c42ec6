"""TensorFlow, imported once and in one place, so that its absence is one clear line."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from converter.errors import MissingDependencyError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

try:
    import tensorflow as tf
except ImportError as error:
    raise MissingDependencyError(
        "TensorFlow is not installed; run: pip install 'make-updatable[keras]'"
    ) from error

Tensor: TypeAlias = Any
"""A ``tf.Tensor``; TensorFlow carries no static types."""

Weight: TypeAlias = Callable[[str, Sequence[int]], Tensor]
"""Field of a layer's parameters, such as ``"bias"``, and its shape to its values, float32."""

__all__ = ["Tensor", "Weight", "tf"]
