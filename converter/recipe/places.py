"""YAML as plain data, with the line of every value; safe, and strict about what recipes need.

Numbers and booleans are those of YAML 1.2: ``1e-4`` is a number, ``yes`` and ``no`` are texts.
https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

from converter.errors import RecipeError

Key: TypeAlias = tuple[str | int, ...]
"""Where a value stands: keys and indices from the top."""

DEEPEST, MOST_NODES = 20, 20_000
"""No recipe is deeper or longer; aliases inside aliases would be, without end."""

PREFIX = "tag:yaml.org,2002:"


class Place(NamedTuple):
    """A file and a line of it, from 1; or a flag, line 0."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


class Mistake(NamedTuple):
    """What is wrong with a value, and what to do about it."""

    place: Place
    key: Key
    message: str

    def __str__(self) -> str:
        key = ".".join(map(str, self.key))
        return f"{self.place}: {key}: {self.message}" if key else f"{self.place}: {self.message}"


@dataclass
class Document:
    """The data of a file, the place of each value in it, and what is wrong already.

    `written_paths` holds its paths as they read from the folder of the recipe that is asked for,
    `files` those that it was read from.
    """

    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    written_paths: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def place(self, key: Key) -> Place:
        """Return the place of the value at `key`, or of the closest value around it."""
        while key not in self.places and key:
            key = key[:-1]
        return self.places.get(key, Place("recipe"))


class Loader(yaml.SafeLoader):
    """Resolves plain scalars by the core schema of YAML 1.2."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own way of declaring it)


class Dumper(yaml.SafeDumper):
    """Quotes every text that `Loader`, or a reader of YAML 1.1, would take for something else."""

    def serialize(self, node: Any) -> None:
        """Write the outermost mapping, and those that hold texts, over several lines."""
        node.flow_style = False
        for _, value in node.value if isinstance(node, yaml.MappingNode) else ():
            _stretch_texts(value)
        super().serialize(node)

    def represent_str(self, data: str) -> Any:
        """Escape line breaks other than a line feed: in any other form they read as blanks."""
        style = '"' if set(data) & set("\r\x85\u2028\u2029") else None
        return self.represent_scalar(f"{PREFIX}str", data, style=style)


Dumper.add_representer(str, Dumper.represent_str)


def _stretch_texts(node: Any) -> None:
    if isinstance(node, yaml.MappingNode):
        inner = [value for _, value in node.value]
        for value in inner:
            _stretch_texts(value)
        node.flow_style = all(v.tag not in (f"{PREFIX}str", f"{PREFIX}map") for v in inner)


FLOAT = r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"
SCALARS = {
    "null": (r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "bool": (r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    "int": (r"^[-+]?[0-9]+$", list("-+0123456789")),
    "float": (FLOAT, list("-+.0123456789")),
}
for _tag, (_pattern, _first) in SCALARS.items():
    for _class in (Loader, Dumper):
        _class.add_implicit_resolver(PREFIX + _tag, re.compile(_pattern), _first)


def parse(text: str, source: str) -> Document:
    """Return the data and the places in the YAML `text` of the file `source`.

    What is wrong with the YAML itself stands in the document's mistakes.

    Raises:
        RecipeError: it is deeper or longer than any recipe, as aliases inside aliases make it.
    """
    document = Document(places={(): Place(source, 1)})
    try:
        root = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(source, mark.line + 1 if mark else 1)
        what = " ".join(f"{error.problem or error}".split())
        document.mistakes.append(Mistake(place, (), f"is not YAML ({what}); check this line"))
        return document
    except (yaml.YAMLError, RecursionError) as error:
        what = " ".join(str(error).split())[:100]
        document.mistakes.append(Mistake(Place(source, 1), (), f"is not YAML ({what})"))
        return document
    if root is None:
        return document
    if not isinstance(root, yaml.MappingNode):
        message = "must hold keys and values, such as 'model: lenet.h5'"
        document.mistakes.append(Mistake(Place(source, 1), (), message))
        return document
    document.data = _Reader(document, source).value(root, ())
    return document


class _Reader:
    def __init__(self, document: Document, source: str) -> None:
        self.document = document
        self.source = source
        self.count = 0

    def value(self, node: Any, key: Key) -> Any:
        """Return the plain data of a node, noting the places of all values in it."""
        self.document.places[key] = place = Place(self.source, node.start_mark.line + 1)
        self.count += 1
        if len(key) > DEEPEST or self.count > MOST_NODES:
            message = "is nested too deeply, or too large for a recipe"
            raise RecipeError(str(Mistake(place, key, message)))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*key, i)) for i, child in enumerate(node.value)]
        return self._scalar(node, key, place)

    def _mapping(self, node: Any, key: Key) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name_node, child in node.value:
            place = Place(self.source, name_node.start_mark.line + 1)
            if not isinstance(name_node, yaml.ScalarNode):
                self._mistake(place, key, "has a key that is no text; write 'key: value'")
                continue
            name = name_node.value
            inner = (*key, name)
            if name in found:
                first = self.document.places[inner].line
                message = f"is given twice, first in line {first}; keep one of them"
                self._mistake(place, inner, message)
            else:
                found[name] = self.value(child, inner)
                self.document.places[inner] = place
        return found

    def _scalar(self, node: Any, key: Key, place: Place) -> Any:
        text: str = node.value
        tag = node.tag.removeprefix(PREFIX)
        if tag == "str" or (tag in ("int", "float") and len(text) > 100):
            return text
        try:
            match tag:
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text)
                case "float":
                    return float(text)
        except ValueError:
            pass
        self._mistake(place, key, f"has the tag {node.tag!r}, which recipes do not know; remove it")
        return None

    def _mistake(self, place: Place, key: Key, message: str) -> None:
        self.document.mistakes.append(Mistake(place, key, message))
