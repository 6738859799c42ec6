"""A stand-in for pyobjc, so that the worker's own Python can be run where there is no Mac.

It shows that the worker goes from its first line to its last, with the right number of arguments to
every selector, and what its parent makes of the ways it can end. It says NOTHING about Core ML:
no model is compiled, run or updated here.
"""

import contextlib
import json
from pathlib import Path

__version__ = "stand-in"

_TABLE = Path(__file__).parents[3] / "fixtures" / "device" / "selectors.json"
TABLE = json.loads(_TABLE.read_text())
KNOWN = {row["selector"].replace(":", "_"): row["sdk"]["arguments"] for row in TABLE["selectors"]}


@contextlib.contextmanager
def autorelease_pool():
    yield


class Object:
    """Has only selectors that are in the table, each with its number of arguments."""

    @classmethod
    def alloc(cls):
        return cls()

    def init(self):
        return self

    def __init_subclass__(cls):
        for name, method in vars(cls).items():
            if not name.startswith("_") and name not in ("alloc", "init"):
                function = method.__func__ if isinstance(method, classmethod) else method
                own = function.__code__.co_argcount - 1
                assert own == KNOWN[name], f"{cls.__name__}.{name} takes {own} arguments"
