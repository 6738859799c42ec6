"""TimeDistributed without its loop: layers that act on the last axis alone take all steps at once.

Keras calls the layer inside once a step and stacks the results, which Core ML's classic layers
cannot express. ``TimeDistributed.call`` has no public way to be told otherwise.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from converter.backend.tensorflow import keras

L = keras.layers

POINTWISE = (
    L.ActivityRegularization, L.AlphaDropout, L.Dense, L.Dropout, L.ELU, L.GaussianDropout,
    L.GaussianNoise, L.Identity, L.LeakyReLU, L.PReLU, L.ReLU, L.Rescaling, L.SpatialDropout1D,
    L.SpatialDropout2D,
)  # fmt: skip
"""Layers that treat every position of all axes but the last alike, and apart from each other."""

ALONG_LAST = (L.BatchNormalization, L.LayerNormalization, L.Softmax, L.UnitNormalization)
"""Layers that do so if their ``axis`` is the last."""


@contextmanager
def steps_together() -> Iterator[None]:
    """Let TimeDistributed call such layers once on all steps, in inference mode.

    Other layers are called as Keras does it.
    """
    original = L.TimeDistributed.call

    def call(self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if mask is None and _takes_all(self.layer):
            return _on_all(self.layer, inputs)
        return original(self, inputs, training=training, mask=mask)

    with patch.object(L.TimeDistributed, "call", call):
        yield


def _takes_all(layer: Any) -> bool:
    if isinstance(layer, keras.Sequential):
        return all(_takes_all(part) for part in layer.layers)
    if isinstance(layer, L.Activation):
        return getattr(layer.activation, "__name__", "") in ELEMENTWISE
    if type(layer) in ALONG_LAST:
        return layer.axis in (-1, [-1], (-1,))
    is_last = getattr(layer, "data_format", "channels_last") == "channels_last"
    return type(layer) in (*POINTWISE, L.Reshape, L.InputLayer) or (
        type(layer) is L.Flatten and is_last
    )


ELEMENTWISE = (
    "elu", "exponential", "gelu", "hard_sigmoid", "hard_sigmoid_of_keras_2", "leaky_relu", "linear",
    "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus",
    "softsign", "tanh",
)  # fmt: skip
"""Activations of one number each, and the softmax of the last axis."""


def _on_all(layer: Any, x: Any) -> Any:
    """Return what `layer` makes of every step of `x`, shape ``[1, steps, ...]``."""
    if isinstance(layer, keras.Sequential):
        for part in layer.layers:
            x = _on_all(part, x)
        return x
    if isinstance(layer, L.InputLayer):
        return x
    if isinstance(layer, (L.Flatten, L.Reshape)):
        one_step = layer.compute_output_shape((1, *x.shape[2:]))
        return keras.ops.reshape(x, (*x.shape[:2], *one_step[1:]))
    takes_mode = "training" in inspect.signature(layer.call).parameters
    return layer.call(x, training=False) if takes_mode else layer.call(x)
