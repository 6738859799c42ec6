"""What an export of Teachable Machine states beside its model: class labels, and its pictures.

Its three exports are ``keras_model.h5`` or ``model.savedmodel`` with ``labels.txt``, and the
``model.json`` of TensorFlow.js with ``metadata.json``.
https://github.com/googlecreativelab/teachablemachine-community (libraries) writes and reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from converter.errors import KerasFileError, reason
from converter.keras_file.content import Json, parse
from converter.keras_file.graph import StoredLayer, StoredModel, every_layer
from converter.keras_file.inputs import input_shape
from converter.keras_file.names import own_name

MODELS = ("keras_model.h5", "keras_Model.h5", "model.savedmodel")
"""How the model of an export is called that has its labels in `LABELS`."""

LABELS = "labels.txt"

METADATA = "metadata.json"

LONGEST = 2**20
"""Bytes of labels or metadata; exports have some hundred."""

CUT_OFF = "..."
"""How a label in `LABELS` ends of which Teachable Machine has left out the rest."""

SCALE, BIAS = 1 / 127.5, -1.0
"""Pixels from 0 to 255 become -1 to 1, as in the Python code that comes with each Keras export."""

COLOURS: Mapping[int, Literal["rgb", "gray"]] = {3: "rgb", 1: "gray"}

FEATURES = {
    "@teachablemachine/pose": "what PoseNet makes of a picture",
    "speech-commands": "a spectrogram",
}
"""Library of Teachable Machine -> what its models take instead of pictures."""


@dataclass(frozen=True)
class Stated:
    """What lies beside a model and concerns it.

    `labels` are those that `source` states, or `problem` tells why they cannot be taken. `image`
    are the colours of a picture that goes in, scaled by `scale` and `bias`; `head` are the layers
    that were trained. `note` is what to know in any case, `hint` if nobody names classes.
    """

    source: str = ""
    labels: tuple[str, ...] = ()
    problem: str = ""
    image: Literal["rgb", "gray"] | None = None
    scale: float | None = None
    bias: float | None = None
    head: tuple[str, ...] = ()
    note: str = ""
    hint: str = ""


def model_in(folder: Path) -> Path | None:
    """Return the model in `folder` if it is an export with `LABELS` beside its model.

    Raises:
        KerasFileError: there are two models.
    """
    if not (folder / LABELS).is_file() or (folder / "model.json").is_file():
        return None
    found = [folder / name for name in MODELS if (folder / name).exists()]
    if any(not path.samefile(found[0]) for path in found):
        names = " and ".join(path.name for path in found)
        raise KerasFileError(f"is a folder with the models {names}; give a folder with one of them")
    return found[0] if found else None


def stated(place: Path, model: StoredModel, given: Path) -> Stated | None:
    """Return what is stated beside the `model` at `place`, which is `given` or in it.

    Labels are taken from an export as a whole: its folder or zip is `given`, and its files and
    layers are those of Teachable Machine. Of any other file `LABELS` beside it is only a hint.

    Raises:
        KerasFileError: the export contradicts itself about the size of its pictures.
    """
    folder = place if (place / "model.json").is_file() else place.parent
    is_json = folder is place or place.suffix == ".json"
    metadata = _metadata(folder / METADATA) if is_json else None
    if metadata is not None:
        return _by_metadata(metadata, model)
    if not (folder / LABELS).is_file():
        return None
    head = _head(model)
    if place.name not in MODELS or not head:
        said = f"--classes {folder / LABELS}"
        if place != given:
            said = f"unpack the model, and say --classes {LABELS}"
        return Stated(hint=f"{LABELS} lies beside the model, and is not read; if it fits: {said}")
    if place == given:
        return Stated(
            hint=f"{LABELS} lies beside the model, and is not read; if both are an export of "
            "Teachable Machine, give a folder with these two alone, or the zip"
        )
    return _with_labels(model, LABELS, *_numbered(folder / LABELS))


def _by_metadata(metadata: Mapping[str, Json], model: StoredModel) -> Stated:
    """Return what the `metadata` of an export to TensorFlow.js state."""
    is_sound = "tfjsSpeechCommandsVersion" in metadata
    library = "speech-commands" if is_sound else metadata.get("packageName")
    labels = metadata.get("wordLabels" if is_sound else "labels")
    problem = ""
    if not isinstance(labels, list) or not all(isinstance(x, str) and x.strip() for x in labels):
        labels, problem = (), f"its {METADATA} has the labels {labels!r:.80}, no list of texts"
    labels = tuple(label.strip() for label in labels)
    if library == "@teachablemachine/image":
        _check_size(metadata.get("imageSize"), model)
        return _with_labels(model, METADATA, labels, problem)
    takes = FEATURES.get(library) if isinstance(library, str) else None
    if takes is None:
        return Stated(hint=f"{METADATA} is of no known library ({library!r:.80}), and is not read")
    last = model.layers[-1] if model.layers else model
    head = tuple(_dense(last)) if isinstance(last, StoredModel) else ()
    shape = " x ".join(str(n) for n in (input_shape(model) or ())[1:])
    note = f"a Teachable Machine model that takes no pictures, but {takes} ({shape} numbers)"
    return Stated(METADATA, labels, problem, head=head, note=f"{note}, which the app has to make")


def _metadata(path: Path) -> Mapping[str, Json] | None:
    """Return what the file `path` holds if it is of Teachable Machine."""
    if not path.is_file() or path.stat().st_size > LONGEST:
        return None
    try:
        found = parse(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (KerasFileError, OSError):
        return None
    if not isinstance(found, Mapping):
        return None
    is_named = str(found.get("packageName")).startswith("@teachablemachine/")
    is_known = "tmVersion" in found or "tfjsSpeechCommandsVersion" in found
    return found if is_named or is_known else None


def _check_size(size: Json, model: StoredModel) -> None:
    """Check that the model takes the pictures, `size` pixels wide and high, that are stated."""
    if size is None:  # not stated, as before 2020
        return
    if type(size) is not int or size < 1:
        raise KerasFileError(f"its {METADATA} has the imageSize {size!r:.80}, which is no size")
    shape = input_shape(model) or ()
    if len(shape) == 4 and any(n not in (None, size) for n in shape[1:3]):
        raise KerasFileError(
            f"its {METADATA} states pictures of {size} x {size} pixels, but the model takes "
            f"{shape[1]!r:.20} x {shape[2]!r:.20}; export it again"
        )


def _with_labels(
    model: StoredModel, source: str, labels: tuple[str, ...], problem: str = ""
) -> Stated:
    """Return what is stated by an export whose model takes pictures."""
    shape, hint = input_shape(model) or (), ""
    image = COLOURS.get(shape[3] or 0) if len(shape) == 4 else None
    if any(label.endswith(CUT_OFF) for label in labels):
        hint = f"labels of {source} were cut off by Teachable Machine; in full: --classes a,b"
    if image is None:
        return Stated(source, labels, problem, head=_head(model), hint=hint)
    return Stated(source, labels, problem, image, SCALE, BIAS, _head(model), hint=hint)


def _head(model: StoredModel) -> tuple[str, ...]:
    """Return the names of the layers that Teachable Machine trained, none if it made no `model`.

    It joins two Sequential models: a MobileNet with its pooling, and the dense layers behind it.
    """
    parts = _without_inputs(model)
    if model.kind != "Sequential" or len(parts) != 2:
        return ()
    features, head = parts
    if not (isinstance(features, StoredModel) and isinstance(head, StoredModel)):
        return ()
    if not any(isinstance(layer, StoredModel) for layer in features.layers):
        return ()
    layers = _without_inputs(head)
    is_head = bool(layers) and all(layer.kind in ("Dense", "Dropout") for layer in layers)
    if not is_head or layers[-1].arguments.get("activation") != "softmax":
        return ()
    names = [own_name(layer.name) for layer in every_layer(model)]
    found = tuple(_dense(head))
    return found if all(names.count(name) == 1 for name in found) else ()


def _dense(model: StoredModel) -> Iterator[str]:
    """Yield the names of the dense layers of `model`."""
    for layer in model.layers:
        if layer.kind == "Dense":
            yield own_name(layer.name)


def _without_inputs(model: StoredModel) -> list[StoredLayer]:
    return [layer for layer in model.layers if layer.kind != "InputLayer"]


def _numbered(path: Path) -> tuple[tuple[str, ...], str]:
    """Return the labels in the file `path`, one a line behind its number, or why there are none."""
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST).decode("utf-8-sig")
    except OSError as error:
        return (), f"its {LABELS} cannot be read ({reason(error)})"
    except UnicodeDecodeError:
        return (), f"its {LABELS} is no text in UTF-8"
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
    if not lines:
        return (), f"its {LABELS} is empty"
    numbers, labels = zip(*(line.partition(" ")[::2] for line in lines), strict=True)
    if list(numbers) != [str(index) for index in range(len(lines))]:
        if any(number.isdecimal() for number in numbers):
            return (), f"its {LABELS} is not numbered 0, 1, …"
        return tuple(lines), ""
    named = tuple(label.strip() for label in labels)
    if not all(named):
        return (), f"its {LABELS} has a number without a label"
    return named, ""
