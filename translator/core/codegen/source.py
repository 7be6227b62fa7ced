"""Generated source: compiles a function's text, with the objects that it uses, to the function."""

from collections.abc import Callable
from typing import Any


def literal(text: str) -> str:
    """Return a text as it stands inside an f-string between single quotes."""
    return repr(f'"{text}')[2:-1].replace("{", "{{").replace("}", "}}")


class Source:
    """The source of a function. `name` returns a name for an object inside it, and always the same name for the same object."""

    def __init__(self, head: str) -> None:
        self._lines = [head]
        self._names: dict[str, Any] = {}

    def name(self, value: Any) -> str:
        for known, there in self._names.items():
            if there is value:
                return known
        name = f"_{len(self._names)}"
        self._names[name] = value
        return name

    def add(self, depth: int, *lines: str) -> None:
        self._lines += ["    " * depth + line for line in lines]

    def function(self, title: str) -> Callable[..., Any]:
        """Return the function. `title` replaces the file name in tracebacks."""
        space = dict(self._names)
        exec(compile("\n".join(self._lines), f"<{title}>", "exec"), space)  # noqa: S102 - our own text, from a checked table
        made: Callable[..., Any] = next(
            value for key, value in space.items() if key not in self._names and key != "__builtins__"
        )
        return made
