"""How a conversion tells what it is doing, step by step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

Step: TypeAlias = Callable[[str], AbstractContextManager[Any]]
"""Called with the name of each step; the step runs inside the context it returns."""


def nothing_shown(step: str) -> AbstractContextManager[None]:
    """Show nothing while a step runs."""
    return nullcontext()
