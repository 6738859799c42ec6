"""A helper model in a pipeline lacks a parameter, or has one that does not fit its features.

What: a categorical mapping, encoder or imputer without its mapping or value; a scaler or imputer
whose input and output differ; weights of a linear model in the wrong number; a built-in extractor
without version; a linked or custom model without name.
Why: Core ML refuses the model.
Fix: complete the parameters.
Source: the validators of these kinds in apple/coremltools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from converter.coreml.mlmodel import Message
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("M116", "helper-parameters", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each parameter that is missing or does not fit."""
    problems = PROBLEMS.get(model.kind or "")
    if problems is not None:
        for problem in problems(model.params, model.description):
            yield RULE.found(f"{model.kind} {problem}", "complete its parameters")


Problems = Callable[[Message, Message], Iterator[str]]


def _needs(oneof: str, what: str) -> Problems:
    def problems(params: Message, description: Message) -> Iterator[str]:
        if params.WhichOneof(oneof) is None:
            yield f"has no {what}"

    return problems


def _feature_vectorizer(params: Message, description: Message) -> Iterator[str]:
    if any(column.inputDimensions == 0 for column in params.inputList):
        yield "has a column of dimension 0"


def _normalizer(params: Message, description: Message) -> Iterator[str]:
    if params.normType not in (params.LMax, params.L1, params.L2):
        yield "has an unknown norm"


def _array_feature_extractor(params: Message, description: Message) -> Iterator[str]:
    if len(description.input) != 1:
        yield "needs exactly one input"
    outputs = description.output
    if outputs and outputs[0].type.HasField("doubleType") and len(params.extractIndex) != 1:
        yield f"gives one number, but extracts {len(params.extractIndex)}"


def _ends(description: Message) -> tuple[Message, Message] | None:
    if not description.input or not description.output:
        return None
    return description.input[0].type, description.output[0].type


def _different_arrays(source: Message, result: Message) -> Iterator[str]:
    before, after = source.multiArrayType.shape, result.multiArrayType.shape
    if len(before) != 1 or list(before) != list(after):
        yield "needs input and output arrays of one axis and one length"


def _scaler(params: Message, description: Message) -> Iterator[str]:
    ends = _ends(description)
    if ends is None:
        return
    source, result = (end.WhichOneof("Type") for end in ends)
    widening = source == "int64Type" and result == "doubleType"
    if source != result and not widening:
        yield "has an input and an output of different type"
    lengths = [0, 1]
    if source == "multiArrayType":
        yield from _different_arrays(*ends)
        lengths += list(ends[0].multiArrayType.shape[:1])
    for name in ("shiftValue", "scaleValue"):
        if len(getattr(params, name)) not in lengths:
            yield f"has {len(getattr(params, name))} values in {name}"


IMPUTED = {
    "imputedDoubleValue": (("doubleType", "multiArrayType"), "replaceDoubleValue"),
    "imputedInt64Value": (("int64Type",), "replaceInt64Value"),
    "imputedDoubleArray": (("multiArrayType",), "replaceDoubleValue"),
    "imputedStringValue": (("stringType",), "replaceStringValue"),
    "imputedInt64Array": (("multiArrayType",), "replaceInt64Value"),
    "imputedStringDictionary": (("dictionaryType",), ""),
    "imputedInt64Dictionary": (("dictionaryType",), ""),
}
"""Imputed value -> types of the feature, and the value to replace that may go with it."""


def _imputer(params: Message, description: Message) -> Iterator[str]:
    ends, imputed = _ends(description), params.WhichOneof("ImputedValue")
    if imputed is None:
        yield "has no value to impute"
    if ends is None or imputed is None:
        return
    source, result = (end.WhichOneof("Type") for end in ends)
    kinds, replaced = IMPUTED[imputed]
    if source != result:
        yield "has an input and an output of different type"
    if source == "multiArrayType":
        yield from _different_arrays(*ends)
    if source not in kinds or params.WhichOneof("ReplaceValue") not in (None, replaced):
        yield "imputes or replaces a value of another type than its feature"
    if imputed.endswith("Array"):
        shape = ends[0].multiArrayType.shape
        if not shape or shape[0] != len(getattr(params, imputed).vector):
            yield "imputes an array of another length than its feature"


