"""Names and texts of a model file as Swift identifiers, literals and comments.

A file may hold any text. Nothing of it reaches the source but through these functions.
"""

from __future__ import annotations

import re
from collections.abc import Collection

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
