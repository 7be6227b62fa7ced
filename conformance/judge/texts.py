"""The texts that are sent, and how many segments a text can take."""

from collections.abc import Iterator
from typing import Any, Final

from conformance.judge.laws import Problem, plain

TEXT: Final = "Conformance test"
LONG: Final = "Conformance test of a text that takes more than one segment: " + "0123456789 " * 18 + "the end"
"""More than 160 characters, so that no encoding puts it into one segment."""

WORLD: Final = "Conformance \u00e9\u00df \u0416 \u4e2d \U0001f697 & = + % < > \"quoted\"  'end'"
"""Letters of several scripts, one outside of the first plane, two spaces, and what forms and markup write otherwise."""

BODIES: Final = {"": TEXT, "long": LONG, "world": WORLD}
"""By the name that requirements use."""


def has_markup(text: Any) -> bool:
    """Whether a text has a character that markup writes otherwise."""
    return any(letter in str(text) for letter in "&<>")


def fitting(count: Any, text: str, name: str, least: int = 1) -> Iterator[Problem]:
    """Whether a message of that text can have so many segments: one holds 160 characters at most, and 70 always fit."""
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    fewest, most = -(-len(text) // 160), max(-(-units // 60), 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < least:
        yield Problem(f"{name} is not a number of segments", f"{least} or more", plain(count))
    elif units <= 70 and count > 1:
        yield Problem(f"{name} is more than the text takes", "1", str(count))
    elif not fewest <= count <= most and (count or fewest > 1):
        yield Problem(f"{name} is not what the text takes", f"{fewest} to {most}", str(count))
