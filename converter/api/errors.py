"""Errors as they are told in Python: they name arguments, not options of the command line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from converter.errors import MakeUpdatableError, in_python

P = ParamSpec("P")
T = TypeVar("T")


def naming_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Let what `function` raises name arguments where it names options of the command line."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except MakeUpdatableError as error:
            error.args = (in_python(str(error)),)
            raise

    return wrapped
