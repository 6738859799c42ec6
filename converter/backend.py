"""Keras and TensorFlow, imported once, quietly, and always in the same state.

Rooms that need them write ``from converter.backend import keras, tf``. The import takes seconds,
so light rooms (command line, rules, recipes) never import this one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from converter.errors import MissingDependencyError


@contextmanager
def stderr_muted() -> Iterator[None]:
    """Send file descriptor 2 nowhere: TensorFlow's C++ greets there whatever its log level is."""
    saved = None
    with suppress(OSError):  # a process may run without standard error
        saved = os.dup(2)
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        if saved is not None:
            os.dup2(saved, 2)
            os.close(saved)


os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras/keras.json says
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no C++ log lines between our own

try:
    with stderr_muted():
        import keras
        import tensorflow as tf
except ImportError as error:
    raise MissingDependencyError(
        f"reading Keras models needs TensorFlow ({error.name or error} is missing); "
        "run: pip install 'make-updatable[keras]'"
    ) from error

tf.get_logger().setLevel("ERROR")
keras.config.set_floatx("float32")
keras.config.set_image_data_format("channels_last")

__all__ = ["keras", "tf"]
