"""The model has no inputs or no outputs.

What: the list of inputs or of outputs is empty.
Why: Core ML refuses it. Networks, pipelines and ML Programs may go without inputs from
specification version 9 on.
Fix: declare the inputs and outputs.
Source: `validateFeatureDescriptions` in `Validators.hpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml import mlmodel
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("M103", "interface-size", "error", "apple")

MAY_LACK_INPUTS = (*mlmodel.NETWORK_KINDS, *mlmodel.PIPELINE_KINDS, "mlProgram")
FIRST_VERSION_WITHOUT_INPUTS = 9


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each empty list of features."""
    without_inputs = model.kind in MAY_LACK_INPUTS and model.version >= FIRST_VERSION_WITHOUT_INPUTS
    for interface in model.interfaces():
        if not interface.input and not without_inputs:
            yield RULE.found("has no inputs", "declare at least one input")
        if not interface.output:
            yield RULE.found("has no outputs", "declare at least one output")
