"""Changes that no test can notice, because nothing that matters differs."""

EQUIVALENT: dict[tuple[str, str], str] = {}
"""File and changed line -> why it is as good as the line it replaces."""
