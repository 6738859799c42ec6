"""The table of all settings, as `docs/recipes.md` shows it: ``python -m converter.recipe``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from converter.recipe.model import Choice, Metadata, Range, Recipe, RecipeFile
from converter.recipe.places import Dumper
from converter.recipe.template import EXAMPLES

NESTED: Mapping[str, type[BaseModel]] = {
    "learning_rate": Range, "epochs": Choice, "metadata": Metadata
}  # fmt: skip
"""Setting that may be a mapping -> what that may hold; others of its kind hold the same."""

NESTED_EXAMPLES = {
    "learning_rate": {"default": 0.001, "min": 0.0, "max": 0.1},
    "epochs": {"default": 10, "allowed": [1, 5, 10], "min": 1, "max": 50},
    "metadata": EXAMPLES["metadata"]
    | {
        "description": "Tells cats from dogs.",
        "features": {"image": "A photograph."},
        "user_defined": {"key": "text"},
    },
}

SCALARS = {
    "boolean": "true or false", "integer": "whole number", "number": "number", "string": "text"
}  # fmt: skip

DEFAULT = re.compile(r" \(default: (.*)\)\.$")
"""Where a description tells what is taken if a setting is absent."""

NOUN = re.compile(r"(text|number|path|quotient)\b")

LARGEST_SHOWN = 10_000
"""A limit above this is one of the format, and of no interest to a reader."""


class Given(NamedTuple):
    """A setting with one of its values, as YAML."""

    name: str
    value: str


def reference() -> str:
    """Return the table of all settings in Markdown."""
    apart, needed = exclusions(), needs()
    rows = ["| setting | type | default | such as | what |", "|---|---|---|---|---|"]
    for name, field in RecipeFile.model_fields.items():
        more = [f"Needs {' and '.join(needed[name])}."] if name in needed else []
        more += apart.get(name, [])
        rows.append(_row(name, field, EXAMPLES.get(name, "lenet.h5"), more))
    return "\n".join(rows)


def nested() -> str:
    """Return the table of what the mappings among the settings may hold."""
    rows = ["| setting | type | default | such as | what |", "|---|---|---|---|---|"]
    for outer, model in NESTED.items():
        for name, field in model.model_fields.items():
            rows.append(_row(f"{outer}.{name}", field, NESTED_EXAMPLES[outer][name], []))
    return "\n".join(rows)


def _row(name: str, field: FieldInfo, example: Any, more: list[str]) -> str:
    text, told = field.description or "", DEFAULT.search(field.description or "")
    if told:
        text = text[: told.start()] + "."
    cells = (
        f"`{name}`", _type(_schema(name)), told[1] if told else _default(field),
        f"`{_yaml(example)}`", " ".join([text, *more]),
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('<', '&lt;') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    if field.default in (None, (), {}) or isinstance(field.default, BaseModel):
        return ""
    return f"`{_yaml(field.default)}`"


def _yaml(value: Any) -> str:
    text = yaml.dump([value], Dumper=Dumper, default_flow_style=True, sort_keys=False, width=1000)
    return text.strip()[2:]


def _listed(names: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


# ---- types, from the JSON Schema ----


@cache
def _properties(model: type[BaseModel]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = model.model_json_schema()["properties"]
    return found


def _schema(name: str) -> Mapping[str, Any]:
    outer, _, inner = name.partition(".")
    model = NESTED[outer] if inner else RecipeFile
    found: Mapping[str, Any] = _properties(model)[inner or outer]
    return found


def _type(schema: Mapping[str, Any]) -> str:
    """Return in words what a value has to be."""
    return _listed(list(dict.fromkeys(_types(schema))))


def _types(schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema:
        yield from (f"`{_yaml(value)}`" for value in schema["enum"])
    elif several := schema.get("anyOf") or schema.get("oneOf"):
        for each in several:
            yield from _types(each)
    elif "$ref" in schema or schema["type"] == "object":
        yield "mapping"
    elif schema["type"] == "array":
        yield "list of " + NOUN.sub(r"\1s", _type(schema["items"]))
    elif schema["type"] != "null":
        yield _scalar(schema)


def _scalar(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "path":
        return "path"
    if "/" in schema.get("pattern", ""):
        return "quotient"
    return SCALARS[schema["type"]] + _limits(schema)


def _limits(schema: Mapping[str, Any]) -> str:
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']}"
    lowest, most = schema.get("minimum"), schema.get("maximum")
    if lowest is None or lowest < 0:
        return ""
    return f" from {lowest:g}" + (f" to {most}" if most and most <= LARGEST_SHOWN else "")


# ---- what goes with what, found by asking the recipe itself ----


def needs() -> dict[str, list[str]]:
    """Return for each setting that has no effect alone the others that give it one."""
    return {
        one.name: [f"`{name}: {value}`" if len(_choices(name)) > 1 else f"`{name}`"
                   for name, value in cure.items()]
        for one in _every() if (cure := _cure(one))
    }  # fmt: skip


def exclusions() -> dict[str, list[str]]:
    """Return what each setting cannot stand beside, whatever the model is.

    Every two settings are tried together, each with what it needs: what `Recipe.contradictions`
    says is all that is refused. What only follows from those needs is left out.
    """
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for one, other in combinations(_every(), 2):
        if one.name != other.name and _exclude(one, other):
            found.setdefault((one.name, other.name), set()).add((one.value, other.value))
            found.setdefault((other.name, one.name), set()).add((other.value, one.value))
    named: dict[str, dict[str, list[str]]] = {}
    for (this, that), values in found.items():
        for own, text in _which(this, that, values):
            named.setdefault(this, {}).setdefault(own, []).append(text)
    return {name: list(map(_sentence, texts, texts.values())) for name, texts in named.items()}


def _sentence(own: str, others: list[str]) -> str:
    return f"As `{own}` not beside {_listed(others)}." if own else f"Not beside {_listed(others)}."


def _exclude(one: Given, other: Given) -> bool:
    this, that = _cure(one), _cure(other)
    if {one.name, other.name} & {*this, *that}:
        return False
    return (
        not _contradicts({**this, **that, one.name: one.value})
        and not _contradicts({**this, **that, other.name: other.value})
        and _contradicts({**this, **that, one.name: one.value, other.name: other.value})
    )


def _which(this: str, that: str, values: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield (value, other): with which of its values a setting excludes what. "" is with any."""
    for own in _choices(this):
        others = [value for value in _choices(that) if (own, value) in values]
        every = others == _choices(that) and "false" not in others
        shown = [f"`{that}`"] if every else [f"`{that}: {value}`" for value in others]
        if own != "false" and {(v, o) for v in _choices(this) for o in others} == values:
            yield from (("", text) for text in shown)
            return
        yield from ((own, text) for text in shown if others)


