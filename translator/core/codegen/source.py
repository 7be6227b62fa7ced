"""Generated source: a function's text and the names that it uses, made into the function."""

from collections.abc import Callable
from typing import Any


def literal(text: str) -> str:
    """A text as it stands inside an f-string between single quotes."""
    return repr(f'"{text}')[2:-1].replace("{", "{{").replace("}", "}}")


class Source:
    """A function being written. `name` gives an object a name inside it, and the same object no other."""

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
        """The function; `title` stands in tracebacks in place of a file."""
        space = dict(self._names)
        exec(compile("\n".join(self._lines), f"<{title}>", "exec"), space)  # noqa: S102 - our own text, from a checked table
        made: Callable[..., Any] = next(
            value for key, value in space.items() if key not in self._names and key != "__builtins__"
        )
        return made
