"""An axis lies outside the blob that the layer reads.

What: where the rank of the input is declared, an axis outside -rank … rank - 1 (argSort: a negative
one in any case); axes that are repeated; input and output ranks that do not fit the axes of
`expandDims`, `squeeze`, `batchedMatmul`, `scatter`, `reverse`, `stack`, `range`, `reduce`, `slice`.
Why: Core ML refuses the model.
Fix: choose axes of the blob, and declare the ranks that result.
Source: `NeuralNetworkLayerValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import i32
from converter.validation.finding import Finding, Rule
from converter.validation.flow import Site
from converter.validation.view import View

RULE = Rule("L216", "axis", "error", "apple")

ONE_AXIS = [
    "concatND",
    "softmaxND",
    "splitND",
    "slidingWindows",
    "flattenTo2D",
    "topK",
    "argMax",
    "argMin",
]
ONLY_EXACT = ("reduce", "slice")
MANY_AXES = [
    "reduceL1",
    "reduceL2",
    "reduceMax",
    "reduceMin",
    "reduceSum",
    "reduceProd",
    "reduceMean",
    "reduceLogSum",
    "reduceSumSquare",
    "reduceLogSumExp",
]


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer with an impossible axis."""
    for kind, problem_of in PROBLEMS.items():
        if kind in ONLY_EXACT and not model.exact:
            continue
        for site in model.flow.of(kind):
            problem = problem_of(
                site, _ranks(site.layer.inputTensor), _ranks(site.layer.outputTensor)
            )
            if problem:
                yield RULE.found(f"{kind} {problem}", "choose axes of the blob", site.name)


def _ranks(tensors: list[Message]) -> list[int]:
    return [i32(tensor.rank) for tensor in tensors]


def _one_axis(site: Site, ranks: list[int], results: list[int]) -> str | None:
    axis = site.params.axis
    outside = ranks and not -ranks[0] <= axis < ranks[0]
    return f"works along axis {axis} of a blob of rank {ranks[0]}" if outside else None


def _many_axes(site: Site, ranks: list[int], results: list[int]) -> str | None:
    outside = ranks and not all(-ranks[0] <= axis < ranks[0] for axis in site.params.axes)
    return f"works along axes that a blob of rank {ranks[0]} does not have" if outside else None


def _arg_sort(site: Site, ranks: list[int], results: list[int]) -> str | None:
    axis = site.params.axis
    outside = axis < 0 or (ranks and axis >= ranks[0])
    return f"sorts along axis {axis}, which cannot be negative or beyond" if outside else None


def _reverse(site: Site, ranks: list[int], results: list[int]) -> str | None:
    count = len(site.params.reverseDim)
    return (
        f"has {count} flags for a blob of rank {ranks[0]}" if ranks and ranks[0] != count else None
    )


def _stack(site: Site, ranks: list[int], results: list[int]) -> str | None:
    if len(ranks) < 2:
        return None
    if ranks[0] != ranks[1]:
        return f"has blobs of rank {ranks[0]} and {ranks[1]}"
    axis, rank = site.params.axis, ranks[0] + 1
    return None if -rank <= axis < rank else f"works along axis {axis} of a blob of rank {rank}"


def _scatter(site: Site, ranks: list[int], results: list[int]) -> str | None:
    if ranks and (len(ranks) != 3 or ranks[0] != ranks[2] or ranks[1] != 1):
        return f"has inputs of rank {ranks}"
    if ranks and results and (len(results) != 1 or results[0] != ranks[0]):
        return f"makes rank {results} of rank {ranks[0]}"
    return None


def _range(site: Site, ranks: list[int], results: list[int]) -> str | None:
    return f"makes a blob of rank {results[0]}" if results and results[0] != 1 else None


def _batched_matmul(site: Site, ranks: list[int], results: list[int]) -> str | None:
    if len(ranks) != len(site.inputs) or len(results) != 1 or len(ranks) not in (1, 2):
        return None
    expected = ranks[0] if len(ranks) == 1 else max(2, *ranks)
    return None if results[0] == expected else f"makes rank {results[0]} instead of {expected}"


def _reduce(site: Site, ranks: list[int], results: list[int]) -> str | None:
    least = {0: 3, 1: 2, 2: 1, 3: 1, 4: 1}.get(site.params.axis, -(2**31))
    return _too_flat(site, ranks, least)


def _slice(site: Site, ranks: list[int], results: list[int]) -> str | None:
    least = {0: 3, 1: 2, 2: 1}.get(site.params.axis)
    if least is None:
        return f"works along an unknown axis {site.params.axis}" if ranks else None
    return _too_flat(site, ranks, least)


def _too_flat(site: Site, ranks: list[int], least: int) -> str | None:
    return f"works on an axis that rank {ranks[0]} lacks" if ranks and ranks[0] < least else None


def _expand_dims(site: Site, ranks: list[int], results: list[int]) -> str | None:
    if not (ranks and results):
        return _repeated(site.params)
    fits = ranks[0] + len(site.params.axes) == results[0]
    return _changed_axes(site.params, results[0], fits)


def _squeeze(site: Site, ranks: list[int], results: list[int]) -> str | None:
    if site.params.squeezeAll:
        return None
    if not (ranks and results):
        return _repeated(site.params)
    fits = ranks[0] == 1 or results[0] + len(site.params.axes) == ranks[0]
    return _changed_axes(site.params, ranks[0], fits)


def _repeated(params: Message) -> str | None:
    axes = [i32(axis) for axis in params.axes]
    return "names an axis twice" if len(set(axes)) < len(axes) else None


def _changed_axes(params: Message, rank: int, fits: bool) -> str | None:
    """Check the axes that come or go against the larger of the two ranks."""
    if not fits:
        return "has axes that do not explain its input and output ranks"
    axes = [i32(axis) for axis in params.axes]
    places = [axis + rank if axis < 0 else axis for axis in axes]
    if len(set(places)) < len(places) or len(set(axes)) < len(axes):
        return "names an axis twice"
    outside = places and not 0 <= min(places) <= max(places) < rank
    return f"has axes {axes} that rank {rank} lacks" if outside else None


PROBLEMS: dict[str, Callable[[Site, list[int], list[int]], str | None]] = {
    **dict.fromkeys(ONE_AXIS, _one_axis),
    **dict.fromkeys(MANY_AXES, _many_axes),
    "argSort": _arg_sort,
    "batchedMatmul": _batched_matmul,
    "expandDims": _expand_dims,
    "rangeDynamic": _range,
    "rangeStatic": _range,
    "reduce": _reduce,
    "reverse": _reverse,
    "scatter": _scatter,
    "slice": _slice,
    "squeeze": _squeeze,
    "stack": _stack,
}
