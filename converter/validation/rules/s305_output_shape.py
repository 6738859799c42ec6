"""An output is declared with another number of values than the network makes.

What: the declared shape of an output and the inferred shape of its blob have a different number of
elements.
Why: Apple's validator compares the two only in its own way, and not as an error; an app that
relies on the declaration reads the wrong array.
Fix: declare the shape that the network makes, or none.
Source: shape inference of this project; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.shapes import declared_shape, describe, volume
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("S305", "output-shape", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each output that is declared otherwise than made."""
    if model.net is None:
        return
    for feature in model.description.output:
        declared, made = declared_shape(feature.type), model.shapes.shapes.get(feature.name)
        if declared is None or made is None:
            continue
        sizes = volume(declared), volume(made)
        if None not in sizes and sizes[0] != sizes[1]:
            yield RULE.found(
                f"output {quoted(feature.name)} is declared {describe(declared)}, the network "
                f"makes {describe(made)}",
                "declare the shape that is made",
            )
