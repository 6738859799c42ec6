"""A helper model in a pipeline has inputs or outputs of the wrong type or number.

What: feature engineering models (scaler, imputer, featureVectorizer, …), linear models and Apple's
built-in extractors take and give features of certain types, most of them exactly one.
Why: Core ML refuses the model.
Fix: declare the features as the kind of model asks for.
Source: the validators of these kinds in apple/coremltools.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.apple.features import readable
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M115", "helper-features", "error", "apple")

ANY_NUMBER = 10**9
_ARRAY, _NUMBERS = "multiArray", "int64 double multiArray"
_ANYTHING = "int64 double multiArray string dictionary"

SIGNATURES: dict[str, tuple[tuple[int, str] | None, tuple[int, str] | None]] = {
    "featureVectorizer": ((ANY_NUMBER, f"{_NUMBERS} dictionary"), (1, _ARRAY)),
    "normalizer": ((1, _ARRAY), (1, _ARRAY)),
    "dictVectorizer": ((1, "dictionary"), (1, "dictionary")),
    "arrayFeatureExtractor": ((1, _ARRAY), (1, _NUMBERS)),
    "scaler": ((1, _NUMBERS), (1, _NUMBERS)),
    "imputer": ((1, _ANYTHING), (1, _ANYTHING)),
    "textClassifier": ((1, "string"), (1, "string")),
    "gazetteer": ((1, "string"), (1, "string")),
    "wordEmbedding": ((1, "string"), (1, _ARRAY)),
    "glmRegressor": ((ANY_NUMBER, _NUMBERS), (ANY_NUMBER, "double")),
    "glmClassifier": ((ANY_NUMBER, _NUMBERS), None),
    "supportVectorRegressor": ((ANY_NUMBER, _NUMBERS), None),
    "supportVectorClassifier": ((ANY_NUMBER, _NUMBERS), None),
}
"""Kind of model -> the largest number and the types of its inputs, and of its outputs."""


def _signature(model: View) -> tuple[tuple[int, str] | None, tuple[int, str] | None]:
    params = model.params
    if model.kind == "oneHotEncoder":
        return (1, "int64 string"), (1, "dictionary" if params.outputSparse else _ARRAY)
    if model.kind == "categoricalMapping":
        numbers = params.WhichOneof("MappingType") == "int64ToStringMap"
        kinds = ("int64", "string") if numbers else ("string", "int64")
        return (1, f"{kinds[0]} sequence"), (1, f"{kinds[1]} sequence")
    if model.kind == "visionFeaturePrint":
        objects = params.WhichOneof("VisionFeaturePrintType") == "objects"
        return (1, "image"), (2 if objects else 1, _ARRAY)
    if model.kind == "audioFeaturePrint":
        return (1, _ARRAY), (1, _ARRAY) if params.sound.version == 1 else None
    return SIGNATURES.get(model.kind or "", (None, None))


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each feature of a type, or too many, that the kind does not take."""
    for role, expected in zip(("input", "output"), _signature(model), strict=True):
        if expected is None:
            continue
        features, (most, kinds) = getattr(model.description, role), expected
        if len(features) > most:
            message = f"{model.kind} has {len(features)} {role}s instead of {most}"
            yield RULE.found(message, "split the model")
        for feature in features:
            kind = readable(feature.type.WhichOneof("Type"))
            if kind not in kinds.split():
                wanted = " or ".join(kinds.split())
                message = f"{role} {quoted(feature.name)} of a {model.kind} is {kind}, not {wanted}"
                yield RULE.found(message, f"declare it as {wanted}")
