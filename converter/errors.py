"""Every error that reaches a user, and the exit code it ends the process with.

    MakeUpdatableError             1
    ├── UsageError                 2   the options contradict each other or the model
    ├── RecipeError                1   a recipe holds mistakes, one line for each
    ├── KerasFileError             1   the Keras file cannot be read
    ├── UnsupportedError           1   a Keras layer has no counterpart in the target form
    ├── NotUpdatableError          1   a chosen layer could not learn on the device
    ├── ModelFileError             1   the .mlmodel cannot be read, or not be run here
    ├── DataError                  1   samples or labels do not fit the model
    ├── TrainingError              1   the model cannot be trained, or training went wrong
    ├── ArithmeticFileError        1   a file of arithmetic cannot be read or understood
    ├── InvalidModelError          1   the converted model breaks a rule of Core ML
    ├── ParityError                1   the written model does not predict what Keras predicts
    ├── OutputError                1   the result cannot be written
    └── MissingDependencyError     1   an optional package is not installed

A message is one line that says what is wrong, where, and what to do about it. It names options as
the command line does; `in_python` puts arguments in their place. Only `RecipeError`,
which reports all mistakes of a file at once, and `UsageError` about several flags have more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_NOT_RUN = 4
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""128 + SIGPIPE: what shells say of ``cat`` or ``grep`` before a ``head`` that has read enough."""


class MakeUpdatableError(Exception):
    """Base of all errors that are explained to the user in one line."""

    exit_code = EXIT_ERROR


class UsageError(MakeUpdatableError):
    """The options contradict each other, or the model they are applied to."""

    exit_code = EXIT_USAGE


class RecipeError(MakeUpdatableError):
    """A recipe file cannot be read or holds mistakes; the message has one line for each."""


class KerasFileError(MakeUpdatableError):
    """The Keras file cannot be read: missing, truncated, weights only, or unsafe."""


class UnsupportedError(MakeUpdatableError):
    """A Keras layer, or the way it is used, has no counterpart in the target form."""


class NotUpdatableError(MakeUpdatableError):
    """A chosen layer does not exist, has no weights, or could not learn on the device."""


class ModelFileError(MakeUpdatableError):
    """The .mlmodel cannot be read, or the reference runtime cannot run it."""


class DataError(MakeUpdatableError):
    """Samples or labels cannot be read, or do not fit the model."""


class TrainingError(MakeUpdatableError):
    """The model cannot be trained as asked, or training went wrong."""


class ArithmeticFileError(MakeUpdatableError):
    """A file that says how to count cannot be read, or says something that is not known."""


class InvalidModelError(MakeUpdatableError):
    """The converted model breaks a rule of Core ML; nothing is written."""


class ParityError(MakeUpdatableError):
    """The written model does not predict what the Keras model predicts."""


class OutputError(MakeUpdatableError):
    """The result cannot be written."""


class MissingDependencyError(MakeUpdatableError):
    """A package that only some commands need is not installed."""


def reason(error: Exception, otherwise: str = "the system does not say why") -> str:
    """Return why the system refused, such as "Permission denied", without its number and path.

    `otherwise` is what to say where it is not the system that refused, or it gives no reason.
    """
    return getattr(error, "strerror", None) or otherwise


def first_of(names: Iterable[object], most: int = 8) -> str:
    """Return `names` with commas between them; of more than `most` the first, then "…".

    >>> first_of("abc", most=2)
    'a, b, …'
    """
    listed = list(map(str, names))
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")


FLAG = re.compile(
    r"(?<![\w-])--(?P<no>no-)?(?P<name>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)"
    r"(?: (?P<number>-?\d+(?:[.,/e-]+\d+)*)| (?P<word>[a-z]+_[a-z_]+|rgb|bgr|gray|nhwc|nchw)\b)?"
)
"""An option as messages name it, with a value of the kinds that messages name."""

SWITCHES = ("allow_unsafe", "verify_update")
"""Options without a value."""


def in_python(message: str) -> str:
    """Return `message` with arguments for the options that it names as the command line has them.

    >>> in_python("give it: --input-shape 224,224,3, or convert with --no-verify")
    'give it: input_shape=(224,224,3), or convert with verify=False'
    """
    return FLAG.sub(_argument, message)


def _argument(flag: re.Match[str]) -> str:
    name, number, word = flag["name"].replace("-", "_"), flag["number"], flag["word"]
    if flag["no"]:
        return f"{name}=False"
    if name in SWITCHES:
        return f"{name}=True"
    if number:
        return f"{name}=({number})" if "," in number else f"{name}={number}"
    return f"{name}={word!r}" if word else name


def install(extra: str) -> str:
    """Return how to install what `extra` names in ``setup.cfg``; no package index has the tool."""
    return f"run in the clone of make-updatable: pip install '.[{extra}]'"
