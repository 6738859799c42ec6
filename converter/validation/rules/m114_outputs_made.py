"""A declared output is made by no layer.

What: an output of a network (but not the label and probabilities of a classifier) that no layer
makes, or that is declared twice; a labelProbabilityLayerName that is no blob.
Why: Core ML refuses the model, or has nothing to give. Outputs of a regressor are not looked at.
Fix: name an existing blob; names are those of blobs, not of layers.
Source: the three network validators in `NeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M114", "output-not-made", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each output that is not made, or made twice."""
    if model.kind == "neuralNetwork":
        made, free = _made_blobs(model), set()
    elif model.kind == "neuralNetworkClassifier":
        description = model.description
        made = _made_blobs(model)
        free = {description.predictedFeatureName, description.predictedProbabilitiesName}
        probabilities = model.params.labelProbabilityLayerName
        if probabilities and probabilities not in made:
            yield RULE.found(
                f"takes the probabilities from {quoted(probabilities)}, which no layer makes",
                "set labelProbabilityLayerName to the blob of the softmax",
            )
    else:
        return
    seen = set()
    for feature in model.description.output:
        name = quoted(feature.name)
        if feature.name not in made and feature.name not in free:
            yield RULE.found(f"output {name} is made by no layer", "name an existing blob")
        elif feature.name in seen and model.kind == "neuralNetwork":
            yield RULE.found(f"output {name} is declared twice", "declare it once")
        seen.add(feature.name)


def _made_blobs(model: View) -> set[str]:
    """Return the blobs that layers make; a copy onto a model input counts as one."""
    inputs = {feature.name for feature in model.description.input}
    made = model.flow.made.items()
    return {b for b, makers in made if b not in inputs or len(makers) > 1}
