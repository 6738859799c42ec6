"""The generated parts of the pages in `docs/`: ``python -m tests.pages`` writes them anew.

Each stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``. What only a run of hours can
tell, the table of backbones, is written by `tests/benchmarks/backbones.py`. The table of Keras
layers takes TensorFlow, and is made only when it is asked for: ``python -m tests.pages layers``.
"""

import re
import sys

from converter.arithmetic.__main__ import known, ways
from converter.cli.reference import overview, reference
from converter.lower.emit.__main__ import table as operations
from converter.recipe.reference import nested
from converter.recipe.reference import reference as settings
from converter.validation.rules.__main__ import explanations
from converter.validation.rules.__main__ import table as rules
from tests.benchmarks.measured import tables as measured
from tests.paths import ROOT

PAGES = {
    "recipes": {"settings": settings, "nested": nested},
    "command-line": {"overview": overview, "commands": reference},
    "rules": {"rules": rules, "explanations": explanations},
    "layers": {"operations": operations},
    "speed": {"measured": measured},
    "core-ml-arithmetic": {"arithmetic": known, "ways": ways},
}
"""Page -> its generated parts, and what makes each."""


def path(page):
    return ROOT / "docs" / f"{page}.md"


def between(page, mark):
    """Return what stands between the marks of a generated part."""
    text = path(page).read_text(encoding="utf-8")
    found = re.search(rf"<!-- {mark}:begin -->\n(.*?)\n<!-- {mark}:end -->", text, re.DOTALL)
    assert found, f"{path(page)} lacks the marks of {mark}"
    return found[1]


def write(page, mark, made):
    """Put `made` between the marks."""
    before = between(page, mark)
    text = path(page).read_text(encoding="utf-8")
    begin, end = f"<!-- {mark}:begin -->\n", f"\n<!-- {mark}:end -->"
    path(page).write_text(text.replace(begin + before + end, begin + made + end), encoding="utf-8")


def main(names):
    for page, parts in PAGES.items():
        for mark, make in parts.items():
            write(page, mark, make())
    if "layers" in names:
        from tests.lower.keras_layers import tables

        for mark, made in zip(("layers", "activations"), tables(), strict=True):
            write("layers", mark, made)


if __name__ == "__main__":
    main(sys.argv[1:])
