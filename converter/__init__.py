"""Turn trained Keras CNNs into Core ML models that go on learning on the device.

import converter
model = converter.convert("model.h5", layers=["dense_5", "dense_6"])
model.save("Model.mlmodel")
"""

import sys
import types
from typing import TYPE_CHECKING, Any

from converter.versions import VERSION

if TYPE_CHECKING:
    from converter.api import UpdatableModel, average, convert, load, study
    from converter.recipe import Choice, Metadata, Range


__version__ = VERSION

__all__ = ["Choice", "Metadata", "Range", "UpdatableModel", "average", "convert", "load", "study"]


class _Package(types.ModuleType):
    """The package itself, in which `load` is the function, though a room is called so as well.

    Python binds a package that was imported, `converter.load`, to its name in the outer one. Here
    it stays known by its whole name, by which every import finds it.
    """

    @property
    def load(self) -> Any:
        """Open a ``.mlmodel``; see `converter.api.load`."""
        return __getattr__("load")

    @load.setter
    def load(self, room: types.ModuleType) -> None:
        pass


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    """Import the Python API when it is asked for: the command line does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("converter.api"), name)
