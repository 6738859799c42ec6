"""A layer has too many or too few inputs or outputs.

What: a number of inputs or outputs that this kind of layer does not have.
Why: Core ML refuses the model.
Fix: connect the layer as the format describes it.
Source: the calls of `validateInputCount` and `validateOutputCount` in
`NeuralNetworkLayerValidator.cpp`; where that checks nothing (such as the inputs of loadConstant),
neither does this rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.flow import Site
from converter.validation.view import View

RULE = Rule("L205", "blob-counts", "error", "apple")

ANY = 2**40
Span = tuple[int, int]
ONE, TWO, ANY_NUMBER = (1, 1), (2, 2), (0, ANY)


def _all(kinds: str, inputs: Span, outputs: Span) -> dict[str, tuple[Span, Span]]:
    return dict.fromkeys(kinds.split(), (inputs, outputs))


COUNTS: dict[str, tuple[Span, Span]] = {
    **_all(
        """convolution3d innerProduct batchnorm activation pooling pooling3d globalPooling3d padding
        lrn softmax unary upsample bias l2normalize reshape flatten permute reduce scale mvn
        embedding sequenceRepeat reorganizeData slice resizeBilinear transpose copy softmaxND
        reverse logicalNot fillLike fillDynamic reshapeStatic sin cos tan asin acos atan sinh cosh
        tanh asinh acosh atanh exp2 matrixBandPart upperTriangular lowerTriangular erf gelu
        clampedReLU rankPreservingReshape expandDims flattenTo2D squeeze broadcastToStatic
        whereNonZero ceil floor round sign clip sliceStatic getShape embeddingND slidingWindows
        randomNormalLike randomNormalDynamic randomUniformLike randomUniformDynamic
        randomBernoulliLike randomBernoulliDynamic argMax argMin categoricalDistribution reduceL1
        reduceL2 reduceMax reduceMin reduceSum reduceProd reduceMean reduceLogSum reduceSumSquare
        reduceLogSumExp layerNormalization argSort""",
        ONE,
        ONE,
    ),
    **_all(
        """dot cropResize logicalAnd logicalOr logicalXor powBroadcastable reshapeLike
        reshapeDynamic broadcastToLike broadcastToDynamic addBroadcastable subtractBroadcastable
        multiplyBroadcastable divideBroadcastable maxBroadcastable minBroadcastable
        floorDivBroadcastable modBroadcastable gather gatherND gatherAlongAxis reverseSeq
        sliceBySize""",
        TWO,
        ONE,
    ),
    **_all(
        """convolution crop batchedMatmul greaterThan greaterEqual lessEqual lessThan equal notEqual
        tile constantPad oneHot cumSum""",
        (1, 2),
        ONE,
    ),
    **_all("whereBroadcastable scatter scatterND scatterAlongAxis", (3, 3), ONE),
    **_all("add multiply average max min", (1, ANY), ONE),
    **_all("concat concatND stack", (2, ANY), ONE),
    **_all(
        """loadConstant fillStatic rangeStatic loadConstantND randomNormalStatic
        randomUniformStatic randomBernoulliStatic""",
        ANY_NUMBER,
        ONE,
    ),
    **_all("split splitND", ONE, (2, ANY)),
    "simpleRecurrent": (TWO, TWO),
    "gru": ((1, 2), TWO),
    "uniDirectionalLSTM": ((1, 3), (3, 3)),
    "biDirectionalLSTM": ((1, 5), (5, 5)),
    "custom": ((1, ANY), (1, ANY)),
    "branch": (ONE, ANY_NUMBER),
    "loop": ((0, 1), ANY_NUMBER),
    "loopBreak": (ANY_NUMBER, ANY_NUMBER),
    "loopContinue": (ANY_NUMBER, ANY_NUMBER),
    "rangeDynamic": ((0, 3), ONE),
    "sliceDynamic": ((2, 7), ONE),
    "topK": ((1, 2), TWO),
    "NonMaximumSuppression": ((2, 5), (4, 4)),
}
"""Kind of layer -> (fewest, most) inputs and (fewest, most) outputs."""


def has_right_counts(site: Site) -> bool:
    """Return whether a layer has the numbers of inputs and outputs that its kind asks for."""
    spans = COUNTS.get(site.kind, (ANY_NUMBER, ANY_NUMBER))
    return all(
        fewest <= len(blobs) <= most
        for blobs, (fewest, most) in zip((site.inputs, site.outputs), spans, strict=True)
    )


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer with a wrong number of inputs or outputs."""
    for site in model.flow.sites:
        if has_right_counts(site):
            continue
        spans = COUNTS[site.kind]
        for what, blobs, (fewest, most) in zip(
            ("inputs", "outputs"), (site.inputs, site.outputs), spans, strict=True
        ):
            if not fewest <= len(blobs) <= most:
                yield RULE.found(
                    f"{site.kind} has {len(blobs)} {what} instead of {_words(fewest, most)}",
                    "connect it as the format describes",
                    site.name,
                )


def _words(fewest: int, most: int) -> str:
    if fewest == most:
        return str(fewest)
    return f"at least {fewest}" if most == ANY else f"{fewest} to {most}"
