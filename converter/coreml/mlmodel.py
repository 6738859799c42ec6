"""The Core ML ``Model`` message: loading its classes light, reading, writing, walking layers.

``import coremltools`` takes seconds, because it brings its converters and with them TensorFlow.
Only the generated protobuf modules are needed to read a file, and these load in 0.05 s.
"""

from __future__ import annotations

import importlib
import importlib.util
import mmap
import os
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.message import DecodeError, EncodeError

from converter.errors import MissingDependencyError, ModelFileError, OutputError, reason
from converter.files.kinds import described, refuse_special
from converter.files.writing import write_bytes

if TYPE_CHECKING:  # NumPy takes 0.1 s to import, and reading a model does not need it
    import numpy as np
    import numpy.typing as npt

    from converter.coreml.wire import Encoded

Message: TypeAlias = Any
"""A protobuf message of Core ML's format; protobuf's classes carry no static types."""

Floats: TypeAlias = "npt.NDArray[np.float32]"

LARGEST_MESSAGE = 2**31 - 1
"""Bytes. Protobuf refuses to serialize or parse more in one message."""

TOO_LARGE = "the model is larger than a Core ML model file can be, 2.1 GB; convert a smaller model"


def _load_proto(name: str) -> Any:
    """Import ``coremltools.proto.<name>`` without running ``coremltools/__init__.py``.

    Bare package modules stand in ``sys.modules`` while the generated code resolves its relative
    imports. They are removed afterwards, so that a later ``import coremltools`` is the real one;
    it finds the generated modules loaded and shares these very message classes.
    """
    full_name = f"coremltools.proto.{name}"
    if full_name in sys.modules:
        return sys.modules[full_name]
    if "coremltools" in sys.modules:
        return importlib.import_module(full_name)
    found = importlib.util.find_spec("coremltools")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError("coremltools is not installed; run: pip install coremltools")
    folder = Path(found.submodule_search_locations[0])
    packages = {"coremltools": folder, "coremltools.proto": folder / "proto"}
    for package, path in packages.items():
        module = types.ModuleType(package)
        module.__path__ = [str(path)]
        sys.modules[package] = module
    try:
        return importlib.import_module(full_name)
    finally:
        for package in packages:
            del sys.modules[package]


Model_pb2 = _load_proto("Model_pb2")
NeuralNetwork_pb2 = _load_proto("NeuralNetwork_pb2")
FeatureTypes_pb2 = _load_proto("FeatureTypes_pb2")

NETWORK_KINDS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
PIPELINE_KINDS = ("pipeline", "pipelineClassifier", "pipelineRegressor")
CROSS_ENTROPY = "categoricalCrossEntropyLossLayer"
SQUARED_ERROR = "meanSquaredErrorLossLayer"


def parse(data: bytes | memoryview, where: str) -> Message:
    """Return the ``Model`` message in `data`; `where` names its origin in error messages.

    Raises:
        ModelFileError: the bytes are not a serialized ``Model``.
    """
    model = Model_pb2.Model()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise ModelFileError(
            f"{where}: is not a Core ML model (truncated, or another kind of file)"
        ) from error
    if model.WhichOneof("Type") is None:
        raise ModelFileError(f"{where}: holds no model; is it a .mlmodel file?")
    return model


def read(path: Path) -> Message:
    """Return the ``Model`` message stored in the file `path`.

    Raises:
        ModelFileError: the file is missing, unreadable, or not a Core ML model.
    """
    if path.is_dir():
        if (path / "coremldata.bin").is_file():
            raise ModelFileError(
                f"{path}: is a compiled model, not a .mlmodel file; make-updatable weights adopt "
                "puts what it has learned into one"
            )
        package = (path / "Manifest.json").is_file()
        kind = "a Core ML package (.mlpackage)" if package else "a folder"
        raise ModelFileError(f"{path}: is {kind}, not a .mlmodel file")
    refuse_special(path, ModelFileError)
    try:
        try:
            return _parsed(path)
        except ModelFileError as error:
            with path.open("rb") as file:
                found = described(file)
            raise (ModelFileError(f"{path}: {found}") if found else error) from error
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({reason(error)})") from error


