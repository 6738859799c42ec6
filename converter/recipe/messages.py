"""What pydantic found wrong, said for the person who wrote the recipe."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from converter.recipe.model import Choice, Metadata, Range, RecipeFile

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

MESSAGES: dict[str, Callable[[Any], str]] = {
    "missing": lambda e: "is missing; name the Keras file: .h5 or .keras",
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


def explain(error: Any, location: tuple[str | int, ...]) -> str:
    """Return one line for an entry of ``ValidationError.errors()``: what is wrong, what to do."""
    if error["type"] == "extra_forbidden":
        return _unknown(str(location[-1]), _settings_at(location))
    message = MESSAGES.get(error["type"])
    text = message(error) if message else error["msg"]
    near = _near(error) if error["type"] == "literal_error" else None
    return f"{text}; did you mean {near}?" if near else text


def _settings_at(location: tuple[str | int, ...]) -> type[BaseModel]:
    """Return the model whose fields are known where `location` points into."""
    if len(location) == 1:
        return RecipeFile
    inner: dict[str, type[BaseModel]] = {"range": Range, "choice": Choice}
    return inner.get(str(location[1]), Metadata)


def _unknown(key: str, model: type[BaseModel]) -> str:
    known = list(model.model_fields)
    plain = key.lower().replace("-", "_")
    near = difflib.get_close_matches(plain, known, n=1) or [SYNONYMS.get(plain, "")]
    if near[0] in known:
        return f"is no setting; did you mean {near[0]}?"
    if model is RecipeFile:
        return "is no setting; 'make-updatable recipe schema' lists them, or remove it"
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
