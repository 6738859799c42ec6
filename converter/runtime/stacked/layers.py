"""The layers of many users in one graph: weights of their own where they learn, else in common.

Users lie one behind the other along the first axis of every blob: ``[users * n, H, W, C]``. So all
layers without weights of a user are those of `converter.runtime.layers`, unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.runtime import network
from converter.runtime.backend import Array, Rearranged, Tensor, tf
from converter.runtime.layers.shape import flat
from converter.runtime.network import Layer
from converter.runtime.plan import Parameter, Plan
from converter.runtime.rewrite import relu_after_pooling
from converter.runtime.weights import StoredWeights
from converter.runtime.weights import values as stored_values

LEAST_OUTPUTS = 64
"""A matrix with fewer outputs is multiplied fastest as it is stored, ``[out, in]``."""

Key = tuple[str, str]
"""Layer and field, as of `Parameter`."""


class Own:
    """One parameter, of which every user has one of their own; how its values are held.

    Kernels ``[out, C, kh, kw]`` are held ``[kh, kw, C, out]``, matrices ``[out, in]`` with many
    outputs ``[in, out]``, all else as it is stored; before all that an axis of users.
    """

    def __init__(self, parameter: Parameter) -> None:
        with network.refusing(str(parameter.layer)):
            values = stored_values(parameter.layer, parameter.field, parameter.shape)
        self.key, self._axes = parameter.key, _axes(values)
        self.start: Floats = np.ascontiguousarray(values.transpose(self._axes))

    @property
    def is_rearranged(self) -> bool:
        """Whether the values are held in another order than they are stored in."""
        return self._axes != tuple(range(len(self._axes)))

    def of_user(self, values: Tensor) -> Tensor | Rearranged:
        """Return the values of one user as the layers take them."""
        return Rearranged([values]) if self.is_rearranged else values

    def stored(self, values: Array) -> Floats:
        """Return `values` of all users in the order of the file, ``[users, values]``."""
        back = (0, *(axis + 1 for axis in np.argsort(self._axes)))
        found: Floats = values.transpose(back).reshape(len(values), -1)
        return found


def _axes(values: Floats) -> tuple[int, ...]:
    """Return which axis, as stored, is held at each place."""
    if values.ndim == 4:
        return 2, 3, 1, 0
    is_wide = values.ndim == 2 and len(values) >= LEAST_OUTPUTS
    return (1, 0) if is_wide else tuple(range(values.ndim))


class StackedLayers:
    """The learning layers of `plan` for a number of `users`."""

    def __init__(self, plan: Plan, users: int) -> None:
        self.own = [Own(parameter) for parameter in plan.parameters]
        self._users, self._wanted = users, plan.loss_blob
        self._by_key = {own.key: own for own in self.own}
        self._learning = {key[0] for key in self._by_key}
        self._layers = relu_after_pooling(plan.learning, [plan.loss_blob])
        self._stored = StoredWeights(keep=True)
        lowest = [layer for layer in self._layers if set(layer.input) & set(plan.features)]
        self.can_share = all(layer.name in self._learning for layer in lowest)

    def is_stored(self, key: Key) -> bool:
        """Tell whether the values at `key` are held in the order of the file."""
        return not self._by_key[key].is_rearranged

    def run(
        self,
        blobs: Mapping[str, Tensor],
        weights: Sequence[Tensor],
        products: Mapping[str, Tensor] | None = None,
        are_shared: bool = False,
    ) -> Tensor:
        """Return what the loss is computed from, ``[users * n, H, W, C]``.

        Args:
            blobs: the features, ``[users * n, H, W, C]``.
            weights: values like those of `own`, ``[users, ...]``.
            products: of layers by name, ``W x`` ``[users, n, out]`` where it is known already;
                `blobs` may lack what only these layers read.
            are_shared: the features are ``[n, H, W, C]``, the same for all users; only where
                `can_share`.
        """
        found, shared = dict(blobs), set(blobs) if are_shared else set[str]()
        values = dict(zip(self._by_key, weights, strict=True))
        for layer in self._layers:
            if products and layer.name in products:
                found[layer.output[0]] = self._with_bias(layer, products[layer.name], values)
                continue
            inputs = [found[name] for name in layer.input]
            if layer.name in self._learning:
                outputs = [self._own_layer(layer, inputs[0], values, layer.input[0] in shared)]
            else:
                outputs = network.run_layer(layer, inputs, self._stored)
            found.update(zip(layer.output, outputs, strict=True))
        return found[self._wanted]

    def _own_layer(
        self, layer: Layer, x: Tensor, values: Mapping[Key, Tensor], is_shared: bool
    ) -> Tensor:
        if layer.kind == "innerProduct":
            with network.refusing(f"{layer} ({layer.kind})"):
                return self._inner_product(layer, x, values, is_shared)
        return self._user_by_user(layer, x, values, is_shared)

    def _inner_product(
        self, layer: Layer, x: Tensor, values: Mapping[Key, Tensor], is_shared: bool
    ) -> Tensor:
        """``y = W x + b`` for every user, as one batched product."""
        params = layer.message.innerProduct
        groups, key = 1 if is_shared else self._users, (layer.name, "weights")
        rows = tf.reshape(flat(x), (groups, -1, int(params.inputChannels)))
        return self._with_bias(
            layer, tf.matmul(rows, values[key], transpose_b=self.is_stored(key)), values
        )

    def _with_bias(self, layer: Layer, product: Tensor, values: Mapping[Key, Tensor]) -> Tensor:
        params = layer.message.innerProduct
        if params.hasBias:
            product += values[layer.name, "bias"][:, None]
        return tf.reshape(product, (-1, 1, 1, int(params.outputChannels)))

    def _user_by_user(
        self, layer: Layer, x: Tensor, values: Mapping[Key, Tensor], is_shared: bool
    ) -> Tensor:
        """Run the layer for each user: of a convolution that is faster than a batched product.

        Patches for a product, and above all their gradient, take longer to put together than
        TensorFlow's own convolutions take.
        """
        parts = [x] * self._users if is_shared else tf.split(x, self._users)
        own = {key: tf.unstack(value) for key, value in values.items() if key[0] == layer.name}
        found = []
        for user, part in enumerate(parts):

            def weight(layer: Layer, field: str, shape: Sequence[int], user: int = user) -> Tensor:
                return self._by_key[layer.name, field].of_user(own[layer.name, field][user])

            found += network.run_layer(layer, [part], weight)
        return tf.concat(found, 0)


def runs_user_by_user(plan: Plan) -> bool:
    """Tell whether a layer that learns runs for one user after the other."""
    return any(parameter.layer.kind != "innerProduct" for parameter in plan.parameters)
