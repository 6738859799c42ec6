"""Which settings exclude or need each other, found by asking the recipe itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import yaml

from converter.recipe.contradictions import contradictions
from converter.recipe.kinds import as_yaml, listed, schema_of
from converter.recipe.model import Recipe
from converter.recipe.template import EXAMPLES


class Given(NamedTuple):
    """A setting with one of its values, as YAML."""

    name: str
    value: str


def needs() -> dict[str, list[str]]:
    """Return for each setting that has no effect alone the others that give it one."""
    return {
        one.name: [f"`{name}: {value}`" if len(_choices(name)) > 1 else f"`{name}`"
                   for name, value in cure.items()]
        for one in _every() if (cure := _cure(one))
    }  # fmt: skip


def exclusions() -> dict[str, list[str]]:
    """Return what each setting cannot stand beside, whatever the model is.

    Every two settings are tried together, each with what it needs: what `contradictions`
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
    return f"As `{own}` not beside {listed(others)}." if own else f"Not beside {listed(others)}."


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
    schema = schema_of(name)
    for each in (schema, *schema.get("anyOf", ())):
        if "enum" in each:
            return [as_yaml(value) for value in each["enum"] if not isinstance(value, bool)]
    default = Recipe.model_fields[name].default
    return [as_yaml(not default if isinstance(default, bool) else EXAMPLES[name])]


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
    return any(contradictions(Recipe.model_validate({"model": "m.h5", **loaded})))


@cache
def _loaded(value: str) -> Any:
    return yaml.safe_load(value)
