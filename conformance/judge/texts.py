"""The texts that are sent, and the number of segments that a text can have."""

from collections.abc import Iterator
from typing import Any, Final

from conformance.judge.laws import Problem, plain

TEXT: Final = "Conformance test"
LONG: Final = "Conformance test of a text that takes more than one segment: " + "0123456789 " * 18 + "the end"
"""A text of more than 160 characters, so that it has more than one segment in every encoding."""

WORLD: Final = "Conformance \u00e9\u00df \u0416 \u4e2d \U0001f697 & = + % < > \"quoted\"  'end'"
"""Letters of several scripts, one outside the first plane, two spaces, and characters that forms and markup escape."""

BODIES: Final = {"": TEXT, "long": LONG, "world": WORLD}
"""The texts by the names that requirements use."""


def has_markup(text: Any) -> bool:
    """True if a text has a character that markup escapes."""
    return any(letter in str(text) for letter in "&<>")


def fitting(count: Any, text: str, name: str, least: int = 1) -> Iterator[Problem]:
    """Check the number of segments of a text. One segment holds at most 160 characters, and 70 UTF-16 units always fit into one."""
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    fewest, most = -(-len(text) // 160), max(-(-units // 60), 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < least:
        yield Problem(f"{name} is not a number of segments", f"{least} or more", plain(count))
    elif units <= 70 and count > 1:
        yield Problem(f"{name} is more than the text takes", "1", str(count))
    elif not fewest <= count <= most and (count or fewest > 1):
        yield Problem(f"{name} is not what the text takes", f"{fewest} to {most}", str(count))
