"""The rooms of `converter/` as CONTRIBUTING shows them: ``python -m tests.architecture``."""

import ast

from tests.test_architecture import FILES, FLOOR, FLOORS, PACKAGE, imported_rooms, room_of


def imports():
    """Return for each room the other rooms that it imports."""
    found = {room: set() for room in FLOOR}
    for path in FILES:
        room = room_of(path)
        if room in found:  # not the front door, `converter/__init__.py`
            found[room] |= set(imported_rooms(path)) - {room}
    return found


def reduced(graph):
    """Return the acyclic `graph` without the arrows that a longer way makes superfluous."""

    def reached(node):
        return graph[node].union(*map(reached, graph[node]))

    return {node: nexts - set().union(*map(reached, nexts)) for node, nexts in graph.items()}


def picture():
    """Return a Mermaid flowchart of who imports whom, the highest floor first."""
    graph = reduced(imports())
    lines = [
        f"    {room} --> {other}"
        for floor in reversed(FLOORS)
        for room in floor
        for other in sorted(graph[room])
    ]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```"])


def name_of(room):
    """Return how the folder or file of `room` is written."""
    return f"{room}/" if (PACKAGE / room).is_dir() else f"{room}.py"


def summary(room):
    """Return the first line of what `room` says about itself."""
    folder = PACKAGE / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    return ast.get_docstring(ast.parse(path.read_text())).partition("\n")[0].replace("``", "`")


def table():
    """Return a row for each room, the highest floor first."""
    rows = [
        f"| `{name_of(room)}` | {summary(room)} |" for floor in reversed(FLOORS) for room in floor
    ]
    return "\n".join(["| room | what it is |", "|---|---|", *rows])


if __name__ == "__main__":
    print(table(), picture(), sep="\n\n")
