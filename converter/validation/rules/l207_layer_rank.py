"""A layer of exact shapes reads or makes a blob of a rank that it cannot have.

What: with exact shapes, a blob of known rank outside what the kind of layer takes (convolution and
pooling from 4, softmax, flatten and batch norm from 3, …), or unequal ranks of input and output.
Why: Core ML refuses the model. The best known case is a `softmax` whose output is declared [10].
Fix: declare more axes ([1, 10, 1, 1]) or no shape, or use the classic mapping.
Source: `validateRankCount` and `validateInputOutputRankEquality` in
`NeuralNetworkValidatorUtils.hpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.flow import Site
from converter.validation.rules.l205_blob_counts import has_right_counts
from converter.validation.view import View

RULE = Rule("L207", "layer-rank", "error", "apple")

ANY = 2**40
SPANS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(["unary", "topK", "constantPad", "argSort", "argMax", "argMin"], (-ANY, ANY)),
    **dict.fromkeys(
        [
            "batchnorm",
            "lrn",
            "split",
            "upsample",
            "bias",
            "l2normalize",
            "flatten",
            "reorganizeData",
            "scale",
            "crop",
            "dot",
            "mvn",
            "softmax",
            "resizeBilinear",
        ],
        (3, ANY),
    ),
    **dict.fromkeys(["convolution", "pooling", "embedding"], (4, ANY)),
    **dict.fromkeys(
        ["convolution3d", "pooling3d", "globalPooling3d", "sequenceRepeat", "cropResize"], (5, ANY)
    ),
    **dict.fromkeys(
        ["reshape", "permute", "simpleRecurrent", "gru", "uniDirectionalLSTM", "biDirectionalLSTM"],
        (5, 5),
    ),
    "padding": (2, ANY),
    "innerProduct": (1, 5),
    "embeddingND": (2, 5),
}
"""Kind of layer -> smallest and largest rank of its first input and output, which are equal."""

EQUAL_INPUTS = ("crop", "dot", "cropResize", "concat")


def _span(site: Site) -> tuple[int, int] | None:
    """Return the ranks that are possible here, or None if the layer is not checked."""
    if site.kind == "concat":
        return (5, ANY) if site.params.sequenceConcat else (3, ANY)
    if site.kind == "activation":
        kind = site.params.WhichOneof("NonlinearityType")
        return (3, ANY) if kind in ("PReLU", "parametricSoftplus") else None
    if site.kind in ("reduce", "slice"):
        return (-ANY, ANY) if site.layer.inputTensor else None
    if site.kind in ("argMax", "argMin") and site.params.removeDim:
        return None
    return SPANS.get(site.kind)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each blob of an impossible rank."""
    if not model.exact:
        return
    for site in model.flow.sites:
        problem = _problem(site) if has_right_counts(site) else None
        if problem:
            yield RULE.found(
                f"{site.kind} {problem}", "declare other shapes or leave them out", site.name
            )


def _problem(site: Site) -> str | None:
    if site.kind == "loadConstant":
        rank = site.output_ranks[0]
        return f"makes a blob of rank {rank} instead of 5" if rank not in (None, 5) else None
    span = _span(site)
    if span is None:
        return None
    source, result = site.input_ranks[0], site.output_ranks[0]
    if source is not None and result is not None and source != result:
        return f"has input rank {source} but output rank {result}"
    for rank in (source, result):
        if rank is not None and not span[0] <= rank <= span[1]:
            wanted = f"exactly {span[0]}" if span[0] == span[1] else f"at least {span[0]}"
            wanted = wanted if rank < span[0] or span[0] == span[1] else f"at most {span[1]}"
            return f"has a blob of rank {rank}, {wanted} is possible"
    return _inequality(site)


def _inequality(site: Site) -> str | None:
    ranks = site.input_ranks if site.kind in EQUAL_INPUTS else []
    if site.kind == "split":
        ranks = site.output_ranks
    elif site.kind == "topK":
        ranks = [site.input_ranks[0], site.output_ranks[1]]
    known = {rank for rank in ranks if rank is not None}
    return f"has blobs of unequal ranks {sorted(known)}" if ranks and ranks[0] is not None and (
        len(known) > 1
    ) else None  # fmt: skip
