"""The arrays of a file go into a built model, each shape checked and nothing left over."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from converter.backend.keras import kept_variables, own_attributes
from converter.backend.tensorflow import keras, tensor
from converter.errors import KerasFileError
from converter.keras_file import Arrays, Dataset, Group, Origin, StoredLayer, StoredModel
from converter.loading.build import Built
from converter.loading.kernels import to_today
from converter.loading.lora import merged
from converter.loading.order import best_order, variables_of

NOT_WEIGHTS = ("StateVar", "seed_generator_state")
"""Arrays that hold the state of a random generator."""


@dataclass(frozen=True)
class Placed:
    """From which array of the file a live variable has its values, and of which layer it is."""

    variable: Any
    array: Dataset
    layer: StoredLayer
    origin: Origin


def fill(model: Built, arrays: Arrays, origin: Origin, by_name: bool = True) -> tuple[Placed, ...]:
    """Give every variable of `model` its array from the file; return where each has it from.

    An array that is stored twice, because a layer is shared, stands there twice. Where layers are
    told by their class, names that the file has for them must be theirs if `by_name`.

    Raises:
        KerasFileError: an array is missing, left over, or of another shape than its variable.
    """
    filler = Filler(origin, by_name)
    if arrays.in_order:
        filler.in_order(model, arrays.root)
    elif arrays.by_layer:
        groups = dict(arrays.root.children)
        filler.by_layer(model, groups)
        left = [name for name, group in groups.items() if group.arrays]
        if left:
            raise KerasFileError(
                f"holds weights of a layer {left[0]!r} that the model does not have"
            )
    else:
        filler.by_class(model, arrays.root)
    missing = [v for v in model.layer.weights if id(v) not in filler.filled]
    if missing:
        raise KerasFileError(f"holds no array for {missing[0].path}")
    for leaf in model.leaves():
        if hasattr(leaf.layer, "finalize_state"):  # Normalization derives constants from them
            leaf.layer.finalize_state()
    return tuple(filler.placed)


class Filler:
    """Assigns arrays to variables, and remembers which variables have theirs."""

    def __init__(self, origin: Origin, by_name: bool) -> None:
        self.origin, self.by_name = origin, by_name
        self.filled: set[int] = set()
        self.placed: list[Placed] = []

    def by_layer(self, model: Built, groups: dict[str, Group]) -> None:
        """Fill from groups named after layers; a nested model's arrays stand flat in one group.

        Keras 1 left out the level of a nested Sequential, so its layers are looked up themselves.
        """
        named = {child.stored.stored_name for child in model.children}
        for child in model.children:
            name = child.stored.stored_name
            if not name and variables_of(child.layer):
                name = _first_other(groups, named)
            group = groups.pop(name, None)
            if group is not None:
                self._flat(child, group)
            elif isinstance(child.stored, StoredModel):
                self.by_layer(child, groups)

    def in_order(self, model: Built, root: Group) -> None:
        """Fill from groups that stand for the layers with weights, one after the other."""
        children = [child for child in model.children if variables_of(child.layer)]
        groups = [group for group in root.children.values() if _weights(group)]
        for child, group in zip(children, groups, strict=False):
            self._flat(child, group)
        if len(children) > len(groups):
            raise KerasFileError(
                f"holds arrays of {len(groups)} layers, but the model has {len(children)} with "
                f"weights; the first without is {children[len(groups)].stored.name!r}"
            )
        if len(groups) > len(children):
            raise KerasFileError(
                f"holds arrays of {len(groups)} layers, but the model has {len(children)} with "
                f"weights; the first too many is {groups[len(children)].name!r}"
            )

    def _flat(self, child: Built, group: Group) -> None:
        """Fill a layer or nested model from all of its arrays, without a level inside."""
        arrays = merged(_weights(group), child.stored)
        self._assign(child, best_order(child, arrays), arrays)

    def by_class(self, model: Built, group: Group) -> None:
        """Fill from groups named after classes and counted, "conv2d", "conv2d_1", …, by rank."""
        layers = group.children.get("layers") or group.children.get(
            "_layer_checkpoint_dependencies"
        )
        if layers is None:
            return
        names = dict.fromkeys(snake_case(child.stored.stored_class) for child in model.children)
        for key, part in layers.children.items():
            if re.sub(r"_\d+$", "", key) not in names and key not in names and not part.is_empty():
                raise KerasFileError(f"holds arrays of {key!r}, but the model has no such layer")
        for name in names:
            children = [c for c in model.children if snake_case(c.stored.stored_class) == name]
            for child, part in paired(children, ranked(layers, name), name):
                if self.by_name:
                    _check_name(child, part)
                if isinstance(child.stored, StoredModel):
                    self.by_class(child, part)
                else:
                    self._own(child, child.layer, part)

    def _own(self, owner: Built, layer: Any, group: Group) -> None:
        """Fill a layer, and the layers that it keeps as attributes, such as a wrapper's."""
        inner = dict(sublayers(layer))
        covered = {id(v) for sublayer in inner.values() for v in sublayer.weights}
        variables = [v for v in variables_of(layer) if id(v) not in covered]
        if len(variables) < len(group.arrays):
            # A wrapper that keeps a variable of the layer inside stores that, too.
            variables = kept_variables(layer)
        self._assign(owner, variables, group.arrays)
        for path, sublayer in inner.items():
            # An attribute with a property has its arrays under the property's public name, and a
            # layer under two names under the first; the other groups are empty.
            for part in (group.child(path), group.child(path.removeprefix("_"))):
                if not part.is_empty():
                    self._own(owner, sublayer, part)
                    break

    def _assign(
        self, owner: Built, variables: Sequence[Any], arrays: Sequence[tuple[str, Dataset]]
    ) -> None:
        if len(variables) != len(arrays):
            raise KerasFileError(
                f"layer {owner.stored.name!r} ({owner.stored.stored_class}) has {len(variables)} "
                f"weights, but the file holds {len(arrays)} arrays for it"
            )
        for variable, (_, dataset) in zip(variables, arrays, strict=True):
            self.placed.append(Placed(variable, dataset, owner.stored, self.origin))
            if id(variable) not in self.filled:  # otherwise a layer that is stored twice
                self._put(owner, variable, dataset)
                self.filled.add(id(variable))

    def _put(self, owner: Built, variable: Any, dataset: Dataset) -> None:
        """Assign one array, as a whole: a variable assigned in parts copies itself when read."""
        shape = tuple(variable.shape)
        if math.prod(dataset.shape) != math.prod(shape):  # before it is read
            raise KerasFileError(_shapes(owner, variable, dataset.shape))
        array = to_today(dataset[()], owner.stored, self.origin)
        if array.shape != shape:
            raise KerasFileError(_shapes(owner, variable, array.shape))
        variable.assign(tensor(array))