def _parsed(path: Path) -> Message:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return parse(b"", str(path))
        # Mapped, a large file is not held a second time as bytes.
        with (
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
            memoryview(data) as view,
        ):
            return parse(view, str(path))


def serialize(model: Message) -> bytes:
    """Return the bytes of `model`, the same for equal messages.

    Raises:
        OutputError: the model is larger than protobuf can write.
    """
    try:
        # Not `ByteSize` first: protobuf finds the size by writing everything.
        data: bytes = model.SerializeToString(deterministic=True)
    except EncodeError as error:
        raise OutputError(TOO_LARGE) from error
    return data


def size_with(model: Message, arrays: Sequence[tuple[Message, Encoded]]) -> int:
    """Return the bytes of the file that `write_with` would write; only shapes of `arrays` count."""
    from converter.coreml import wire

    return wire.size(list(wire.chunks(model, {id(params): array for params, array in arrays})))


def write_with(model: Message, arrays: Sequence[tuple[Message, Encoded]], path: Path) -> None:
    """Write `model` to `path` with values that it does not hold itself.

    `arrays` are pairs of an empty ``WeightParams`` inside `model` and the values that belong there.
    The file is the same as if they had been put in, but a large model is never held twice.

    Raises:
        OutputError: the model is larger than a file can be.
    """
    from converter.coreml import wire

    chunks = list(wire.chunks(model, {id(params): array for params, array in arrays}))
    if wire.size(chunks) > LARGEST_MESSAGE:
        raise OutputError(TOO_LARGE)
    with path.open("wb") as file:
        for chunk in chunks:
            file.writelines(wire.octets(chunk))


def write(model: Message, path: Path) -> None:
    """Write `model` to `path` in one step, byte for byte the same for equal messages.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(path, serialize(model))


def network(model: Message) -> Message | None:
    """Return the neural network inside `model`, or None if it is of another kind."""
    kind = model.WhichOneof("Type")
    return getattr(model, kind) if kind in NETWORK_KINDS else None


def pipeline(model: Message) -> Message | None:
    """Return the plain ``Pipeline`` inside `model`, or None if it is of another kind."""
    kind = model.WhichOneof("Type")
    if kind not in PIPELINE_KINDS:
        return None
    return model.pipeline if kind == "pipeline" else getattr(model, kind).pipeline


def layer_params(layer: Message) -> Message:
    """Return the parameters of `layer`, such as its ``convolution`` or ``innerProduct`` part."""
    return getattr(layer, layer.WhichOneof("layer"))


def updatable_layers(model: Message) -> Iterator[Message]:
    """Yield the layers of the network inside `model` that are marked updatable."""
    net = network(model)
    if net is not None:
        yield from (layer for layer in net.layers if layer.isUpdatable)


def set_floats(params: Message, array: npt.NDArray[Any]) -> None:
    """Put `array`, of any shape, into ``WeightParams`` as float32 values in C order.

    The packed field is merged from its wire form, thirty times faster than extending it by Python
    floats (0.9 s instead of 26 s for 103 million values).
    https://protobuf.dev/programming-guides/encoding/#packed
    """
    import numpy as np

    from converter.coreml.encoding import floats_prefix

    prefix = floats_prefix(array.size)
    wire = np.empty(len(prefix) + 4 * array.size, np.uint8)
    wire[: len(prefix)] = np.frombuffer(prefix, np.uint8)
    # Straight into its place: a transposed array is copied once, not twice.
    np.ndarray(array.shape, "<f4", wire, len(prefix))[...] = array
    params.ClearField("floatValue")
    if array.size:
        params.MergeFromString(wire.data)


def floats(params: Message) -> Floats:
    """Return the float32 values of ``WeightParams``, shape ``[n]``, through their wire form.

    Values stored as float16 are widened. Quantized weights are not read here: an empty array.
    """
    import numpy as np

    from converter.coreml.encoding import floats_prefix

    if params.float16Value:
        return np.frombuffer(params.float16Value, "<f2").astype(np.float32)
    count = len(params.floatValue)
    if not count:
        return np.zeros(0, np.float32)
    # floatValue is field 1, so it comes first: tag, varint length, then the raw values.
    start = len(floats_prefix(count))
    return np.frombuffer(params.SerializeToString(), "<f4", count, start)
