"""Shapes of the classic layers that move data without computing; see `classic`."""

from __future__ import annotations

from converter.coreml.shapes.context import Context, Shapes, Size, chw, describe, mapped, volume


def reshape(context: Context, inputs: Shapes) -> Shapes:
    """The target shape, with as many elements as the input."""
    target = tuple(context.params.targetShape)
    have, want = volume(inputs[0] or (None,)), volume(target)
    if len(target) == 3 and have is not None and have != want:
        context.complain(
            "elements", f"turns {describe(inputs[0])} ({have} values) into {describe(target)} "
            f"({want})", "choose a target with as many values as the input",
        )  # fmt: skip
    return [(*chw(inputs[0])[0], *target[-3:])]


def flatten(context: Context, inputs: Shapes) -> Shapes:
    """C × H × W channels."""
    batch, *sizes = chw(inputs[0])
    return [(*batch, volume(sizes), 1, 1)]


def permute(context: Context, inputs: Shapes) -> Shapes:
    """Axes (sequence, C, H, W) in another order."""
    order = list(context.params.axis) or [0, 1, 2, 3]
    batch, *sizes = chw(inputs[0])
    before = [batch[0] if batch else None, *sizes]  # the classic form hides the sequence
    after = [before[axis] for axis in order]
    return [(after[0], batch[1], *after[1:]) if len(batch) == 2 else tuple(after[1:])]


def concat(context: Context, inputs: Shapes) -> Shapes:
    """The sum of the channels; the other axes are equal."""
    batch, channels, height, width = chw(inputs[0])
    if context.params.sequenceConcat:
        return [(*(None for _ in batch), channels, height, width)]
    parts = [chw(shape) for shape in inputs]
    for _, _, high, wide in parts:
        if (high, wide) != (height, width) and None not in (high, wide, height, width):
            context.complain("broadcast", f"joins maps of {height}×{width} and {high}×{wide}",
                             "bring the inputs to one height and width")  # fmt: skip
            break
    total: Size = 0
    for _, more, _, _ in parts:
        total = None if total is None or more is None else total + more
    return [(*batch, total, height, width)]


def split(context: Context, inputs: Shapes) -> Shapes:
    """Equal parts of the channels."""
    batch, channels, height, width = chw(inputs[0])
    parts = context.params.nOutputs
    if channels is not None and (parts == 0 or channels % parts):
        context.complain("elements", f"splits {channels} channels into {parts} parts",
                         "choose a number of parts that divides the channels")  # fmt: skip
    part = mapped(channels, lambda n: n // parts)
    return [(*batch, part, height, width)] * len(context.layer.output)


def sequence_repeat(context: Context, inputs: Shapes) -> Shapes:
    """The sequence several times; (C, H, W) stay."""
    batch, *sizes = chw(inputs[0])
    return [(*(None for _ in batch), *sizes)]


def reorganize_data(context: Context, inputs: Shapes) -> Shapes:
    """Space to depth, or back, in square blocks."""
    batch, channels, height, width = chw(inputs[0])
    params, block = context.params, context.params.blockSize
    divided = (height, width) if params.mode == params.SPACE_TO_DEPTH else (channels,)
    factor = block if params.mode == params.SPACE_TO_DEPTH else block * block
    if any(size is not None and size % factor for size in divided):
        context.complain("elements", f"has blocks of {block} for shape {describe(inputs[0])}",
                         "choose a block size that divides the input")  # fmt: skip
    if params.mode == params.SPACE_TO_DEPTH:
        deep = mapped(channels, lambda n: n * block * block)
        return [(*batch, deep, *(mapped(n, lambda n: n // block) for n in (height, width)))]
    flat = mapped(channels, lambda n: n // (block * block))
    return [(*batch, flat, *(mapped(n, lambda n: n * block) for n in (height, width)))]


def slice_layer(context: Context, inputs: Shapes) -> Shapes:
    """Every stride-th element from start to end along one axis; -1 is the last element."""
    params, shape = context.params, inputs[0]
    if shape is None:
        return [None]
    axis = len(shape) - 3 + params.axis
    size = shape[axis]
    if size is not None:
        start, end = (n + size if n < 0 else n for n in (params.startIndex, params.endIndex))
        end = size if params.endIndex == 0 else end
        if not 0 <= start < end <= size:
            context.complain("window", f"takes {start} to {end} of {size} values",
                             "choose bounds inside the axis")  # fmt: skip
            size = None
        else:
            size = (end - start - 1) // params.stride + 1
    return [(*shape[:axis], size, *shape[axis + 1 :])]
