"""What a kind is made of."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple


class Inline(NamedTuple):
    """A write as an expression of generated code, since a call costs more than most writes do: `{x}` is the neutral value, and every
    other name in braces one of `names`. `same` is the expression for a value that matches the kind's own `same`."""

    expression: str
    names: dict[str, Any]
    same: str = ""


def all_match(lines: re.Pattern[str]) -> Callable[[list[str]], bool]:
    """Says of many values whether each of them matches: one match for a whole list takes a tenth of one for each."""

    def alike(values: list[str]) -> bool:
        joined = "\n".join([*values, ""])
        return joined.count("\n") == len(values) and lines.fullmatch(joined) is not None

    return alike


class Kind(NamedTuple):
    """One form of a value: `read` makes it neutral and raises `BadValue`, `write` puts the neutral value into the form.

    `wire` is the type that JSON shows it as, limits included; `decoded` says that what a decoder of that type lets through is
    neutral already; `means` says the form in words; `repair` gives the value that a known mistake of a caller meant, or None
    where it made no such mistake; `same` matches lines, each of them a value that is neutral as it is written; `inline` is `write` again.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    wire: Any
    means: str
    repair: Callable[[str], str | None] | None = None
    decoded: bool = False
    same: re.Pattern[str] | None = None
    inline: Inline | None = None
