"""How layers are named: as in Keras, with a suffix or a number where that is not enough."""

from __future__ import annotations

from collections.abc import Collection

from converter.backend.builder import has_layer
from converter.backend.coremltools import NeuralNetworkBuilder
from converter.lower.values import Values
from converter.trace.program import KerasLayer, Op, Operand


class Names:
    """The part of a `Net` that names layers; `origin` tells the Keras layer of a name."""

    def __init__(
        self, values: Values, builder: NeuralNetworkBuilder, reserved: Collection[str]
    ) -> None:
        self.values = values
        self.builder = builder
        self.reserved = reserved
        self.origin: dict[str, KerasLayer] = {}

    def name(self, op: Op, suffix: str) -> str:
        """Return a free name for a layer without weights that `op` becomes.

        A Keras layer's main Core ML layer has its name; what else it needs follows as
        ``<name>__<suffix>``.
        """
        if op.layer is None:
            return self._free(op.kind, None)
        taken = op.layer.kernels or has_layer(self.builder, op.layer.name)
        return self._free(f"{op.layer.name}__{suffix}" if taken else op.layer.name, op.layer)

    def weighted_name(self, op: Op, weight: Operand) -> str:
        """Return a free name for the layer that `op` becomes with the kernel `weight`.

        It is the name of the Keras layer that owns the kernel; a layer with several, such as
        SeparableConv2D, gives ``<name>__depthwise`` and ``<name>__pointwise``.
        """
        variable = self.values.weight(weight)
        owner = variable.owner if variable else op.layer
        if owner is None:
            return self._free(op.kind, None)
        kernel = variable.variable.removesuffix("_kernel") if variable else ""
        several = len(owner.kernels) > 1 and kernel
        return self._free(f"{owner.name}__{kernel}" if several else owner.name, owner)

    def _free(self, name: str, layer: KerasLayer | None) -> str:
        unique = self.free_name(name)
        if layer:
            self.origin[unique] = layer
        return unique

    def free_name(self, name: str) -> str:
        """Return `name`, or `name` with a number where a layer or the interface has it already."""
        unique, count = name, 1
        while has_layer(self.builder, unique) or unique in self.reserved:
            count += 1
            unique = f"{name}__{count}"
        return unique
