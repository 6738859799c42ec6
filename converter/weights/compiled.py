"""What a device saves: a ``.mlmodelc``, the compiled form of a model. Nothing of it is run.

Apple does not document it. This is what real folders hold (format version 200), each compared with
the ``.mlmodel`` that it came from; whatever does not look so is refused.

``model.espresso.net``: JSON; each layer with weights names its blobs, ``blob_biases`` and
``blob_weights``, by their index. ``model.espresso.weights``: the number of blobs, then index and
size in bytes of each, in 64 bits, then the blobs one after the other. Those with an even index are
zeros, as many as let the next one begin at a multiple of 64. The others are float32 values as the
``.mlmodel`` stores them, layer by layer, biases before weights; behind the biases of a dense layer
there may be three times as many zeros. ``coremldata.bin``: the length of the description of inputs
and outputs, that itself, as protobuf, and behind it the class labels. In a pipeline, member ``n``
has a folder ``model<n>`` of its own.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from converter.coreml.features import labels
from converter.coreml.keras_order import stored_shape
from converter.coreml.kinds import learning_weights
from converter.coreml.mlmodel import Floats, Message, floats, layer_params, network
from converter.coreml.pipelines import learner, members
from converter.errors import DataError

Read: TypeAlias = Callable[[str, int], "bytes | None"]
"""Gives a member of the folder, by its path, of at most so many bytes; None if it is missing."""

NET, WEIGHTS, DATA, METADATA = (
    "model.espresso.net", "model.espresso.weights", "coremldata.bin", "metadata.json",
)  # fmt: skip

VERSION = 200
ALIGNMENT = 64
LARGEST_TEXT = 2**24
"""Bytes of JSON and of descriptions that are read at most."""

TYPES = {"convolution": "convolution", "innerProduct": "inner_product"}
"""Kind of a layer with weights in the ``.mlmodel`` -> its type in ``model.espresso.net``."""

OTHERWISE = "let the app export the weights (exportWeights of the generated trainer) and adopt them"


@dataclass(frozen=True)
class Blob:
    """The place of one tensor: its layer, its field, and the sizes in bytes that it may have."""

    layer: Message
    field: str
    sizes: tuple[int, ...]


def learned(shipped: Message, read: Read) -> dict[tuple[str, str], Floats]:
    """Return the values that learned, by layer and field, as Core ML stores them.

    Raises:
        DataError: the folder is not what `shipped` becomes when it is compiled, or it cannot be
            told.
    """
    _check_description(shipped, read)
    parts = [member for _, member in members(shipped)] or [shipped]
    for index, part in enumerate(parts):
        found = _learned(part, read, "" if part is shipped else f"model{index}/")
    return found


def _learned(member: Message, read: Read, folder: str) -> dict[tuple[str, str], Floats]:
    """Return what learned in one network; all that is frozen must be as in `member`."""
    net = network(member)
    if net is None:
        raise DataError(f"the model holds a {member.WhichOneof('Type')}; {OTHERWISE}")
    expected = list(_expected(net))
    _check_net(_json(_needed(read, f"{folder}{NET}", LARGEST_TEXT), NET), expected)
    blobs = _blobs(_needed(read, f"{folder}{WEIGHTS}", _largest(expected)), expected)
    found = {}
    for blob, octets in zip(expected, blobs, strict=True):
        size = blob.sizes[0]
        values = np.frombuffer(octets[:size], "<f4")
        if any(octets[size:]):
            raise DataError(f"{WEIGHTS}: behind the biases of '{blob.layer.name}' are no zeros")
        if blob.layer.isUpdatable:
            found[blob.layer.name, blob.field] = values
        elif values.tobytes() != floats(getattr(layer_params(blob.layer), blob.field)).tobytes():
            raise DataError(
                f"{WEIGHTS}: the frozen {blob.field} of layer '{blob.layer.name}' are not those of "
                "the shipped model; is it the one that the device had?"
            )
    return found


def _expected(net: Message) -> Iterator[Blob]:
    """Yield the blobs that the network `net` must have become, in their order."""
    for layer in net.layers:
        kind = layer.WhichOneof("layer")
        stored = [
            field.name
            for field, _ in (layer_params(layer).ListFields() if kind else ())
            if field.message_type is not None and field.message_type.name == "WeightParams"
        ]
        if not stored:
            continue
        if kind not in TYPES or getattr(layer_params(layer), "isDeconvolution", False):
            raise DataError(
                f"layer '{layer.name}' is of a kind whose weights are not known to have their "
                f"place in a .mlmodelc; {OTHERWISE}"
            )
        for field in reversed(learning_weights(layer)):  # biases come first
            if not getattr(layer_params(layer), field).floatValue:
                raise DataError(
                    f"layer '{layer.name}' does not store its {field} in 32-bit floats, so they "
                    f"cannot be compared; {OTHERWISE}"
                )
            size = 4 * math.prod(stored_shape(layer, field))
            is_long = field == "bias" and kind == "innerProduct"
            yield Blob(layer, field, (size, 4 * size) if is_long else (size,))


def _largest(expected: Sequence[Blob]) -> int:
    table = 8 + 32 * len(expected)
    return table + sum(ALIGNMENT + blob.sizes[-1] for blob in expected)


def _check_net(net: Any, expected: Sequence[Blob]) -> None:
    """Check that the layers with weights are those that are `expected`, and name their blobs."""
    layers = net.get("layers") if isinstance(net, dict) else None
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise DataError(f"{NET}: holds no layers; is it the folder that the device saved?")
    if net.get("format_version") != VERSION or net.get("storage") != WEIGHTS:
        raise DataError(
            f"{NET}: is of version {net.get('format_version')!r:.20}, of which the layout is not "
            f"known; {OTHERWISE}"
        )
    wanted: dict[str, dict[str, Any]] = {}
    for number, blob in enumerate(expected):
        key = "blob_biases" if blob.field == "bias" else "blob_weights"
        wanted.setdefault(blob.layer.name, _sizes(blob.layer))[key] = 2 * number + 1
    weighted = [layer for layer in layers if _has_weights(layer)]
    if [layer.get("name") for layer in weighted] != list(wanted):
        raise DataError(f"{NET}: does not have the layers with weights of the shipped model")
    for layer in weighted:
        found = {key: layer.get(key) for key in wanted[layer["name"]]}
        blobs = {key for key in layer if key.startswith("blob_")}
        if found != wanted[layer["name"]] or not blobs <= set(found):
            raise DataError(
                f"{NET}: layer '{layer['name']}' is not that of the shipped model, or stores its "
                f"weights in a way that is not known; {OTHERWISE}"
            )


def _has_weights(layer: Mapping[str, Any]) -> bool:
    return bool(layer.get("weights")) or any(
        key.startswith("blob_") or key.endswith("_blob") for key in layer
    )


def _sizes(layer: Message) -> dict[str, Any]:
    """Return what ``model.espresso.net`` says of `layer` besides its blobs."""
    kind, params = layer.WhichOneof("layer"), layer_params(layer)
    said = {"type": TYPES[kind], "has_biases": int(params.hasBias), "weights": {}}
    if kind == "innerProduct":
        return said | {"nB": params.inputChannels, "nC": params.outputChannels}
    outputs, channels, height, width = stored_shape(layer, "weights")
    groups = params.nGroups or 1
    return said | {
        "C": outputs, "K": channels * groups, "Ny": height, "Nx": width, "n_groups": groups,
    }  # fmt: skip


def _blobs(data: bytes, expected: Sequence[Blob]) -> Iterator[bytes]:
    """Yield the blobs of ``model.espresso.weights``, without what aligns them."""
    count = 2 * len(expected)
    start = 8 + 16 * count
    if len(data) < start or struct.unpack_from("<Q", data)[0] != count:
        raise DataError(f"{WEIGHTS}: does not hold {count} blobs, as the shipped model needs")
    table = [struct.unpack_from("<QQ", data, 8 + 16 * number) for number in range(count)]
    place, parts = start, list[bytes]()
    for number, (index, size) in enumerate(table):
        blob = expected[number // 2]
        sizes = blob.sizes if number % 2 else (-place % ALIGNMENT,)
        if index != number or size not in sizes:
            raise DataError(
                f"{WEIGHTS}: blob {number} has {size} bytes, where the {blob.field} of layer "
                f"'{blob.layer.name}' {'need' if number % 2 else 'would be aligned by'} {sizes[0]}"
            )
        parts.append(data[place : place + size])
        place += size
    if place != len(data) or any(any(padding) for padding in parts[::2]):
        raise DataError(f"{WEIGHTS}: is cut off, goes on too long, or has more than zeros between")
    yield from parts[1::2]


def _check_description(shipped: Message, read: Read) -> None:
    """Check that inputs, outputs and labels are those of the `shipped` model."""
    description = shipped.description
    told, rest = _description(_needed(read, DATA, LARGEST_TEXT), description)
    for name in ("input", "output", "trainingInput"):
        for feature in getattr(description, name):
            if _alone(description, name, feature) not in told:
                raise DataError(f"{DATA}: does not describe '{feature.name}' as the shipped model")
    classes = labels(learner(shipped)) or []
    if not _are_in_order([_as_stored(label) for label in classes], rest):
        raise DataError(f"{DATA}: does not hold the class labels of the shipped model")
    _check_metadata(shipped, classes, read)


def _description(data: bytes, shipped: Message) -> tuple[bytes, bytes]:
    """Return the description in ``coremldata.bin``, which begins with its length, and the rest."""
    first = _alone(shipped, "input", shipped.input[0]) if shipped.input else b""
    start = data.find(first)
    if not first or start < 8:
        raise DataError(f"{DATA}: does not describe the first input as the shipped model")
    end = start + int(struct.unpack_from("<Q", data, start - 8)[0])
    return data[start:end], data[end:]


def _alone(description: Message, name: str, feature: Message) -> bytes:
    """Return a description with this `feature` alone, as it stands in that of the whole model."""
    alone: bytes = type(description)(**{name: [feature]}).SerializeToString(deterministic=True)
    return alone


def _as_stored(label: str | int) -> bytes:
    return struct.pack("<q", label) if isinstance(label, int) else label.encode()


def _are_in_order(texts: Sequence[bytes], data: bytes) -> bool:
    place = 0
    for text in texts:
        place = data.find(text, place)
        if place < 0:
            return False
        place += len(text)
    return True


def _check_metadata(shipped: Message, classes: Sequence[str | int], read: Read) -> None:
    """Check what ``metadata.json`` says of the kind and the labels; not every folder has one."""
    stored = read(METADATA, LARGEST_TEXT)
    if stored is None:
        return
    said = _json(stored, METADATA)
    first = said[0] if isinstance(said, list) and said and isinstance(said[0], dict) else {}
    kind = first.get("modelType")
    named = kind.get("name") if isinstance(kind, dict) else None
    if named is not None and named != f"MLModelType_{shipped.WhichOneof('Type')}":
        raise DataError(f"{METADATA}: is that of a {named!r:.60}, which the shipped model is not")
    told = first.get("classLabels") or []
    if told and classes and told != list(classes):
        raise DataError(f"{METADATA}: has other class labels than the shipped model")


def _needed(read: Read, name: str, most: int) -> bytes:
    found = read(name, most)
    if found is None:
        raise DataError(
            f"{name} is missing; give the .mlmodelc of a neural network as the device saved it"
        )
    return found


def _json(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: is not JSON; is it the folder that the device saved?") from error