def _categorical_mapping(params: Message, description: Message) -> Iterator[str]:
    mapping, ends = params.WhichOneof("MappingType"), _ends(description)
    if mapping is None:
        yield "has no mapping"
        return
    numbers = mapping == "int64ToStringMap"
    if params.WhichOneof("ValueOnUnknown") == ("int64Value" if numbers else "strValue"):
        yield "has a value for the unknown of the wrong type"
    if ends is not None and ends[0].WhichOneof("Type") == "sequenceType":
        kinds = tuple(end.sequenceType.WhichOneof("Type") for end in ends)
        expected = ("int64Type", "stringType") if numbers else ("stringType", "int64Type")
        if kinds != expected or ends[1].WhichOneof("Type") != "sequenceType":
            yield "maps sequences of the wrong types"


def _vision_feature_print(params: Message, description: Message) -> Iterator[str]:
    kind = params.WhichOneof("VisionFeaturePrintType")
    if kind is None:
        yield "has no type"
    elif kind == "scene" and params.scene.version not in (1, 2):
        yield "has an unknown version"
    elif kind == "objects":
        if params.objects.version != 1 or len(params.objects.output) != 2:
            yield "has an unknown version, or not two outputs"
        if not {f.name for f in description.output} <= set(params.objects.output):
            yield "has an output that it does not list"


def _audio_feature_print(params: Message, description: Message) -> Iterator[str]:
    if params.WhichOneof("AudioFeaturePrintType") is None or params.sound.version == 0:
        yield "has no type or version"


def _custom_model(params: Message, description: Message) -> Iterator[str]:
    if not params.className:
        yield "has no className"
    for name, value in params.parameters.items():
        if not name or value.WhichOneof("value") is None:
            yield "has a parameter without name or value"


def _linked_model(params: Message, description: Message) -> Iterator[str]:
    if not params.linkedModelFile.linkedModelFileName.defaultValue:
        yield "names no file"


def _glm_regressor(params: Message, description: Message) -> Iterator[str]:
    if len(params.weights) != len(params.offset):
        yield f"has {len(params.weights)} sets of weights and {len(params.offset)} offsets"
    if len({len(weights.value) for weights in params.weights}) > 1:
        yield "has sets of weights of unequal length"


def _glm_classifier(params: Message, description: Message) -> Iterator[str]:
    sets, kind = len(params.weights), params.WhichOneof("ClassLabels")
    classes = len(getattr(params, kind).vector) if kind else -1
    if params.postEvaluationTransform not in (params.Logit, params.Probit):
        yield "has an unknown transform"
    if params.classEncoding not in (params.ReferenceClass, params.OneVsRest):
        yield "has an unknown class encoding"
    if not sets or sets != len(params.offset):
        yield f"has {sets} sets of weights and {len(params.offset)} offsets"
    reference = params.classEncoding == params.ReferenceClass
    expected = classes - 1 if reference or classes == 2 else classes
    if classes != -1 and sets != expected:
        yield f"has {sets} sets of weights for {classes} classes instead of {expected}"
    if classes > 2 and params.postEvaluationTransform == params.Probit:
        yield "uses probit for more than two classes"
    lengths = {len(weights.value) for weights in params.weights}
    if len(lengths) > 1 or 0 in lengths:
        yield "has sets of weights that are empty or of unequal length"


def _text(first_revision: int, labels: bool) -> Problems:
    def problems(params: Message, description: Message) -> Iterator[str]:
        if params.revision < first_revision:
            yield f"has revision {params.revision} instead of {first_revision} or above"
        if labels and not params.stringClassLabels.vector:
            yield "has no class labels"
        if not params.modelParameterData:
            yield "has no parameter data"

    return problems


PROBLEMS: dict[str, Problems] = {
    "arrayFeatureExtractor": _array_feature_extractor,
    "audioFeaturePrint": _audio_feature_print,
    "categoricalMapping": _categorical_mapping,
    "customModel": _custom_model,
    "dictVectorizer": _needs("Map", "map"),
    "featureVectorizer": _feature_vectorizer,
    "gazetteer": _text(2, labels=True),
    "glmClassifier": _glm_classifier,
    "glmRegressor": _glm_regressor,
    "imputer": _imputer,
    "linkedModel": _linked_model,
    "normalizer": _normalizer,
    "oneHotEncoder": _needs("CategoryType", "categories"),
    "scaler": _scaler,
    "textClassifier": _text(1, labels=True),
    "visionFeaturePrint": _vision_feature_print,
    "wordEmbedding": _text(2, labels=False),
}
"""Kind of model -> what may be wrong with its parameters."""
