"""Keras and TensorFlow, imported once, quietly, and always in the same state.

Rooms that need them write ``from converter.backend.tensorflow import keras, tf``. The import takes
seconds, so light rooms (command line, rules, recipes) never import this one.
"""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from converter.errors import MissingDependencyError, install


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


@contextmanager
def importing() -> Iterator[None]:
    """Import large packages without their greetings and without garbage collections.

    What is imported stays alive: looking for garbage takes a fifth of the time and finds none.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with stderr_muted():
            yield
    finally:
        if collecting:
            gc.enable()


os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras/keras.json says
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no C++ log lines between our own

try:
    with importing():
        import keras
        import tensorflow as tf
except ImportError as error:
    raise MissingDependencyError(
        f"reading Keras models needs TensorFlow ({error.name or error} is missing); "
        + install("keras")
    ) from error

tf.get_logger().setLevel("ERROR")
keras.config.set_floatx("float32")
keras.config.set_image_data_format("channels_last")

LARGE = 2**20
"""Bytes from which on a tensor is made over an array's memory instead of a copy."""

ALIGNMENT = 64
"""Bytes. TensorFlow takes foreign memory as it is only where it could have put a tensor itself."""


def aligned(shape: Sequence[int]) -> Any:
    """Return an array of `shape`, float32, not written yet, that `tensor` takes without a copy."""
    import numpy as np

    octets = np.empty(4 * math.prod(shape) + ALIGNMENT, np.uint8)
    return np.ndarray(shape, np.float32, octets, -octets.ctypes.data % ALIGNMENT)


def tensor(array: Any) -> Any:
    """Return a tensor with the values of `array`, which the caller must not change any more.

    TensorFlow copies a NumPy array of 400 MB in 0.4 to 1.4 s, most of it spent on fresh memory in
    small pages. NumPy's memory comes in large ones, so aligning the array there and handing it over
    takes a fifth of that. The calls are public; that TensorFlow then keeps the memory is not
    promised.
    """
    if array.dtype != "float32" or array.nbytes < LARGE:
        return tf.convert_to_tensor(array)
    if array.ctypes.data % ALIGNMENT or not (array.flags.c_contiguous and array.flags.writeable):
        copy = aligned(array.shape)
        copy[...] = array
        array = copy
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def arranged(model: Any, values: Sequence[Any]) -> Any:
    """Return `values`, one for each of ``model.inputs``, in the structure that the model takes.

    That is one value, a list or a dictionary, as the model was made. Keras warns of any other.
    """
    if isinstance(model, keras.Sequential):
        return values[0]
    return keras.tree.pack_sequence_as(model.input, list(values))


def stored_values(variable: Any) -> Any:
    """Return the values of a variable of Keras, an array over the variable's own memory.

    Every call in here is public, but that none of them copies is promised nowhere;
    `variable.numpy()` and NumPy's conversion to another type do.
    """
    import numpy as np

    return np.asarray(variable.value.read_value())


__all__ = ["aligned", "arranged", "keras", "stored_values", "tensor", "tf"]
