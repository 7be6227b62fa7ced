"""What a kind is made of."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """One form of a value: `read` makes it neutral and raises `BadValue`, `write` puts the neutral value into the form.

    `wire` is the type that JSON shows it as, limits included; `decoded` says that what a decoder of that type lets through is
    neutral already; `means` says the form in words; `repair` gives the value that a known mistake of a caller meant, or None
    where it made no such mistake.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    wire: Any
    means: str
    repair: Callable[[str], str | None] | None = None
    decoded: bool = False
