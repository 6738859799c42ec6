"""An updatable network uses exact shapes.

What: EXACT_ARRAY_MAPPING, RANK4_IMAGE_MAPPING or a layer younger than iOS 12 in an updatable
network.
Why: training such networks died with "Invalid rank: 6" while prediction worked (apple/coremltools
issue 832) or crashed (FedCampus/FedKit issue 21). One that `ct.convert` wrote trains, with a mean
squared error (FedKit pull request 24); all others that are known to train use the classic form.
Fix: use the default mapping and iOS 12 layers, or try it on a device early.
Source: https://github.com/apple/coremltools/issues/832
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O214", "exact-mapping", "warning", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an updatable network with exact shapes."""
    if model.updatable_net is not None and model.exact:
        yield RULE.found(
            "the updatable network has exact shapes, with which training failed for some",
            "use the default mapping and iOS 12 layers, or try it on a device early",
        )
