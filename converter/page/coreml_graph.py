"""A Core ML model as a graph: its layers, its loss, the way of the gradient, a pipeline's cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from converter.coreml import mlmodel
from converter.coreml.contents import CoreMLModel, Layer
from converter.coreml.figures import count_text, shape_text
from converter.coreml.inspection import inspect
from converter.coreml.mlmodel import Message
from converter.coreml.pipelines import members
from converter.page.graph import Edge, Fact, Graph, Node, ordered
from converter.page.reasons import Learning

PASSES, ENDS, BLOCKS = "gradient passes", "gradient ends here", "stops the gradient"


def coreml_graph(spec: Message) -> Graph:
    """Return the graph of the model `spec`; a model of any kind, valid or not."""
    drawing = _Drawing()
    told = inspect(spec)
    training = {feature.name for feature in told.training_inputs}
    for feature in told.inputs:
        state = "input, training input" if feature.name in training else "input"
        drawing.feature("input", feature.name, feature.type, state)
    models = list(_models(spec))
    for index, (name, model) in enumerate(models):
        drawing.model(name, model, last=index + 1 == len(models))
        if index + 1 < len(models):
            drawing.cut(name, models[index + 1][0], [model for _, model in models[index + 1 :]])
    for feature in told.outputs:
        drawing.output(feature.name, feature.type)
    drawing.losses(models, {feature.name: feature.type for feature in told.training_inputs})
    return Graph(tuple(drawing.nodes), ordered(drawing.edges))


def _models(spec: Message, prefix: str = "") -> Iterator[tuple[str, Message]]:
    """Yield (name, model) of all that run one after the other, those of inner pipelines too."""
    inside = members(spec)
    if not inside:
        yield prefix, spec
    for name, member in inside:
        yield from _models(member, f"{prefix} / {name}" if prefix else name)


class _Drawing:
    """Nodes and edges as they come together; `features` are the nodes that make what is known."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.features: dict[str, int] = {}
        self.blobs: dict[str, int] = {}
        self.learning: Learning | None = None

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def feature(self, role: str, name: str, kind: str, state: str) -> None:
        """Add what comes in or goes out."""
        facts = (("type", kind), ("used as", state))
        node = self.add(Node(name, kind, role, state=state, facts=facts))
        if role != "output":
            self.features[name] = node

    def output(self, name: str, kind: str) -> None:
        """Add an output that a layer makes; the label of a class is made by none."""
        made = self.features.get(name)
        if made is not None:
            self.feature("output", name, kind, "output")
            self.edges.append(Edge(made, len(self.nodes) - 1))

    def model(self, name: str, spec: Message, last: bool) -> None:
        """Add one model that is no pipeline, by its layers if they are known."""
        net = mlmodel.network(spec)
        told = inspect(spec)
        if net is None:
            self._opaque(name, told)
            return
        self.learning = Learning(spec, net, last)
        self.blobs = {f.name: self.features[f.name] for f in told.inputs if f.name in self.features}
        first = len(self.nodes)
        for index, layer in enumerate(told.layers):
            self._layer(index, layer, first)
        self.features |= {f.name: self.blobs[f.name] for f in told.outputs if f.name in self.blobs}
        if net.DESCRIPTOR.name == "NeuralNetworkClassifier" and told.layers:
            # What the class is chosen by: a blob, by its name, or else what the last layer makes.
            chosen = self.blobs.get(net.labelProbabilityLayerName, len(self.nodes) - 1)
            shown = (
                spec.description.predictedFeatureName,
                spec.description.predictedProbabilitiesName,
            )
            self.features |= {name: chosen for name in shown if name}

    def _layer(self, index: int, layer: Layer, first: int) -> None:
        learning = self.learning
        assert learning is not None
        role = "plain" if not layer.weights else "learns" if layer.updatable else "frozen"
        node = self.add(
            Node(
                layer.name,
                layer.kind,
                role,
                shape_text(layer.shape),
                ", ".join(filter(None, (role if role != "plain" else "", _state(learning, index)))),
                tuple(_facts(layer, learning.reason(index), learning.way(index))),
                (layer.shape or ())[-2:] if len(layer.shape or ()) > 2 else (),
                # What a gradient reaches is not folded together with what it does not.
                part=2 * first + (index in learning.carriers),
            )
        )
        for blob in layer.inputs:
            if blob in self.blobs:
                source = self.blobs[blob] - first
                self.edges.append(
                    Edge(
                        self.blobs[blob],
                        node,
                        index in learning.path and source in learning.carriers,
                        index in learning.ends,
                    )
                )
        self.blobs.update(dict.fromkeys(layer.outputs, node))

    def _opaque(self, name: str, told: CoreMLModel) -> None:
        """Add a model that does not consist of layers, such as a k-NN classifier."""
        found = told.neighbors
        facts: list[Fact] = [("kind", told.kind)]
        role, state, detail = "model", "", ""
        if found is not None:
            samples = sum(found.samples.values())
            role, state = "neighbors", "learns by keeping samples" if told.updatable else "frozen"
            detail = f"{found.neighbors.default:g} of {count_text(samples) or 'no'} samples"
            facts += [
                ("dimensions", str(found.dimensions)),
                ("samples", str(samples)),
                ("index", found.index),
                ("distance", found.distance),
                ("why", "an update adds samples; there is no loss and no gradient"),
            ]
        kind = "k-NN" if found is not None else told.kind
        node = self.add(Node(name or told.kind, kind, role, detail, state, tuple(facts)))
        read = {f.name for f in told.inputs} & self.features.keys()
        self.edges += [Edge(self.features[name], node) for name in sorted(read)]
        self.features |= {f.name: node for f in told.outputs}

    def cut(self, before: str, after: str, later: list[Message]) -> None:
        """Add the place where one model of a pipeline ends and the next one begins."""
        read = {feature.name for model in later for feature in model.description.input}
        handed = sorted(
            name
            for name, node in self.features.items()
            if name in read and self.nodes[node].role not in ("input",)
        )
        facts = (
            ("before", before),
            ("after", after),
            ("handed over", ", ".join(handed) or "nothing"),
            ("why", "the gradient does not pass: only the last model of a pipeline may learn"),
        )
        node = self.add(Node(f"{before} | {after}", "cut", "cut", ", ".join(handed), facts=facts))
        self.edges += [Edge(self.features[name], node) for name in handed]
        self.features |= dict.fromkeys(handed, node)

    def losses(self, models: list[tuple[str, Message]], training: Mapping[str, str]) -> None:
        """Add the losses of the last model, and the training inputs that they compare with."""
        net = mlmodel.network(models[-1][1])
        if net is None or self.learning is None:
            return
        for layer in net.updateParams.lossLayers:
            kind = layer.WhichOneof("LossLayerType") or "none"
            loss = getattr(layer, kind) if kind != "none" else None
            target, reads = (loss.target, loss.input) if loss is not None else ("", "")
            if target not in self.features and target in training:
                self.feature("target", target, training[target], "training input")
            facts = (("kind", kind), ("compares", reads), ("with", target))
            short = kind.removesuffix("LossLayer")
            node = self.add(Node(layer.name, short, "loss", state="loss", facts=facts))
            if reads in self.blobs:
                self.edges.append(Edge(self.blobs[reads], node, bool(self.learning.carriers)))
            if target in self.features:
                self.edges.append(Edge(self.features[target], node))


def _state(learning: Learning, index: int) -> str:
    if index in learning.blocking:
        return BLOCKS
    if index in learning.ends:
        return ENDS
    return PASSES if index in learning.path else ""


def _facts(layer: Layer, reason: str, way: str) -> Iterator[Fact]:
    yield "kind", layer.kind
    yield "output", shape_text(layer.shape) or "not known"
    yield "weights", count_text(layer.weights) or "none"
    if layer.weights:
        yield "bytes", f"{layer.bytes:,}"
        yield "precision", layer.precision or "float32"
    yield "learning", reason
    if way:
        yield "gradient", way
    yield "reads", ", ".join(layer.inputs) or "nothing"
    yield "makes", ", ".join(layer.outputs) or "nothing"
