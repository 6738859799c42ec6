"""A Swift package around one model: the trainer, the model, a test, and perhaps an example app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from converter.coreml.mlmodel import Message
from converter.errors import OutputError, TrainingError
from converter.files.writing import new_folder
from converter.swift.facts import Input, Trainer
from converter.swift.names import check_type_name
from converter.swift.rendering import TEMPLATE, render
from converter.swift.trainer import trainer

APP = "Example.swiftpm"


def files(
    model: Message, data: bytes, type_name: str, resource: str, *, app: bool = False
) -> dict[str, bytes]:
    """Return the files of the package, by their paths in it.

    `data` are the bytes of `model`, `resource` is its name without ``.mlmodel``. With `app` the
    library stands inside the app, which Swift Playgrounds opens alone.

    Raises:
        TrainingError: the model is not updatable, in a way that is not known here, or no pictures
            can be drawn for it in the app.
        DataError: the file leaves a shape open.
        OutputError: an app cannot have a type, or the package a file, of that name.
    """
    if Path(resource).name != resource:
        raise OutputError(f"--resource {resource}: is no name of a file; give one without folders")
    chosen = trainer(model)
    unnamed = _texts(chosen, "_", resource, app)
    code = "\n".join(text for path, text in unnamed.items() if path.endswith(".swift"))
    check_type_name(type_name, code, resource)
    texts = _texts(chosen, type_name, resource, app)
    contents = {path: text.encode() for path, text in texts.items()}
    return {f"{_library(type_name, app)}/{resource}.mlmodel": data, **contents}


def _library(name: str, app: bool) -> str:
    return f"{APP}/{name}" if app else f"Sources/{name}"


def _texts(chosen: Trainer, name: str, resource: str, app: bool) -> dict[str, str]:
    """Return the files but for the model, by their paths."""
    library = _library(name, app)
    templates = {
        f"{library}/{name}.swift": TEMPLATE,
        f"{library}/{name}+Packaged.swift": "package/Packaged.swift.j2",
        f"Tests/{name}Tests/{name}Tests.swift": "package/Tests.swift.j2",
        "Package.swift": "package/Package.swift.j2",
        "README.md": "package/README.md.j2",
    }
    more = {"app": app, "library": library, "least": {c.key: c.least for c in chosen.counts}}
    if app:
        more |= _pictures(chosen, name)
        templates |= {
            f"{library}/Session.swift": "package/Session.swift.j2",
            f"{library}/Drawing.swift": "package/Drawing.swift.j2",
            f"{APP}/Package.swift": "package/AppPackage.swift.j2",
            f"{APP}/App.swift": "package/App.swift.j2",
            f"{APP}/Views.swift": "package/Views.swift.j2",
            f"{APP}/Pictures.swift": "package/Pictures.swift.j2",
        }
    return {
        path: render(template, chosen, name, resource, **more)
        for path, template in templates.items()
    }


def _pictures(chosen: Trainer, name: str) -> dict[str, object]:
    """Return what the app has to know of the one input, for which it makes pictures."""
    if chosen.by_neighbors:
        raise TrainingError(
            "the example app shows how a loss falls, which k nearest neighbors do not have; leave "
            "out --app"
        )
    size = _picture_size(chosen.inputs[0]) if len(chosen.inputs) == 1 else None
    if size is None or chosen.answer.kind == "values":
        raise TrainingError(
            "the example app needs a model that tells the class of one picture, an image or an "
            "array of one or three channels; leave out --app"
        )
    width, height = size
    (picture,) = chosen.inputs
    (epochs,) = [count for count in chosen.counts if count.key == "epochs"]
    return {
        "picture": picture,
        "picture_type": picture.swift_type if picture.array else f"{name}.Image",
        "width": width,
        "height": height,
        "epochs": epochs,
    }


def _picture_size(item: Input) -> tuple[int, int] | None:
    """Return the width and height of a picture, None if the input takes none."""
    if item.size is not None:
        return item.size
    shape = item.array.shape if item.array and item.array.element != "Int32" else ()
    if len(shape) != 3 or shape[0] not in (1, 3) or min(shape[1:]) < 2:
        return None
    return shape[2], shape[1]


def write(target: Path, contents: Mapping[str, bytes]) -> None:
    """Write `contents` by their paths in the folder `target`, which appears when all are there.

    Raises:
        OutputError: it exists already, or cannot be written.
    """
    with new_folder(target) as temporary:
        for path, content in contents.items():
            place = temporary / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
