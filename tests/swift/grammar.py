"""Swift sources as syntax trees, by the grammar of tree-sitter."""

import re

import tree_sitter_swift
from tree_sitter import Language, Parser

PARSER = Parser(Language(tree_sitter_swift.language()))
ESCAPES = {"\\\\": "\\", '\\"': '"'}


class Source:
    """A parsed source. The grammar accepts some text that the compiler would not."""

    def __init__(self, text):
        self.bytes = text.encode()
        self.tree = PARSER.parse(self.bytes)

    def nodes(self, *kinds):
        waiting = [self.tree.root_node]
        while waiting:
            node = waiting.pop()
            if not kinds or node.type in kinds:
                yield node
            waiting.extend(reversed(node.children))

    def text(self, node):
        return self.bytes[node.start_byte : node.end_byte].decode()

    def mistakes(self):
        """Return the lines with a syntax error, or where something is missing."""
        found = [node for node in self.nodes() if node.type == "ERROR" or node.is_missing]
        return [f"{node.start_point.row + 1}: {self.text(node)[:80]}" for node in found]

    def elements(self, name):
        """Return the elements of the array that the property `name` is."""
        for node in self.nodes("property_declaration"):
            if f"let {name}:" in self.text(node):
                (literal,) = [child for child in node.children if child.type == "array_literal"]
                return [self.value(child) for child in literal.named_children]
        raise LookupError(name)

    def value(self, node):
        """Return what a literal stands for."""
        text = self.text(node)
        if node.type != "line_string_literal":
            return int(text)
        assert not [c for c in node.children if c.type == "interpolated_expression"], text
        return re.sub(r"\\u\{([0-9A-F]+)\}|\\.", _unescaped, text[1:-1])


def _unescaped(match):
    return chr(int(match[1], 16)) if match[1] else ESCAPES[match[0]]
