"""A ``.mlmodelc`` as a device saves it, written from the layout that `converter.weights.compiled`
documents."""

import json
import struct

import numpy as np

from converter.coreml.features import labels
from converter.coreml.mlmodel import floats, network
from converter.coreml.pipelines import learner, members

TYPES = {"convolution": "convolution", "innerProduct": "inner_product"}


def blobs_of(spec, long_biases):
    """Return the float32 blobs of the network `spec`, biases first, and its layers as JSON."""
    blobs, layers = [], []
    for layer in network(spec).layers:
        kind = layer.WhichOneof("layer")
        said = {"name": layer.name, "type": TYPES.get(kind, kind), "weights": {}}
        if kind in TYPES:
            params = getattr(layer, kind)
            said["has_biases"] = int(params.hasBias)
            parts = [("blob_biases", params.bias)] if params.hasBias else []
            for key, stored in [*parts, ("blob_weights", params.weights)]:
                values = floats(stored)
                if key == "blob_biases" and kind == "innerProduct" and long_biases:
                    values = np.append(values, np.zeros(3 * len(values), np.float32))
                said[key] = 2 * len(blobs) + 1
                blobs.append(values.tobytes())
            said |= sizes(kind, params)
        layers.append(said)
    return blobs, layers


def sizes(kind, params):
    if kind == "innerProduct":
        return {"nB": params.inputChannels, "nC": params.outputChannels}
    height, width = params.kernelSize
    groups = params.nGroups or 1
    return {
        "C": params.outputChannels, "K": params.kernelChannels * groups, "Nx": width, "Ny": height,
        "n_groups": groups,
    }  # fmt: skip


def packed(blobs):
    """Return the bytes of ``model.espresso.weights``: a table, then blobs, aligned by zeros."""
    place, parts, table = 8 + 32 * len(blobs), [], []
    for blob in blobs:
        padding = -place % 64
        table += [(len(table), padding), (len(table) + 1, len(blob))]
        parts += [bytes(padding), blob]
        place += padding + len(blob)
    head = struct.pack("<Q", len(table)) + b"".join(struct.pack("<QQ", *row) for row in table)
    return head + b"".join(parts)


def write(spec, folder, long_biases=True):
    """Write `spec` to `folder` as it would be compiled."""
    parts = [member for _, member in members(spec)] or [spec]
    for index, part in enumerate(parts):
        place = folder if part is spec else folder / f"model{index}"
        place.mkdir(parents=True)
        blobs, layers = blobs_of(part, long_biases)
        net = {"storage": "model.espresso.weights", "format_version": 200, "layers": layers}
        (place / "model.espresso.net").write_text(json.dumps(net, indent=2))
        (place / "model.espresso.weights").write_bytes(packed(blobs))
    texts = labels(learner(spec)) or []
    stored = [t.encode() if isinstance(t, str) else struct.pack("<q", t) for t in texts]
    told = spec.description.SerializeToString(deterministic=True)
    data = bytes(16) + struct.pack("<Q", len(told)) + told + b"".join(stored)
    (folder / "coremldata.bin").write_bytes(data)
    said = [{"modelType": {"name": f"MLModelType_{spec.WhichOneof('Type')}"}, "classLabels": texts}]
    (folder / "metadata.json").write_text(json.dumps(said))
    return folder
