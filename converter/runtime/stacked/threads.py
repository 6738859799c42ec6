"""How many cores TensorFlow takes, where processes or blocks side by side share them."""

from __future__ import annotations

from converter.errors import TrainingError, UsageError
from converter.runtime.backend import tf


def limit_threads(count: int) -> None:
    """Let TensorFlow compute on `count` cores: as many operations at once, each on one of them.

    It concerns the whole process. Operations on a block of users are too small to be divided among
    cores; blocks are what `Engine` computes side by side.

    Raises:
        UsageError: `count` is less than 1.
        TrainingError: TensorFlow has computed already, on another number of cores.
    """
    if count < 1:
        raise UsageError(f"threads {count}: must be 1 or more")
    try:
        tf.config.threading.set_inter_op_parallelism_threads(count)
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError as error:
        raise TrainingError(
            "TensorFlow has computed already; limit its threads before the first computation"
        ) from error
