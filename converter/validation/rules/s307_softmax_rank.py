"""A softmax works on a blob of fewer than three axes.

What: with exact shapes, a `softmax` layer on a blob whose rank is not declared but, by inference,
is 1 or 2.
Why: `softmax` works along axis -3. Apple's validator notices it only if the file declares the rank,
see L207 and apple/coremltools issue 1705.
Fix: use the classic mapping, or four axes [1, C, 1, 1].
Source: https://github.com/apple/coremltools/issues/1705
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.shapes import describe
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S307", "softmax-rank", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each softmax on too few axes."""
    if not model.exact:
        return
    for site in model.flow.of("softmax"):
        shape = model.shapes.shapes.get(site.inputs[0]) if site.inputs and not site.inner else None
        if shape is not None and len(shape) < 3 and site.input_ranks[0] is None:
            yield RULE.found(
                f"softmax works on a blob of shape {describe(shape)}, of fewer than three axes",
                "use the classic mapping, or shape [1, C, 1, 1]",
                site.name,
            )
