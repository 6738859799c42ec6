"""How much of what is random a run of the tests tries."""

import os

LONG = bool(os.environ.get("LONG_FUZZ"))
"""Whether the long run was asked for: ``LONG_FUZZ=1 python -m pytest -k fuzz``."""


def usual_or_long(usual, long):
    """Return how many to try: `long` of them only when the long run was asked for."""
    return long if LONG else usual
