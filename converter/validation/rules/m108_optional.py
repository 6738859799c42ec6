"""A feature is optional where Core ML needs a value.

What: an optional output; an optional input of a kind of model that has none (networks need at
least one input that is not optional); a default value below specification version 5 or in a
model that is no network.
Why: Core ML refuses the model.
Fix: clear `isOptional`.
Source: `validateOptional` in `InterfaceValidators.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml import mlmodel
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M108", "optional-feature", "error", "apple")

FIRST_DEFAULT_VERSION = 5
LIKE_NETWORKS = (*mlmodel.NETWORK_KINDS, "serializedModel", "mlProgram")
MAY_BE_OPTIONAL = (
    *LIKE_NETWORKS,
    *mlmodel.PIPELINE_KINDS,
    "imputer",
    "treeEnsembleRegressor",
    "treeEnsembleClassifier",
    "itemSimilarityRecommender",
    "identity",
)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each feature that must not be optional, or not have a default."""
    inputs = list(model.description.input)
    optional = [feature for feature in inputs if feature.type.isOptional]
    for feature in optional:
        default = feature.type.multiArrayType.WhichOneof("defaultOptionalValue")
        name = quoted(feature.name)
        if default and model.kind not in LIKE_NETWORKS:
            yield RULE.found(f"input {name} has a default value", "only networks may have one")
        elif default and model.version < FIRST_DEFAULT_VERSION:
            yield RULE.found(
                f"input {name} has a default value, which version {model.version} does not have",
                "clear the default value",
            )
        if model.kind not in MAY_BE_OPTIONAL:
            yield RULE.found(f"input {name} is optional", "clear isOptional")
    # A state always has a value, but a network does not count it as an input.
    if model.kind in mlmodel.NETWORK_KINDS:
        optional += [feature for feature in inputs if _is_state(feature)]
    if model.kind in LIKE_NETWORKS and inputs and len(optional) >= len(inputs):
        yield RULE.found("has only optional inputs", "make at least one input required")
    for feature in model.description.output:
        if feature.type.isOptional:
            yield RULE.found(f"output {quoted(feature.name)} is optional", "clear isOptional")


def _is_state(feature: mlmodel.Message) -> bool:
    return bool(feature.type.WhichOneof("Type") == "stateType" and not feature.type.isOptional)
