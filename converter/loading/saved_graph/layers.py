"""A flat graph becomes a live Keras model: its layers own the variables and run the operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from converter.backend.graphs import maker
from converter.backend.tensorflow import keras
from converter.keras_file.names import built_name
from converter.loading.saved_graph.checkpoint import Variable
from converter.loading.saved_graph.flat import Graph, Value
from converter.loading.saved_graph.grouping import Plan, free_name
from converter.loading.saved_graph.running import NORMALIZATIONS, Fact, run


@dataclass(frozen=True)
class Shared:
    """What all layers of a graph share: the live variables, by the names of their nodes."""

    facts: Mapping[Value, Fact]
    live: dict[str, Any] = field(default_factory=dict)


class GraphLayer(keras.layers.Layer):  # type: ignore[misc]
    """Some operations of a graph on the variables of one layer; `part` tells which use of it.

    Its class is called by what it does, as TensorFlow calls it.
    """

    def __init__(self, plan: Plan, shared: Shared) -> None:
        super().__init__(name=built_name(plan.name), dtype="float32")
        self.plan, self.shared = plan, shared

    def own(self, names: Mapping[str, Variable]) -> None:
        """Make the variables of the layer that no other has yet; their values are arbitrary."""
        taken: set[str] = set()
        for name, variable in names.items():
            last = variable.name.rpartition("/")[2].replace(":", "_")
            last = last if last not in taken else f"{last}_{len(taken)}"
            taken.add(last)
            self.shared.live[name] = self.add_weight(
                name=last,
                shape=variable.shape,
                dtype=variable.dtype,
                initializer="zeros",
                trainable=variable.trainable,
            )
        self._name_roles()

    def _name_roles(self) -> None:
        """Let the variables be attributes as those of Keras's own layers are."""
        kernels = [v for v in self.weights if len(v.shape) > 1]
        vectors = [v for v in self.weights if len(v.shape) == 1]
        nodes = [node for part in self.plan.parts for node in part.nodes]
        if type(self).__name__ == "BatchNormalization":
            for role in ("gamma", "beta", "moving_mean", "moving_variance"):
                setattr(self, role, next((v for v in self.weights if v.name == role), None))
            self.epsilon = _epsilon(nodes)
        elif kernels:
            self.kernel = kernels[0]
            self.bias = vectors[0] if len(vectors) == 1 else None
        dilated = [node.attributes["dilations"] for node in nodes if "dilations" in node.attributes]
        rates = [rate for one in dilated for rate in one.list.i]
        self.dilation_rate = tuple(rates) or (1,)
        self.is_transposed = any(node.kind == "Conv2DBackpropInput" for node in nodes)

    def call(self, values: Sequence[Any], part: int = 0) -> Any:
        """Run one use of the layer on computed `values`."""
        plan = self.plan.parts[part]
        found = dict(zip(plan.inputs, values, strict=True))
        live = self.shared.live
        for node in plan.nodes:
            inputs = [
                live[value.maker].value if value.maker in live else found[value]
                for value in node.inputs
            ]
            results = run(node, inputs)
            found.update((Value(node.name, i), result) for i, result in enumerate(results))
        outputs = [found[value] for value in plan.outputs]
        return outputs[0] if len(outputs) == 1 else outputs

    def compute_output_spec(self, values: Sequence[Any], part: int = 0) -> Any:
        """Return what is known of the outputs for any number of samples."""
        facts = [self.shared.facts[value] for value in self.plan.parts[part].outputs]
        specs = [keras.KerasTensor((None, *f.shape[1:]), f.dtype) for f in facts]
        return specs[0] if len(specs) == 1 else specs


def _epsilon(nodes: Sequence[Any]) -> float:
    """Return what a batch normalization adds to the variance."""
    for node in nodes:
        if node.kind in NORMALIZATIONS:
            return float(node.attributes["epsilon"].f)
    small = [float(run(node, ())[0]) for node in nodes if node.kind == "Const" and _is_one(node)]
    return small[0] if small else 0.0


def _is_one(node: Any) -> bool:
    tensor = node.attributes["value"].tensor
    return not tensor.tensor_shape.dim and run(node, ())[0].dtype == "float32"


def live_model(
    name: str,
    graph: Graph,
    plans: Sequence[Plan],
    variables: Mapping[str, Variable],
    facts: Mapping[Value, Fact],
) -> tuple[Any, dict[str, Any]]:
    """Return a functional Keras model of `plans`, and its variables by the names of their nodes.

    They have arbitrary values. An output has its name in the signature.
    """
    shared = Shared(facts)
    values = {
        value: keras.Input(
            batch_shape=(None, *facts[value].shape[1:]), dtype=facts[value].dtype, name=name
        )
        for name, value in graph.inputs.items()
    }
    inputs = list(values.values())
    layers = [_class(plan.kind)(plan, shared) for plan in plans]
    for layer, plan in zip(layers, plans, strict=True):
        layer.own({v: variables[v] for v in plan.variables if v not in shared.live})
    _call_all(layers, values)
    outputs = [values[value] for value in graph.outputs.values()]
    if len(outputs) > 1:
        outputs = _named(outputs, list(graph.outputs), {layer.name for layer in layers})
    model = keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=name)
    return model, shared.live


def _named(outputs: Sequence[Any], labels: Sequence[str], taken: set[str]) -> list[Any]:
    """Return `outputs` from layers called by their `labels`: Keras knows them by those."""
    found = []
    for tensor, label in zip(outputs, labels, strict=True):
        name = built_name(label)
        if maker(tensor).name != name:
            tensor = keras.layers.Identity(name=free_name(name, taken))(tensor)
        found.append(tensor)
    return found


def _call_all(layers: Sequence[Any], values: dict[Value, Any]) -> None:
    """Call each use of each layer as soon as what it takes is there."""
    waiting = [(layer, i, part) for layer in layers for i, part in enumerate(layer.plan.parts)]
    while waiting:
        later = []
        for layer, i, part in waiting:
            if not all(value in values for value in part.inputs):
                later.append((layer, i, part))
                continue
            found = keras.tree.flatten(layer([values[v] for v in part.inputs], part=i))
            values.update(zip(part.outputs, found, strict=True))
        assert len(later) < len(waiting), "the graph has no circles"
        waiting = later


_classes: dict[str, type] = {}


def _class(kind: str) -> Callable[[Plan, Shared], GraphLayer]:
    """Return the class of layers that do what TensorFlow calls `kind`."""
    if kind not in _classes:
        _classes[kind] = type(kind, (GraphLayer,), {"__doc__": f"A layer that does {kind!r}."})
    return _classes[kind]
