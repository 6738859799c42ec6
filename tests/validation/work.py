"""How much work a function does: counted instead of timed, as a clock depends on the machine."""

import sys
import tracemalloc


def calls(function, *arguments):
    """Return how many calls, of Python functions and of C ones, ``function(*arguments)`` makes."""
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return count


def most_memory(function, *arguments):
    """Return how many bytes of Python objects ``function(*arguments)`` has at once, at most."""
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
