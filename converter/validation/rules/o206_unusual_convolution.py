"""An updatable convolution is transposed, dilated or grouped.

What: `isDeconvolution`, a dilation above 1 or more than one group in an updatable convolution.
Why: Apple's validator accepts them; nobody has reported training one.
Fix: try it on a device, or mark other layers.
Source: none found.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O206", "unusual-convolution", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each updatable convolution of an unusual form."""
    if model.updatable_net is None:
        return
    for site in model.flow.of("convolution"):
        params, form = site.params, ""
        if params.isDeconvolution:
            form = "transposed"
        elif any(factor > 1 for factor in params.dilationFactor):
            form = "dilated"
        elif params.nGroups > 1:
            form = "grouped"
        if form and site.layer.isUpdatable:
            message = f"is an updatable {form} convolution, which nobody has reported to train"
            yield RULE.found(message, "try it on a device, or freeze it", site.name)
