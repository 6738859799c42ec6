"""An updatable network contains an LSTM.

What: a uni- or bidirectional LSTM anywhere in an updatable network.
Why: Apple's validator lets an LSTM be updatable, coremltools does not, and no report of one being
updated is known. Even a frozen one stopped training: "Output rank cannot be more than 5"
(apple/coremltools issue 2074).
Fix: put the recurrent part into a frozen first model of a pipeline.
Source: https://github.com/apple/coremltools/issues/2074
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O205", "lstm", "warning", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each LSTM in an updatable network."""
    if model.updatable_net is None:
        return
    for site in model.flow.of("uniDirectionalLSTM", "biDirectionalLSTM"):
        yield RULE.found(
            "an LSTM in an updatable network is known to stop training",
            "put the recurrent part into a frozen first model of a pipeline",
            site.name,
        )
