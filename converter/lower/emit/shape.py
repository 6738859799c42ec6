"""Moving, cutting and joining data: most of it costs no layer at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.lower.blob import SIZE, Affine, Blob, Border, as_blob
from converter.lower.emit import moves
from converter.lower.emit.reorder import pick
from converter.lower.factored import Factored, factored
from converter.lower.net import Net, Value
from converter.trace.program import AXES, Op, Ref
from converter.trace.slices import slices


def transpose(op: Op, net: Net) -> Value:
    """Permute, and the transposes between NHWC and NCHW: a change of letters, no layer."""
    value = net.value(op.ref("x"))
    if isinstance(value, Factored):
        return moves.settled(op, net, value.transposed(op.const("perm")))
    return net.pending(op.ref("x"), in_any_order=True).transposed(op.const("perm"))


def identity(op: Op, net: Net) -> Blob:
    """Identity, casts between float types, dropout at inference: no layer."""
    return net.pending(op.ref("x"))


def reshape(op: Op, net: Net) -> Value:
    """Flatten -> ``flatten``; Reshape -> ``reshape``; axes of size one come and go freely.

    Splitting and joining axes, as in a channel shuffle -> ``reshape`` and ``permute``.
    """
    value, shape = net.value(op.ref("x")), op.output.shape
    if isinstance(value, Factored):
        return _refactored(op, net, value)
    blob = net.pending(op.ref("x"))
    same = blob.relabelled(shape)
    if same is not None:
        return same
    if shape[0] != 1 or len(shape) > 4:
        return _refactored(op, net, factored(net.settled(op, blob)))
    blob = net.without_border(op, blob)
    if len(shape) == 2:
        return _flatten(op, net, blob)
    return _reshape(op, net, blob)


def _refactored(op: Op, net: Net, value: Factored) -> Value:
    shape = op.output.shape
    found = value.reshaped(shape) or moves.flattened(op, net, value).reshaped(shape)
    assert found, f"{value.shape} cannot become {shape}"
    return moves.settled(op, net, found)


squeeze = expand_dims = reshape


def _order(op: Op, net: Net, blob: Blob, either: int) -> tuple[Blob, int]:
    """Return `blob` and 0 if its values are read C, H, W or 1 if they are read H, W, C.

    These are the two orders of Core ML's layers. `either` is returned where both are the same.
    """
    read = "".join(a for a in blob.axes if blob.extent(a) > 1)
    if len(read) < 2 or read == "HW":
        return blob, either
    if read in ("CHW", "CH", "CW"):
        return blob, 0
    if read in ("HWC", "WC", "HC"):
        return blob, 1
    # Other orders are brought to H, W, C by a permute layer.
    letters = dict(zip(read, "HWC"[3 - len(read) :], strict=True))
    wanted = "".join(letters.get(a, "1") for a in blob.axes)
    return net.with_axes(op, blob, wanted), 1


def _flatten(op: Op, net: Net, blob: Blob) -> Blob:
    blob, mode = _order(op, net, blob, either=0)
    flat = net.made(op, "flatten", blob, net.builder.add_flatten, mode=mode)
    return Blob(flat.name, "NC", (int(np.prod(blob.chw)), 1, 1), _flat_affine(blob, mode))


def _flat_affine(blob: Blob, mode: int) -> Affine | None:
    """Return the waiting affine of `blob`, one value per element of the flattened vector."""
    if blob.affine is None:
        return None
    pixels = blob.chw[1] * blob.chw[2]

    def spread(per_channel: np.ndarray) -> np.ndarray:
        return np.tile(per_channel, pixels) if mode else np.repeat(per_channel, pixels)

    return Affine(spread(blob.affine.scale), spread(blob.affine.shift), blob.affine.origin)


def _reshape(op: Op, net: Net, blob: Blob) -> Blob:
    """Add a reshape layer to ``[C, H, W]``, the last MIL axis being the channels (or the first)."""
    blob, mode = _order(op, net, net.settled(op, blob), either=1)
    sizes = op.output.shape[1:]
    last = AXES[len(op.output.shape)]
    axes = last if mode else f"NC{last[1:-1]}"
    extent = dict(zip(axes[1:], sizes, strict=True))
    chw = tuple(extent.get(letter, 1) for letter in "CHW")
    add = net.builder.add_reshape
    reshaped = net.made(op, "reshape", blob, add, target_shape=chw, mode=mode)
    return replace(reshaped, axes=axes, chw=chw)  # type: ignore[arg-type]


def pad(op: Op, net: Net) -> Blob:
    """ZeroPadding: goes into the next convolution, else ``padding``; of channels ``concat``."""
    blob = net.pending(op.ref("x"), in_any_order=True)
    amounts = op.const("pad")
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
    by_letter = dict(zip(blob.axes[len(blob.axes) - len(pairs) :], pairs, strict=True))
    mode, value = op.const("mode", "constant"), float(op.const("constant_val", 0.0))
    if any(n for letter, pair in by_letter.items() if letter not in "CHW" for n in pair):
        net.refuse(op, "pads an axis other than height, width and channels")
    if any(by_letter.get("C", ())):
        if mode != "constant":
            net.refuse(op, "pads the channels by reflection, for which Core ML has no layer")
        blob = _more_channels(op, net, blob, by_letter["C"], value)
    vertical, horizontal = by_letter.get("H", (0, 0)), by_letter.get("W", (0, 0))
    if mode == "constant" and value == 0:
        above = net.settled(op, blob) if blob.border else blob
        return replace(above, border=Border(vertical, horizontal, op.layer))
    blob = net.settled(op, blob)
    kinds = {"constant": "constant", "reflect": "reflection", "replicate": "replication"}
    return net.padded(op, blob, Border(vertical, horizontal), value, kinds[mode])


def _more_channels(op: Op, net: Net, blob: Blob, amounts: tuple[int, int], value: float) -> Blob:
    """Return `blob` with channels of `value` before and after its own, as a ``concat``."""
    blob = net.settled(op, blob)
    before, after = (
        [net.constant(op, np.full((n, *blob.chw[1:]), value))] if n else [] for n in amounts
    )
    joined = net.elementwise(op, "CONCAT", [*before, blob, *after])
    chw = (blob.channels + sum(amounts), *blob.chw[1:])
    return replace(blob, name=joined.name, chw=chw, shared=False)


def slice_by_index(op: Op, net: Net) -> Blob:
    """Cropping1D, Cropping2D, slicing -> ``slice``; backwards as ``gather``."""
    blob = net.plain(op, op.ref("x"))
    index = slices(op)
    for axis, part in enumerate(index):
        letter = blob.axes[axis]
        size = blob.extent(letter)
        if isinstance(part, int):
            begin = part % size
            start, stop, step = begin, begin + 1, 1
        else:
            start, stop, step = part.indices(size)
        if step < 1:
            picked = np.arange(size)[start : None if stop < 0 else stop : step]
            blob = net.reordered(pick(op, net, blob, axis, picked.tolist()))
        elif (start, stop, step) != (0, size, 1):
            blob = _slice(op, net, blob, letter, start, stop, step)
    axes = "".join(a for a, part in zip(blob.axes, index, strict=True) if not isinstance(part, int))
    return replace(blob, axes=axes)


def _slice(op: Op, net: Net, blob: Blob, letter: str, start: int, stop: int, step: int) -> Blob:
    cut = net.made(
        op, "slice", blob, net.builder.add_slice,
        axis={"C": "channel", "H": "height", "W": "width"}[letter],
        start_index=start, end_index=stop, stride=step,
    )  # fmt: skip
    chw = list(blob.chw)
    chw[SIZE[letter]] = len(range(start, stop, step))
    return replace(cut, chw=tuple(chw))  # type: ignore[arg-type]


def split(op: Op, net: Net) -> tuple[Blob, ...]:
    """A split into parts, as one ``slice`` each."""
    blob = net.plain(op, op.ref("x"))
    axis = op.const("axis") % len(blob.axes)
    stops = np.cumsum([ref.shape[axis] for ref in op.outputs]).tolist()
    starts = [0, *stops[:-1]]
    return tuple(
        _slice(op, net, blob, blob.axes[axis], start, stop, 1)
        for start, stop in zip(starts, stops, strict=True)
    )


def concat(op: Op, net: Net) -> Blob:
    """Concatenate -> ``concat`` over channels."""
    values = op.inputs["values"]
    assert isinstance(values, tuple)
    axis = op.const("axis") % len(op.output.shape)
    blobs = [
        net.plain(op, value)
        if isinstance(value, Ref) and not net.values.is_constant(value)
        else _constant(op, net, np.asarray(net.values.array(value)))
        for value in values
    ]
    widest = max(blobs, key=lambda b: sum(b.extent(a) > 1 for a in b.axes))
    if widest.axes[axis] == "N":
        net.refuse(op, "joins values along the axis of the samples, which an app gives one by one")
    axes = widest.letters_with_channels_at(axis)
    blobs = [net.with_axes(op, blob, axes) for blob in blobs]
    channels = sum(blob.channels for blob in blobs)
    joined = net.elementwise(op, "CONCAT", blobs)
    return replace(joined, chw=(channels, *joined.chw[1:]))


def _constant(op: Op, net: Net, array: np.ndarray) -> Blob:
    axes = AXES[array.ndim]
    return replace(net.constant(op, as_blob(array, axes)[0]), axes=axes)


def stack(op: Op, net: Net) -> Value:
    """Stacking values of one shape -> ``concat`` over channels, and moves as in a reshape."""
    values = op.inputs["values"]
    assert isinstance(values, tuple)
    blobs = [
        net.plain(op, value)
        if isinstance(value, Ref) and not net.values.is_constant(value)
        else _constant(op, net, np.asarray(net.values.array(value)))
        for value in values
    ]
    first = blobs[0]
    joined = net.elementwise(op, "CONCAT", [net.with_axes(op, b, first.axes) for b in blobs])
    one = factored(first)
    axes = [tuple(f + 1 for f in axis) for axis in one.axes]
    axes.insert(op.const("axis") % (len(axes) + 1), (0,))
    whole = replace(joined, chw=(len(blobs) * first.channels, *first.chw[1:]))
    sizes, memory = (len(blobs), *one.sizes), (0, *(f + 1 for f in one.memory))
    return moves.settled(op, net, Factored(whole, sizes, memory, tuple(axes)))


def depth_to_space(op: Op, net: Net) -> Blob:
    """Blocks of pixels from channels -> ``reorganizeData``."""
    return _reorganized(op, net, "DEPTH_TO_SPACE")


def space_to_depth(op: Op, net: Net) -> Blob:
    """Channels from blocks of pixels -> ``reorganizeData``."""
    return _reorganized(op, net, "SPACE_TO_DEPTH")


def _reorganized(op: Op, net: Net, mode: str) -> Blob:
    blob = net.settled(op, net.with_axes(op, net.pending(op.ref("x")), "NCHW"))
    add = net.builder.add_reorganize_data
    done = net.made(op, mode.lower(), blob, add, mode=mode, block_size=op.const("block_size"))
    _, channels, height, width = op.output.shape
    return replace(done, chw=(channels, height, width))


def tile(op: Op, net: Net) -> Blob:
    """Repeating an axis of size one -> ``upsample``."""
    blob = net.plain(op, op.ref("x"))
    repeats = op.const("reps")
    if any(n > 1 and blob.extent(a) > 1 for a, n in zip(blob.axes, repeats, strict=True)):
        net.refuse(op, "repeats an axis that is longer than one")
    used = {a for a in blob.axes if blob.extent(a) > 1}
    axes, sizes = "", {"H": 1, "W": 1}
    for letter, n in zip(blob.axes, repeats, strict=True):
        if n > 1:
            free = [a for a in "HW" if a not in used]
            if not free:
                net.refuse(op, "repeats more than height and width")
            used.add(free[0])
            sizes[free[0]] = n
            axes += free[0]
        else:
            axes += letter if blob.extent(letter) > 1 else "1"
    blob = net.with_axes(op, blob, axes)
    return net.stretched(op, blob, blob.chw[1] * sizes["H"], blob.chw[2] * sizes["W"])


def upsample_nearest_neighbor(op: Op, net: Net) -> Blob:
    """UpSampling1D, UpSampling2D (nearest) -> ``upsample``."""
    axes = AXES[len(op.output.shape)]
    blob = net.settled(op, net.with_axes(op, net.pending(op.ref("x")), axes))
    sizes = dict(zip(axes, op.output.shape, strict=True))
    return net.stretched(op, blob, sizes.get("H", 1), sizes["W"])
