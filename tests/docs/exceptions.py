"""What a page tells a reader to type and no test can, one by one; and what is run otherwise."""

NOT_RUN: dict[str, dict[str, str]] = {}
"""Page -> command, or first line of a block, that does not run here -> why."""

ON_A_TERMINAL: set[str] = set()
"""Commands that are typed on a pseudo-terminal; in a process of their own, as the tool is used."""

IN_A_PROCESS: set[str] = set()
"""Commands of make-updatable that run as a process, though nothing asks for a shell."""

ENDS_WITH: dict[str, int] = {}
"""Commands that do not end with 0, as the page says."""

BESIDES: dict[str, str] = {}
"""Commands -> what the tests add to them, so that they cost less."""
