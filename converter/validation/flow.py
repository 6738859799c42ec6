"""The walk over a network's layers in file order: who makes a blob, who reads it, of what rank.

Networks inside ``branch`` and ``loop`` layers are walked too. Their blobs follow the scoping of
Apple's validator: a branch gives out what both its sides make, a loop without a condition all that
its body makes, a loop with one all that the condition network makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import i32
from converter.validation.finding import quoted

MODEL_INPUT = "__input"
"""What stands as the maker of a blob that is an input of the model."""


Makers: TypeAlias = dict[str, None]
"""The names of the layers that make one blob, in order: a set that remembers who was first."""


class Site:
    """One layer where it stands, with the ranks that are known when the walk comes by."""

    __slots__ = ("inner", "input_ranks", "inputs", "kind", "layer", "loops", "name", "output_ranks",
                 "outputs", "params")  # fmt: skip

    def __init__(self, layer: Message, inner: bool, loops: int) -> None:
        """`inner`: inside a branch or loop; `loops`: how many loop bodies surround it."""
        self.layer = layer
        self.kind: str = layer.WhichOneof("layer") or ""
        self.params: Message = getattr(layer, self.kind) if self.kind else None
        self.name: str = layer.name
        self.inputs: list[str] = list(layer.input)
        self.outputs: list[str] = list(layer.output)
        self.inner = inner
        self.loops = loops
        self.input_ranks: list[int | None] = []
        self.output_ranks: list[int | None] = []


@dataclass
class Flow:
    """All layers of a network, in the order of the walk, and what the walk tripped over."""

    sites: list[Site] = field(default_factory=list)
    by_kind: dict[str, list[Site]] = field(default_factory=dict)
    made: dict[str, Makers] = field(default_factory=dict)
    """Blob -> names of the layers that make it, at the end of the network."""
    missing: list[tuple[Site, str]] = field(default_factory=list)
    """A layer and an input of it that nothing before has made."""
    remade: list[tuple[Site, str, str]] = field(default_factory=list)
    """A layer, an output of it that exists already, and the maker of that one."""
    rank_faults: list[tuple[Site, str]] = field(default_factory=list)
    control_faults: list[tuple[Site, str]] = field(default_factory=list)

    def of(self, *kinds: str) -> Iterable[Site]:
        """Yield the layers of the given kinds."""
        for kind in kinds:
            yield from self.by_kind.get(kind, ())


class _Scope:
    """The blobs that a network sees: its own, and those of the networks around it."""

    def __init__(self, parent: _Scope | None = None) -> None:
        self.parent = parent
        self.makers: dict[str, Makers] = {}
        self.ranks: dict[str, int] = {}

    def makers_of(self, blob: str) -> Makers | None:
        scope: _Scope | None = self
        while scope is not None:
            if (makers := scope.makers.get(blob)) is not None:
                return makers
            scope = scope.parent
        return None

    def rank_of(self, blob: str) -> int | None:
        scope: _Scope | None = self
        while scope is not None:
            if (rank := scope.ranks.get(blob)) is not None:
                return rank
            scope = scope.parent
        return None

    def add(self, blob: str, makers: Makers) -> None:
        if blob not in self.makers:
            self.makers[blob] = dict(self.makers_of(blob) or {})
        self.makers[blob].update(makers)


def follow(
    layers: Iterable[Message], inputs: Iterable[str], ranks: dict[str, int], exact: bool
) -> Flow:
    """Walk over `layers`, given the names of the model's inputs and the declared ranks.

    Linear in the number of layers. Ranks are followed only where `exact` shapes are in force.
    """
    scope = _Scope()
    scope.makers = {name: {MODEL_INPUT: None} for name in inputs}
    scope.ranks = dict(ranks)
    walk = _Walk(exact)
    walk.network(layers, scope, inner=False, loops=0)
    walk.flow.made = scope.makers
    return walk.flow


class _Walk:
    def __init__(self, exact: bool) -> None:
        self.exact = exact
        self.flow = Flow()

    def network(self, layers: Iterable[Message], scope: _Scope, inner: bool, loops: int) -> None:
        for layer in layers:
            self._layer(Site(layer, inner, loops), scope)

    def _layer(self, site: Site, scope: _Scope) -> None:
        flow = self.flow
        if self.exact:
            self._note_ranks(site, site.inputs, site.layer.inputTensor, scope)
            self._note_ranks(site, site.outputs, site.layer.outputTensor, scope)
            site.input_ranks = [scope.rank_of(blob) for blob in site.inputs]
            site.output_ranks = [scope.rank_of(blob) for blob in site.outputs]
        flow.sites.append(site)
        flow.by_kind.setdefault(site.kind, []).append(site)
        if site.kind == "loop":
            self._loop(site, scope)
        # A loop may read what its own body makes, a branch may not.
        for blob in site.inputs:
            if scope.makers_of(blob) is None:
                flow.missing.append((site, blob))
        if site.kind == "branch":
            self._branch(site, scope)
        for blob in site.outputs:
            makers = scope.makers_of(blob)
            if makers is not None and site.kind != "copy":
                flow.remade.append((site, blob, next(iter(makers))))
            scope.add(blob, {site.name: None})

    def _note_ranks(
        self, site: Site, blobs: list[str], tensors: list[Message], scope: _Scope
    ) -> None:
        """Take the ranks from ``inputTensor`` or ``outputTensor``."""
        faults = self.flow.rank_faults
        if tensors and len(tensors) != len(blobs):
            faults.append((site, f"describes {len(tensors)} tensors for {len(blobs)} blobs"))
            return
        for blob, tensor in zip(blobs, tensors, strict=False):
            rank, dims = i32(tensor.rank), len(tensor.dimValue)
            if dims and dims != rank:
                faults.append((site, f"gives blob {quoted(blob)} rank {rank} and {dims} sizes"))
            known = scope.rank_of(blob)
            if known is None:
                scope.ranks[blob] = rank
            elif known != rank:
                faults.append(
                    (site, f"gives blob {quoted(blob)} rank {rank}; it has rank {known} elsewhere")
                )

    def _branch(self, site: Site, scope: _Scope) -> None:
        sides = _Scope(scope), _Scope(scope)
        networks = site.params.ifBranch, site.params.elseBranch
        if not networks[0].layers:
            self.flow.control_faults.append((site, "has an empty if branch"))
        for network, side in zip(networks, sides, strict=True):
            self.network(network.layers, side, inner=True, loops=site.loops)
        if networks[1].layers:
            for blob in {**sides[0].makers, **sides[1].makers}:
                makers = [side.makers_of(blob) for side in sides]
                if makers[0] is not None and makers[1] is not None:
                    scope.add(blob, makers[0] | makers[1])

    def _loop(self, site: Site, scope: _Scope) -> None:
        params, variable = site.params, site.params.conditionVar
        conditional = bool(params.conditionNetwork.layers)
        faults = self.flow.control_faults
        if not params.bodyNetwork.layers:
            faults.append((site, "has an empty body"))
        if bool(variable) != conditional:
            faults.append((site, "needs a condition network and a condition variable, or neither"))
        if not conditional and params.maxLoopIterations == 0 and not site.inputs:
            faults.append((site, "has no input, no condition and no largest number of iterations"))
        if conditional:
            self._condition(site, scope)
        body = _Scope(scope)
        self.network(params.bodyNetwork.layers, body, inner=True, loops=site.loops + 1)
        for blob, makers in body.makers.items():
            if not conditional or scope.makers_of(blob) is not None:
                scope.add(blob, makers)

    def _condition(self, site: Site, scope: _Scope) -> None:
        variable = site.params.conditionVar
        condition = _Scope(scope)
        self.network(site.params.conditionNetwork.layers, condition, inner=True, loops=site.loops)
        outside, inside = scope.makers_of(variable), condition.makers_of(variable)
        if inside is None or inside == outside:
            blob = quoted(variable)
            self.flow.control_faults.append((site, f"has a condition network not making {blob}"))
        for blob, makers in condition.makers.items():
            scope.add(blob, makers)
