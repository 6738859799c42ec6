"""Inside of coremltools' ``NeuralNetworkBuilder``: its layers by name, and a check that fails.

It is documented to add layers, but not to find or remove them. ``builder.nn_spec``, the network in
``builder.spec``, is not documented either; rooms above use it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from converter.backend.coremltools import NeuralNetworkBuilder


def has_layer(builder: NeuralNetworkBuilder, name: str) -> bool:
    """Tell whether a layer `name` was added; walking the network for it would take too long."""
    return name in builder.layer_specs


def layer_named(builder: NeuralNetworkBuilder, name: str) -> Any:
    """Return the added layer `name`, a message inside of the network, to be filled in place."""
    return builder.layer_specs[name]


def remove_layer(builder: NeuralNetworkBuilder, name: str) -> None:
    """Take the layer `name` out again, so that another may be added under this name."""
    layers = builder.nn_spec.layers
    del layers[next(i for i, layer in enumerate(layers) if layer.name == name)]
    del builder.layer_specs[name]


def make_updatable(builder: NeuralNetworkBuilder, names: Sequence[str]) -> None:
    """Mark the layers `names` and their weights as updatable, and the model with them.

    Before, coremltools 9 looks for half-precision weights, in scale layers in a field that they do
    not have (``shapeScale.float16Value``), and fails; no argument skips that. Every weight here is
    float32.
    """
    with patch.object(builder, "_check_fp16_weight_param_exists", lambda layers: False):
        builder.make_updatable(list(names))
