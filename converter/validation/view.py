"""A model as the rules see it: what several of them ask for is worked out once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from converter.coreml import mlmodel, shapes
from converter.coreml.gradient import Gradient
from converter.coreml.mlmodel import Message
from converter.coreml.subject import Loss, only_loss
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.flow import Flow, follow

NEWEST_VERSION = 10
"""The newest specification version that the published validator knows (iOS 26)."""

UPDATABLE_KINDS = (*mlmodel.NETWORK_KINDS, *mlmodel.PIPELINE_KINDS, "kNearestNeighborsClassifier")


class View:
    """One model, alone or inside a pipeline, and what can be said about it as a whole."""

    must_be_updatable = False
    """Whether a model that is not updatable is to be reported."""
    unusual = ""
    """What about its file only Apple's reader takes."""
    odd_floats = False
    """Whether its arrays may hold NaN or infinity; where nobody looked, they are not suspected."""

    def __init__(self, spec: Message, place: str = "", depth: int = 0) -> None:
        """`place` names the position inside a pipeline, `depth` how many pipelines surround it."""
        self.spec = spec
        self.place = place
        self.depth = depth
        self.kind: str | None = spec.WhichOneof("Type")
        self.version: int = spec.specificationVersion
        self.description: Message = spec.description
        self.net: Message | None = mlmodel.network(spec)
        self.pipeline: Message | None = mlmodel.pipeline(spec)

    @property
    def params(self) -> Message:
        """The message of the kind of model that is set."""
        return getattr(self.spec, self.kind) if self.kind else None

    @property
    def updatable_net(self) -> Message | None:
        """The network, if the model is one and is to be updated on the device."""
        return self.net if self.spec.isUpdatable else None

    @property
    def has_functions(self) -> bool:
        """Whether the interface is given per function, as ML Programs may do."""
        return bool(self.description.functions or self.description.defaultFunctionName)

    def interfaces(self) -> list[Message]:
        """Return the messages that hold the inputs, outputs and states of the model."""
        if not self.has_functions:
            return [self.description]
        return list(self.description.functions) if self.kind == "mlProgram" else []

    def features(self) -> Iterator[tuple[str, Message]]:
        """Yield (``input``, ``output`` or ``state``; feature description) of the interface."""
        for interface in self.interfaces():
            for role in ("input", "output", "state"):
                for feature in getattr(interface, role):
                    yield role, feature

    @cached_property
    def has_new_layers(self) -> bool:
        """Whether a layer at the top of the network is younger than iOS 12."""
        return self.net is not None and not all(map(shapes.is_ios12_layer, self.net.layers))

    @cached_property
    def exact(self) -> bool:
        """Whether blobs may have any rank; otherwise all are (sequence, batch, C, H, W)."""
        return self.net is not None and shapes.is_exact(self.net)

    @cached_property
    def flow(self) -> Flow:
        """Every layer of the network with what is known of its blobs."""
        names = [feature.name for feature in self.description.input]
        layers = self.net.layers if self.net is not None else ()
        return follow(layers, names, self._declared_ranks() if self.exact else {}, self.exact)

    def _declared_ranks(self) -> dict[str, int]:
        net, ranks = self.net, {}
        assert net is not None
        for feature in self.description.input:
            if feature.type.WhichOneof("Type") == "multiArrayType":
                given = len(feature.type.multiArrayType.shape)
                ranks[feature.name] = given if net.arrayInputShapeMapping else 5
            elif feature.type.WhichOneof("Type") == "imageType":
                ranks[feature.name] = 4 if net.imageInputShapeMapping else 5
        for feature in self.description.output:
            given = len(feature.type.multiArrayType.shape)
            if given and feature.type.WhichOneof("Type") == "multiArrayType":
                ranks[feature.name] = given
        return ranks

    @property
    def losses(self) -> list[Message]:
        """The loss layers of a network."""
        return list(self.net.updateParams.lossLayers) if self.net is not None else []

    @cached_property
    def loss(self) -> Loss | None:
        """The loss of a network, None also if there are several, or one of no kind."""
        return only_loss(self.net) if self.net is not None else None

    @cached_property
    def gradient(self) -> Gradient:
        """How the loss depends on the layers of an updatable network."""
        assert self.net is not None
        layers, loss = list(self.net.layers), self.loss
        if loss is None:
            return Gradient(layers, "", crossentropy=False)
        return Gradient(layers, loss.input, loss.is_classification)

    @cached_property
    def shapes(self) -> shapes.Inference:
        """The shape of every blob of the network, and what does not fit."""
        return shapes.infer(self.spec)

    def misfits(self, rule: Rule, topic: str) -> Iterator[Finding]:
        """Yield a finding of `rule` for each mismatch of shapes of one topic."""
        for mismatch in self.shapes.mismatches:
            if mismatch.topic == topic:
                yield rule.found(mismatch.message, mismatch.fix, mismatch.layer)

    @cached_property
    def apple_stops_at_shapes(self) -> bool:
        """Whether Apple's validator ends, without an error, at its shape inference."""
        if self.net is None or self.exact:
            return False
        from converter.validation.apple.shapes import failure  # only models with findings need it

        return failure(self.description, self.net.layers) is not None


def models_in(spec: Message, place: str = "", depth: int = 0) -> Iterator[View]:
    """Yield `spec` and, if it is a pipeline, all models inside it.

    Protobuf refuses messages nested deeper than 100, so the recursion is bounded.
    """
    view = View(spec, place, depth)
    yield view
    if view.pipeline is None:
        return
    names = list(view.pipeline.names)
    for index, member in enumerate(view.pipeline.models):
        name = f" {quoted(names[index])}" if index < len(names) else ""
        inside = f"model {index}{name} of the pipeline"
        yield from models_in(member, f"{inside} in {place}" if place else inside, depth + 1)