@cache
def _every() -> tuple[Given, ...]:
    return tuple(Given(name, value) for name in Recipe.model_fields for value in _choices(name))


@cache
def _choices(name: str) -> list[str]:
    """Return the values of a setting that may make a difference to others; none of `model`."""
    if name == "model":
        return []
    schema = _schema(name)
    for each in (schema, *schema.get("anyOf", ())):
        if "enum" in each:
            return [_yaml(value) for value in each["enum"] if not isinstance(value, bool)]
    default = Recipe.model_fields[name].default
    return [_yaml(not default if isinstance(default, bool) else EXAMPLES[name])]


@cache
def _cure(one: Given) -> Mapping[str, str]:
    """Return the fewest other settings that give `one` an effect; none if it has one alone."""
    for count in range(3):
        for others in combinations(_every(), count):
            values = {other.name: other.value for other in others}
            if one.name not in values and not _contradicts({**values, one.name: one.value}):
                return values
    raise AssertionError(f"{one} has no effect beside any two others")


def _contradicts(values: Mapping[str, str]) -> bool:
    loaded = {name: _loaded(value) for name, value in values.items()}
    return any(Recipe.model_validate({"model": "m.h5", **loaded}).contradictions())


@cache
def _loaded(value: str) -> Any:
    return yaml.safe_load(value)
