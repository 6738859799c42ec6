"""A live model that is handed over: it must be one of the Keras that runs here."""

from __future__ import annotations

from typing import Any

import converter.backend.keras  # noqa: F401  (refuses other backends)
from converter.backend.tensorflow import keras
from converter.errors import UnsupportedError, UsageError


def check_live(model: Any) -> None:
    """Check that `model` is a live model, of the Keras that runs here.

    Raises:
        UnsupportedError: it is of another Keras.
        UsageError: it is no model.
    """
    if isinstance(model, keras.Model):
        return
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    if "keras" in kind.split(".")[0]:
        raise UnsupportedError(
            f"{kind} is of another Keras than the {keras.__version__} that runs here; save the "
            "model, model.save('model.h5'), and give the path of the file"
        )
    raise UsageError(f"a model is the path of a file or a live keras.Model, not {kind}")
