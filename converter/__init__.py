"""Turn trained Keras CNNs into Core ML models that go on learning on the device.

import converter
model = converter.convert("model.h5", layers=["dense_5", "dense_6"])
model.save("Model.mlmodel")
"""

from typing import TYPE_CHECKING, Any

from converter.versions import VERSION

if TYPE_CHECKING:
    from converter.api import UpdatableModel, average, convert, load, study
    from converter.recipe import Choice, Metadata, Range


__version__ = VERSION

__all__ = ["Choice", "Metadata", "Range", "UpdatableModel", "average", "convert", "load", "study"]


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    """Import the Python API when it is asked for: the command line does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("converter.api"), name)
