"""Patterns of a number's end, as the old server's filters and the console that was made for it take them.

`%` stands for any characters and `_` for one; what comes before the pattern does not count, nor does a plus. `6002188` and
`1512%` both find +15126002188.
"""

from typing import Any

from translator.errors import BadValue
from translator.kinds.numbers import LONGEST, write_bare


def read_pattern(value: Any) -> str:
    """A pattern as it was given, without the plus that numbers may begin with (or the space that an unescaped plus became)."""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise BadValue(f"has to be at most {LONGEST} printable characters")
    pattern = value[1:] if value[:1] in ("+", " ") else value
    if not pattern:
        raise BadValue("can not be empty")
    return pattern


def ends_like(neutral: str, pattern: str) -> bool:
    """Whether a neutral sender or recipient ends as the pattern says."""
    return _matches(write_bare(neutral), "%" + pattern)


def _matches(text: str, pattern: str) -> bool:
    """Takes at most as many steps as the two lengths multiplied, however many `%` there are: no pattern makes it slow."""
    at = tried = 0
    star, resume = -1, 0
    while tried < len(text):
        if at < len(pattern) and pattern[at] == "%":
            star, resume = at, tried
            at += 1
        elif at < len(pattern) and pattern[at] in ("_", text[tried]):
            at, tried = at + 1, tried + 1
        elif star >= 0:
            resume += 1
            at, tried = star + 1, resume
        else:
            return False
    return all(character == "%" for character in pattern[at:])
