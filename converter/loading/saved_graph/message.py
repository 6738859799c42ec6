"""What stands in ``saved_model.pb``: the graph, its functions, and the signatures to call it by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from converter.backend.saved_model import SavedModel
from converter.errors import KerasFileError, UsageError
from converter.keras_file.content import DAMAGED

Message: TypeAlias = Any
"""A protobuf message."""

LARGEST_MESSAGE = 2**28
"""Bytes. The weights stand elsewhere; the graph of a large network takes a few MB."""

SERVING = "serve"
"""The tag of the graph that is for predictions."""

USUAL = ("serving_default", "default")
"""Names of the signature that is meant if none is named: of TensorFlow 2, and of Hub modules."""

OWN = "__saved_model_"
"""How the names begin of signatures that TensorFlow writes for itself."""


def read_graph(folder: Path) -> Message:
    """Return the graph for predictions of the SavedModel in `folder`, a ``MetaGraphDef``.

    Raises:
        KerasFileError: the file is damaged, absurdly large, or holds no graph.
    """
    path = folder / "saved_model.pb"
    if (size := path.stat().st_size) > LARGEST_MESSAGE:
        raise KerasFileError(
            f"its graph (saved_model.pb) has {size / 1e6:.0f} MB, which no network needs whose "
            "weights are variables; export it with its weights as variables"
        )
    message = SavedModel()
    try:
        message.ParseFromString(path.read_bytes())
    except Exception as error:  # google.protobuf's DecodeError, of whichever implementation
        raise KerasFileError(f"its graph (saved_model.pb) {DAMAGED}") from error
    graphs = list(message.meta_graphs)
    if not graphs:
        raise KerasFileError(f"its graph (saved_model.pb) {DAMAGED}")
    served = [graph for graph in graphs if SERVING in graph.meta_info_def.tags]
    untagged = [graph for graph in graphs if not graph.meta_info_def.tags]
    return (served or untagged or graphs)[0]


def chosen_signature(graph: Message, wanted: str | None) -> str:
    """Return the name of the signature to read: the one `wanted`, or the usual or only one.

    Raises:
        KerasFileError: the graph has no signature.
        UsageError: it has not the one that is wanted, or several and none is.
    """
    names = sorted(signatures(graph))
    listed = ", ".join(names)
    if not names:
        raise KerasFileError(
            "has no signature, so it does not say how its graph is called; export it with one: "
            "tf.saved_model.save(model, folder, signatures=model.call)"
        )
    if wanted is not None and wanted not in names:
        raise UsageError(f"has no signature '{wanted}'; its signatures: {listed}")
    usual = [name for name in USUAL if name in names]
    if wanted is None and not usual and len(names) > 1:
        raise UsageError(f"has several signatures ({listed}); choose: --signature")
    return wanted or (usual or names)[0]


def signatures(graph: Message) -> Mapping[str, Message]:
    """Return the signatures by name, without those of TensorFlow's own."""
    return {
        name: signature
        for name, signature in graph.signature_def.items()
        if not name.startswith(OWN) and signature.outputs
    }
