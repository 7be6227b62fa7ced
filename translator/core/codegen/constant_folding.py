"""What is the same for all messages of a list, put together once: runs of a generated text that no message changes."""

import re
from collections.abc import Collection, Sequence
from typing import Final

_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
"""A doubled brace, which is text, or a hole and what fills it."""


def fold_constants(inside: str, same: Collection[str]) -> tuple[str, dict[str, str]]:
    """The inside of an f-string, with each run of text and of holes that the names in `same` fill as one hole; and by the name that
    fills that, the inside of what it stands for. Each part of an f-string takes 8 ns, and more than 30 of them three times as much."""
    runs: dict[str, str] = {}
    text, run, at = "", "", 0

    def ended() -> str:
        if not any(f"{{{name}}}" in run for name in same) or run.strip("{}") in same:
            return run
        name = f"k{len(runs)}"
        runs[name] = run
        return f"{{{name}}}"

    for part in _PART.finditer(inside):
        run += inside[at : part.start()]
        at = part.end()
        if part[1] is None or part[1] in same:
            run += part[0]
        else:
            text, run = text + ended() + part[0], ""
    run += inside[at:]
    return text + ended(), runs


def grouped(elements: Sequence[str], pieces: Sequence[str]) -> list[tuple[str, str]]:
    """The pieces of elements such as `Parent/Child`, those that stand together under one parent as one, with that parent's name."""
    groups: list[tuple[str, str]] = []
    for element, piece in zip(elements, pieces, strict=True):
        parent = element.rpartition("/")[0]
        if parent and groups and groups[-1][0] == parent:
            groups[-1] = (parent, groups[-1][1] + piece)
        else:
            groups.append((parent, piece))
    return groups
