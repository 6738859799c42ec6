"""The stand-in for Core ML declares what Apple declares, and the generated Swift uses no more."""

import json
import re

import pytest

from tests.paths import FIXTURES
from tests.swift.compiler import MODULES, PACKAGE, needs_swift, stand_in
from tests.swift.grammar import Source

pytestmark = pytest.mark.slow

FACTS = json.loads((PACKAGE / "facts.json").read_text())
DECLARED = {fact["symbol"]: fact for fact in FACTS["declarations"]}
GOLDENS = sorted((FIXTURES / "swift").glob("*.swift"))


IGNORED = r"@discardableResult |@frozen |nonisolated\(unsafe\) |\bany |@escaping |convenience "
"""Words that only one side writes, or that are older or younger than the other."""


def normal(declaration):
    """Return a declaration without what means the same, or what only the importer writes.

    Of a type only its kind and name are compared: what else it conforms to cannot be seen here.
    """
    text = re.sub(IGNORED, "", declaration)
    text = text.replace("(Error)?", "Error?").replace(" :", ":")
    kind = re.match(r"(class|struct|enum|protocol) (?!var|func)\w+", text)
    text = re.sub(r"^((?:static )?)let (.*)$", r"\1var \2 { get }", text)
    return kind[0] if kind else text


def declared(folder):
    """Return what the modules in `folder` declare, by symbol, but for what is named fake."""
    found = {}
    for module in MODULES:
        graph = json.loads((folder / f"{module}.symbols.json").read_text())
        for symbol in graph["symbols"]:
            name = ".".join(symbol["pathComponents"])
            text = "".join(part["spelling"] for part in symbol["declarationFragments"])
            is_swifts_own = symbol.get("swiftExtension", {}).get("extendedModule") == "Swift"
            is_fake = re.search(r"\b[Ff]ake[A-Z]", name)
            if not (is_fake or is_swifts_own or text.startswith("override ")):
                found[name] = normal(text)
    return found


def is_required(symbol, text):
    """Tell whether a class declares it for a protocol of the table."""
    member = symbol.rpartition(".")[2]
    protocols = [name for name in DECLARED if re.search(r"Provider\." + re.escape(member), name)]
    return any(normal(DECLARED[name]["declaration"]) == text for name in protocols)


@needs_swift
def test_the_stand_in_declares_what_the_table_holds_and_nothing_else(tmp_path_factory):
    found = declared(stand_in(tmp_path_factory))
    wanted = {name: normal(fact["declaration"]) for name, fact in DECLARED.items()}
    extra = {name: text for name, text in found.items() if text != wanted.get(name)}
    assert {name for name, text in extra.items() if not is_required(name, text)} == set()
    assert set(wanted) - set(found) == set()


def test_each_fact_has_a_source_that_is_told():
    assert len(DECLARED) == len(FACTS["declarations"])
    for fact in FACTS["declarations"]:
        source, _, place = fact["source"].partition(":")
        assert FACTS["sources"][source]["url"].startswith("https://")
        assert place.partition("/")[2], fact
        assert len(fact["available"]) == len(FACTS["platforms"]), fact


APPLES = re.compile(r"\b(?:ML|CG|CV|VT|VN|kCV|kCG)[A-Z]\w+")
"""Names that Apple's frameworks give."""

FOUNDATIONS = {"CoreML", "Foundation", "ImageIO", "CoreGraphics", "CoreVideo", "VideoToolbox"}


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_the_generated_swift_uses_nothing_outside_the_table(path):
    source = Source(path.read_text())
    code = list(source.nodes("simple_identifier", "type_identifier"))
    used = {source.text(node) for node in code}
    names = {symbol.partition("(")[0] for symbol in DECLARED}
    assert {name for name in used if APPLES.fullmatch(name)} - names == set()
    imports = {source.text(node).split()[-1] for node in source.nodes("import_declaration")}
    assert imports <= FOUNDATIONS


def versions(text):
    return tuple(map(int, text.split(".")))


def newer(floor):
    """Return the facts that the oldest systems of `floor` do not have."""
    pairs = {
        symbol: zip(fact["available"], floor, strict=True) for symbol, fact in DECLARED.items()
    }
    return {
        symbol
        for symbol, versions_of in pairs.items()
        if any(since and versions(since) > versions(oldest) for since, oldest in versions_of)
    }


def floor(path):
    """Return the oldest systems that a generated file is for, in the order of the table."""
    (line,) = set(re.findall(r"^@available\(.*\)$", path.read_text(), re.M))
    told = dict(re.findall(r"(\w+) ([\d.]+)", line))
    return [told[platform] for platform in FACTS["platforms"]]


@needs_swift
@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_variant_lacks_what_the_oldest_systems_lack(path, tmp_path_factory):
    """Against it, ``test_matrix`` compiles the file: so its ``@available`` line is true."""
    oldest = declared(stand_in(tmp_path_factory, "Sendable handlers, oldest systems"))
    assert set(DECLARED) - set(oldest) == newer(floor(path)) != set()