def _shapes(owner: Built, variable: Any, shape: tuple[int, ...]) -> str:
    own = (leaf for leaf in owner.leaves() if any(v is variable for v in leaf.layer.weights))
    layer = next(own, owner).stored
    return (
        f"layer {layer.name!r} ({layer.stored_class}) has a {variable.name} of shape "
        f"{tuple(variable.shape)}, but the file holds {shape}"
    )


def _weights(group: Group) -> list[tuple[str, Dataset]]:
    return [a for a in group.arrays if not a[0].split(":")[0].endswith(NOT_WEIGHTS)]


def _first_other(groups: dict[str, Group], named: set[str]) -> str:
    """Return the first group with arrays that is of no layer with a name, empty if there is none.

    A class of one's own may be stored without the name that its arrays have.
    """
    return next((name for name in groups if name not in named and groups[name].arrays), "")


def snake_case(class_name: str) -> str:
    """Return the name of a class as ``model.weights.h5`` has it: "BatchNormalization" there is
    "batch_normalization", and "Conv2D" is "conv2d".
    """
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def ranked(groups: Group, name: str) -> list[Group]:
    """Return the groups "name", "name_1", "name_2", … by number; some versions skip numbers."""
    numbers = {
        int(match[1] or 0): group
        for key, group in groups.children.items()
        if (match := re.fullmatch(rf"{re.escape(name)}(?:_(\d+))?", key))
    }
    return [numbers[number] for number in sorted(numbers)]


def paired(children: list[Built], groups: list[Group], name: str) -> list[tuple[Built, Group]]:
    """Return layers of one class with their groups; layers without weights may lack theirs."""
    if len(children) != len(groups):
        children = [child for child in children if variables_of(child.layer)]
        groups = [group for group in groups if not group.is_empty()]
    if len(children) != len(groups):
        raise KerasFileError(
            f"holds arrays of {len(groups)} layers of class {name!r}, but the model has "
            f"{len(children)} with weights{_first_misfit(children, groups)}"
        )
    return list(zip(children, groups, strict=True))


def _first_misfit(children: Sequence[Built], groups: Sequence[Group]) -> str:
    """Return what the first layer has that does not fit, and what the file has for it."""
    for child, group in zip(children, groups, strict=False):
        shapes = [tuple(v.shape) for v in variables_of(child.layer)]
        stored = [tuple(array.shape) for _, array in group.arrays]
        if stored and stored != shapes:
            return f"; {child.stored.name!r} has the shapes {shapes}, the file {stored}"
    return ""


def _check_name(child: Built, group: Group) -> None:
    if group.name and group.name != (child.stored.stored_name or group.name):
        raise KerasFileError(
            f"holds arrays of {group.name!r} where those of {child.stored.stored_name!r} belong"
        )


def sublayers(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the layers that a layer keeps as attributes, with the path of their arrays."""
    attributes = own_attributes(layer)
    if isinstance(layer, keras.Model):  # inside of a wrapper
        attributes = [("layers", list(layer.layers))]
    for name, part in attributes:
        if isinstance(part, keras.layers.Layer):
            yield name, part
        elif isinstance(part, list):
            used: dict[str, int] = {}
            for item in (item for item in part if isinstance(item, keras.layers.Layer)):
                key = snake_case(type(item).__name__)
                used[key] = used.get(key, -1) + 1
                yield f"{name}/{key}_{used[key]}".removesuffix("_0"), item
