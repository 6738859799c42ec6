"""What pydantic found wrong, said for the person who wrote the recipe."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from typing import Any, get_args

from pydantic import BaseModel

from converter.recipe.mappings import Choice, Range
from converter.recipe.model import RecipeFile

SYNONYMS = {
    "lr": "learning_rate",
    "labels": "classes",
    "class_labels": "classes",
    "out": "output_path",
    "name": "output_path",
    "licence": "license",
    "short_description": "description",
    "trainable": "layers",
    "batch": "batch_size",
    "minibatch": "batch_size",
    "values": "allowed",
    "set": "allowed",
}
"""What people write -> the setting that they mean, where spelling alone does not tell."""

WANTED = {"model": "name the Keras model, such as model.keras"}
"""Setting that cannot be left out -> what to give, where its description does not say it."""

BY_TAG: dict[str, type[BaseModel]] = {"range": Range, "choice": Choice}
"""What pydantic calls one of several possible models in the location of an error -> the model."""

MESSAGES: dict[str, Callable[[Any], str]] = {
    "string_type": lambda e: f"must be text, not {_shown(e)}; put it in quotes",
    "int_type": lambda e: f"must be a whole number, not {_shown(e)}",
    "int_from_float": lambda e: f"must be a whole number, not {_shown(e)}",
    "float_type": lambda e: f"must be a number, not {_shown(e)}",
    "finite_number": lambda e: f"must be a finite number, not {_shown(e)}",
    "bool_type": lambda e: f"must be true or false, not {_shown(e)}",
    "tuple_type": lambda e: f"must be a list such as [a, b], not {_shown(e)}",
    "path_type": lambda e: f"must be a path, not {_shown(e)}",
    "dict_type": lambda e: f"must hold pairs of key and text, not {_shown(e)}",
    "model_type": lambda e: f"must hold keys of its own, not {_shown(e)}",
    "literal_error": lambda e: f"must be {e['ctx']['expected']}, not {_shown(e)}",
    "greater_than": lambda e: f"must be more than {e['ctx']['gt']:g}, not {_shown(e)}",
    "greater_than_equal": lambda e: f"must be {e['ctx']['ge']:g} or more, not {_shown(e)}",
    "less_than_equal": lambda e: f"must be {e['ctx']['le']:g} or less, not {_shown(e)}",
    "string_pattern_mismatch": lambda e: "is empty; give a name, or remove it",
    "too_short": lambda e: "is empty; name at least one, or remove it",
    "value_error": lambda e: str(e["ctx"]["error"]),
}
"""Type of a pydantic error (https://docs.pydantic.dev/latest/errors/validation_errors/) -> text."""


def explain(error: Any, location: tuple[str | int, ...], root: type[BaseModel] = RecipeFile) -> str:
    """Return one line for an entry of ``ValidationError.errors()``: what is wrong, what to do.

    `root` is the pydantic model of the whole document.
    """
    if error["type"] == "extra_forbidden":
        return _unknown(str(location[-1]), _settings_at(location, root), root)
    if error["type"] == "missing":
        return _missing(str(location[-1]), _settings_at(location, root))
    message = MESSAGES.get(error["type"])
    text = message(error) if message else error["msg"]
    near = _near(error) if error["type"] == "literal_error" else None
    return f"{text}; did you mean {near}?" if near else text


def _settings_at(location: tuple[str | int, ...], root: type[BaseModel]) -> type[BaseModel]:
    """Return the model whose fields are known where `location` points into."""
    found = root
    for key in location[:-1]:
        field = found.model_fields.get(str(key))
        inner = model_in(field.annotation) if field else BY_TAG.get(str(key))
        found = inner or found
    return found


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the first pydantic model in a type, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (model_in(part) for part in get_args(annotation))
    return next((model for model in found if model), None)


def _missing(key: str, model: type[BaseModel]) -> str:
    description = model.model_fields[key].description
    return f"is missing; {WANTED.get(key) or f'give: {description}'}"


def _unknown(key: str, model: type[BaseModel], root: type[BaseModel]) -> str:
    known = list(model.model_fields)
    plain = key.lower().replace("-", "_")
    near = difflib.get_close_matches(plain, known, n=1) or [SYNONYMS.get(plain, "")]
    if near[0] in known:
        return f"is no setting; did you mean {near[0]}?"
    if model is root:
        kind = "recipe" if root is RecipeFile else root.__name__.lower()
        return f"is no setting; 'make-updatable {kind} schema' lists them, or remove it"
    return f"is no setting here; the settings are {', '.join(known)}"


def _near(error: Any) -> str | None:
    if not isinstance(error["input"], str):
        return None
    options = [
        part.strip("' ") for part in error["ctx"]["expected"].replace(" or ", ",").split(",")
    ]
    near = difflib.get_close_matches(error["input"].lower(), options, n=1)
    return near[0] if near else None


def _shown(error: Any) -> str:
    text = json.dumps(error["input"], ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:37]}…"
