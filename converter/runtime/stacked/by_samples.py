"""A matrix that learns from few samples, held as what each sample has added to it.

Gradient descent, with momentum or without, adds to a matrix nothing but multiples of what the layer
reads. Of a layer that reads features, which never change, that is the same in every epoch: with the
features ``X`` ``[n, in]`` of a user's samples the weights are ``W = W₀ + Xᵀ A`` all the way, and
what the layer answers is ``X W = X W₀ + (X Xᵀ) A``. ``X W₀`` and ``X Xᵀ`` are computed once, then
only ``A`` ``[n, out]`` learns: where ``W`` moves by ``Xᵀ g``, ``A`` moves by ``g`` in the rows of
the mini-batch. That is the same arithmetic on far fewer numbers where n is smaller than in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from converter.runtime.backend import Tensor, tf
from converter.runtime.network import Layer
from converter.runtime.plan import Plan
from converter.runtime.settings import Settings

WORTH = 2
"""Times as many inputs as samples, from which on it is faster."""


def lowest(plan: Plan) -> list[Layer]:
    """Return the layers that read the features."""
    return [layer for layer in plan.learning if set(layer.input) & set(plan.features)]


def can_hold(plan: Plan, settings: Settings, samples: int) -> bool:
    """Tell whether matrices that read features can be held by so many samples, and it is worth it.

    Adam's steps are no multiples of what a layer reads.
    """
    learning = {parameter.layer.name for parameter in plan.parameters}
    return settings.optimizer == "sgdOptimizer" and all(
        layer.kind == "innerProduct"
        and layer.name in learning
        and layer.message.innerProduct.inputChannels >= WORTH * samples
        for layer in lowest(plan)
    )


class Products(NamedTuple):
    """Of one layer: ``X W₀`` ``[users, n, out]`` and ``X Xᵀ`` ``[users, n, n]``."""

    first: Tensor
    gram: Tensor

    def answers(self, added: Tensor, places: Tensor) -> Tensor:
        """Return ``X W`` of the samples at `places` ``[users, b]``, with `added` as ``A``.

        Its gradient to `added` is what gradient descent on ``W`` adds.
        """
        gram = tf.gather(self.gram, places, batch_dims=1)
        chosen = tf.one_hot(places, self.gram.shape[2])

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def product(a: Tensor) -> Tensor:
            return tf.matmul(gram, a), lambda g: tf.matmul(chosen, g, transpose_a=True)

        return tf.gather(self.first, places, batch_dims=1) + product(added)


def products(x: Tensor, start: Tensor, is_stored: bool) -> Products:
    """Return the products of features ``[users, n, in]`` with the first weights, and of themselves.

    `is_stored` says that `start` is ``[out, in]``, as in the file, and not ``[in, out]``.
    """
    first = tf.tensordot(x, start, [[2], [1 if is_stored else 0]])
    return Products(first, tf.matmul(x, x, transpose_b=True))


def weights(x: Tensor, start: Tensor, added: Tensor, is_stored: bool) -> Tensor:
    """Return ``W₀ + Xᵀ A`` of all users, in the order of `start`."""
    pair: Sequence[Tensor] = (added, x) if is_stored else (x, added)
    return start + tf.matmul(*pair, transpose_a=True)
