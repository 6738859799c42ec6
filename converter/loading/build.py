"""A stored architecture becomes a live Keras model; its weights are arbitrary until filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from converter.backend.keras import in_one_line
from converter.backend.tensorflow import keras
from converter.errors import KerasFileError
from converter.keras_file import Call, StoredLayer, StoredModel, Tensor, input_shape
from converter.loading.layers import LayerMaker


@dataclass(frozen=True)
class Built:
    """A live layer beside what it was made from; `children` are the layers of a nested model."""

    stored: StoredLayer
    layer: Any
    children: tuple[Built, ...] = ()

    def leaves(self) -> Iterator[Built]:
        """Yield the layers that are not models, in the order of the file."""
        if not isinstance(self.stored, StoredModel):
            yield self
        for child in self.children:
            yield from child.leaves()


class Builder:
    """Builds one model; a layer that occurs twice in a file by its shared id is made once."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._shared: dict[int, Built] = {}
        self._maker = LayerMaker(lambda stored: self.build(stored).layer, self.notes)

    def build(self, stored: StoredLayer) -> Built:
        """Return the live layer or model that `stored` describes.

        Raises:
            KerasFileError: a layer is not known, or the layers do not fit together.
        """
        if stored.shared_id in self._shared:
            return self._shared[stored.shared_id]
        built = self._build(stored)
        if stored.shared_id is not None:
            self._shared[stored.shared_id] = built
        return built

    def _build(self, stored: StoredLayer) -> Built:
        if not isinstance(stored, StoredModel):
            return Built(stored, self._maker.make(stored))
        if stored.kind == "Sequential":
            return self._sequential(stored)
        return self._functional(stored)

    def _sequential(self, stored: StoredModel) -> Built:
        shape = input_shape(stored)
        if shape is None:
            raise KerasFileError(
                f"holds a model {stored.name!r} that does not say the shape of its input"
            )
        name = next((s.name for s in stored.layers if s.kind == "InputLayer"), None)
        layers = [s for s in stored.layers if s.kind != "InputLayer"]
        children = tuple(self.build(layer) for layer in layers)
        model = keras.Sequential([_input(shape, name)], name=stored.name)
        for child in children:
            _explained(child.stored, model.add, child.layer)
        return Built(stored, model, children)

    def _functional(self, stored: StoredModel) -> Built:
        children = tuple(self.build(s) for s in stored.layers if s.kind != "InputLayer")
        tensors = {
            s.name: [[_input(tuple(s.arguments["batch_shape"]), s.name, s.arguments.get("dtype"))]]
            for s in stored.layers
            if s.kind == "InputLayer"
        }
        replay(stored, {child.stored.name: child.layer for child in children}, tensors)
        first = first_calls(stored)

        def find(tensor: Tensor) -> Any:
            return tensors[tensor.layer][tensor.call - first[tensor.layer]][tensor.output]

        inputs, outputs = (substitute(part, find) for part in (stored.inputs, stored.outputs))
        model = keras.Model(_only(inputs), _only(outputs), name=stored.name)
        return Built(stored, model, children)


def replay(
    stored: StoredModel, layers: dict[str, Any], tensors: dict[str, list[list[Any]]]
) -> None:
    """Call the `layers` as the file says, each call as soon as its inputs exist.

    `tensors` holds, by layer and call, the list of outputs; it begins with the model's inputs.
    """
    first = first_calls(stored)
    pending = {s.name: list(s.calls) for s in stored.layers if s.name in layers}
    by_name = {s.name: s for s in stored.layers}

    def find(tensor: Tensor) -> Any:
        return tensors[tensor.layer][tensor.call - first[tensor.layer]][tensor.output]

    while any(pending.values()):
        before = sum(map(len, pending.values()))
        for name, calls in pending.items():
            while calls and _is_ready(calls[0], tensors, first):
                args, kwargs = (substitute(part, find) for part in (calls[0].args, calls[0].kwargs))
                result = _explained(by_name[name], layers[name], *args, **kwargs)
                tensors.setdefault(name, []).append(keras.tree.flatten(result))
                calls.pop(0)
        if sum(map(len, pending.values())) == before:
            stuck = next(name for name, calls in pending.items() if calls)
            raise KerasFileError(f"layer {stuck!r} takes a tensor that no layer of the file gives")


def first_calls(stored: StoredModel) -> dict[str, int]:
    """Return by layer the number of its first call.

    It is 0, or 1 for nested models, which count the call that made them (not in every version).
    Every stored call feeds something, so the smallest number in use is the first.
    """
    first: dict[str, int] = {}
    everything = [stored.inputs, stored.outputs]
    everything += [(call.args, call.kwargs) for layer in stored.layers for call in layer.calls]
    for tensor in _tensors(everything):
        first[tensor.layer] = min(tensor.call, first.get(tensor.layer, tensor.call))
    return first


def substitute(value: Any, find: Callable[[Tensor], Any]) -> Any:
    """Return `value` with every `Tensor` inside replaced by what `find` gives for it."""
    if isinstance(value, Tensor):
        return find(value)
    if isinstance(value, dict):
        return {key: substitute(part, find) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(substitute(part, find) for part in value)
    return value


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _is_ready(call: Call, tensors: dict[str, list[list[Any]]], first: dict[str, int]) -> bool:
    return all(
        tensor.call - first[tensor.layer] < len(tensors.get(tensor.layer, ()))
        for tensor in _tensors((call.args, call.kwargs))
    )


def _input(shape: tuple[int | None, ...], name: str | None, dtype: str | None = None) -> Any:
    """Return an input tensor; a batch size that the file fixes is left open."""
    return keras.Input(batch_shape=(None, *shape[1:]), name=name, dtype=dtype)


def _only(structure: Any) -> Any:
    return structure[0] if isinstance(structure, list) and len(structure) == 1 else structure


def _explained(stored: StoredLayer, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return ``call(...)``; an error from inside of Keras becomes one line that names the layer."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        reason = in_one_line(error)
        raise KerasFileError(
            f"layer {stored.name!r} ({stored.stored_class}) does not fit its input: {reason}"
        ) from error


def freeze(built: Built) -> None:
    """Mark as not trainable what the file marks so; done last, it does not disturb the weights."""
    for child in built.children:
        freeze(child)
    if not built.stored.trainable:
        built.layer.trainable = False
