"""What ``slice_by_index`` cuts, as NumPy writes it."""

from __future__ import annotations

from converter.trace.program import Op


def slices(op: Op) -> tuple[slice | int, ...]:
    """Return the index that ``slice_by_index`` stands for."""
    begin, end = op.const("begin"), op.const("end")
    n = len(begin)
    stride = op.const("stride") or [1] * n
    no_begin = op.const("begin_mask") or [False] * n
    no_end = op.const("end_mask") or [False] * n
    squeeze = op.const("squeeze_mask") or [False] * n
    return tuple(
        begin[i]
        if squeeze[i]
        else slice(None if no_begin[i] else begin[i], None if no_end[i] else end[i], stride[i])
        for i in range(n)
    )
