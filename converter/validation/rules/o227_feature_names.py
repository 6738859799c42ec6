"""Two inputs, or two outputs, have the same name.

What: a name that occurs more than once among the inputs, the outputs, the states or the training
inputs of a model.
Why: Apple's validator accepts it. An app gives and takes values by name, so that only one of the
two can be given or taken.
Fix: give each a name of its own.
Source: https://developer.apple.com/documentation/coreml/mlfeatureprovider
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("O227", "feature-names", "error", "ours")

LISTS = {
    "input": "inputs",
    "output": "outputs",
    "state": "states",
    "trainingInput": "training inputs",
}


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each name that several features of one list share."""
    for interface in (model.description, *model.description.functions):
        for field, what in LISTS.items():
            features = getattr(interface, field, ())  # a function is not trained
            for name, count in Counter(feature.name for feature in features).items():
                if count > 1:
                    message = f"{count} {what} have the name {quoted(name)}"
                    yield RULE.found(message, "give each a name of its own")
