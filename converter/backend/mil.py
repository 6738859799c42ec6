"""TensorFlow graph -> MIL program, by coremltools' converter, quietly and as it is.

``convert_to="milinternal"`` is documented, but not what a program consists of: `converter.trace`
reads its ``functions``, ``inputs``, ``operations`` and ``outputs``.
"""

from __future__ import annotations

import gc
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from typing import Any

from converter.backend.captures import with_constants
from converter.backend.coremltools import ct
from converter.backend.tensorflow import stderr_muted, tf

TALKS = tuple(map(int, tf.__version__.split(".")[:2])) < (2, 21)
"""Whether TensorFlow's C++ writes of "MLIR V1 optimization" whatever its log level is."""


def mil_program(concrete: Any) -> Any:
    """Return the MIL program of a concrete function of TensorFlow, nothing in it folded or fused.

    It raises whatever the converter raises.
    """
    # A graph, not the concrete function: for that coremltools runs TensorFlow's grappler, which
    # makes arrays of zeros for all inputs, here as large as all weights together.
    graph = with_constants(concrete.graph.as_graph_def(add_shapes=True), concrete)
    with (
        warnings.catch_warnings(),
        redirect_stderr(io.StringIO()),
        stderr_muted() if TALKS else nullcontext(),
        _cheap_collections(),
    ):
        # It warns, and draws progress bars (tqdm) on standard error; no argument switches them off.
        warnings.simplefilter("ignore")
        return ct.convert(
            graph,
            source="tensorflow",
            outputs=[tensor.op.name for tensor in concrete.outputs],
            convert_to="milinternal",
            compute_precision=ct.precision.FLOAT32,
            pass_pipeline=ct.PassPipeline.EMPTY,
        )


_freezes = False
"""Whether the program was seen to freeze objects itself. Counting these takes 0.1 s, so once."""


@contextmanager
def _cheap_collections() -> Iterator[None]:
    """Keep what is alive now out of garbage collections.

    coremltools collects twice in every conversion and cannot be told not to. That takes 0.6 s over
    the objects of its own and TensorFlow's modules: longer than the conversion of a small network.
    A program that has frozen something has seen to that; more would never be freed.
    """
    global _freezes
    _freezes = _freezes or gc.get_freeze_count() > 0
    if _freezes:
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
