"""Names and texts of a model file as Swift identifiers, literals and comments.

A file may hold any text. Nothing of it reaches the source but through these functions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from converter.errors import OutputError

KEYWORDS = {
    "Any", "Protocol", "Self", "Type", "actor", "any", "as", "associatedtype", "async", "await",
    "break", "case", "catch", "class", "continue", "default", "defer", "deinit", "do", "else",
    "enum", "extension", "fallthrough", "false", "fileprivate", "for", "func", "guard", "if",
    "import", "in", "init", "inout", "internal", "is", "let", "nil", "nonisolated", "open",
    "operator", "precedencegroup", "private", "protocol", "public", "repeat", "rethrows",
    "return", "self", "some", "static", "struct", "subscript", "super", "switch", "throw",
    "throws", "true", "try", "typealias", "var", "where", "while",
}  # fmt: skip
"""Reserved words, and words that are best not used as names.

https://docs.swift.org/swift-book/documentation/the-swift-programming-language/lexicalstructure
"""


WIDTH = 100
"""Columns of a table in the source."""

COMMON_TYPES = {
    "Any", "AnyObject", "Array", "Bool", "Character", "Codable", "Dictionary", "Double", "Error",
    "Float", "Identifiable", "Int", "Int64", "Never", "Optional", "Range", "Sequence", "Task",
    "View", "Void",
}  # fmt: skip
"""Types of Swift and SwiftUI that any app may use, besides those that the source itself does."""

XCODE_CLASSES = ("", "Input", "Output", "TrainingInput")
"""What Xcode appends to a model's name for the classes that it generates for it."""


def string(text: str) -> str:
    """Return `text` as a Swift string literal: no quote, escape or interpolation gets through."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    # Swift's own escape for everything that has no glyph; a lone surrogate is no scalar value.
    if not character.isprintable():
        code = ord(character)
        return "\\u{FFFD}" if 0xD800 <= code <= 0xDFFF else f"\\u{{{code:X}}}"
    return character


def comment(text: str) -> str:
    """Return `text` in one line, fit for a ``//`` comment."""
    return "".join(c if c.isprintable() else " " for c in text)


def identifier(text: str, taken: Collection[str] = ()) -> str:
    """Return a name in lowerCamelCase that is not among `taken`, made of the words of `text`."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word if i == 0 else word[0].upper() + word[1:] for i, word in enumerate(words))
    name = name[:1].lower() + name[1:]
    if not name or name[0].isdigit() or name in KEYWORDS:
        name = f"input{name[:1].upper()}{name[1:]}"
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}{number}", number + 1
    return unique


def type_name(text: str) -> str:
    """Return a name in UpperCamelCase made of the words of `text`."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words)
    return f"Model{name}" if not name or name[0].isdigit() or name in KEYWORDS else name


def array(items: Iterable[object], indent: int) -> str:
    """Return `items` as an array literal, for a declaration with that `indent`.

    Few items stand in its line, more in lines of up to `WIDTH` columns: a table may be long.
    """
    texts = [str(item) for item in items]
    lines = [""]
    for text in texts:
        if lines[-1] and indent + 4 + len(lines[-1]) + len(f" {text},") > WIDTH:
            lines.append("")
        lines[-1] += f" {text}," if lines[-1] else f"{text},"
    if len(lines) == 1 and len(lines[0]) <= WIDTH // 2:
        return f"[{', '.join(texts)}]"
    outer, inner = " " * indent, " " * (indent + 4)
    return "\n".join(["[", *(inner + line for line in lines), f"{outer}]"])


def check_type_name(name: str, source: str, resource: str) -> None:
    """Check that a type `name` in an app hides no type that the app or `source` needs.

    `source` is the file with the type under another name, `resource` the model's name in the app.

    Raises:
        OutputError: it does.
    """
    if name in {re.sub(r"\W", "_", resource) + ending for ending in XCODE_CLASSES}:
        raise OutputError(
            f"the type {name} would collide with the class that Xcode makes for "
            f"{resource}.mlmodel; choose another file name, which the type is named after"
        )
    code = re.sub(r'"(?:\\.|[^"\\])*"|//.*', "", source)
    if name in COMMON_TYPES or name in re.findall(r"\b[A-Z]\w*", code):
        raise OutputError(
            f"the type {name} would hide another {name}, which the file or any app needs; "
            "choose another file name, which the type is named after"
        )
