"""A layer expects another number of channels than arrives.

What: the width of a dense layer, the channels of a convolution, batch norm, scale or recurrent
layer, or the inner sizes of a matrix product do not fit the blob that the layer reads.
Why: Apple's validator does not notice: where sizes contradict, its shape inference stops, and with
it all checks of the update rules. Core ML computes nonsense or fails when it loads the model.
Fix: repair the layer, or the one before it.
Source: shape inference of this project; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S301", "channels", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer whose channels do not fit."""
    return model.misfits(RULE, "channels")
