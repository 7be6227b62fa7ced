"""Patterns of a number's end, as the old server's filters and the console that was made for it take them.

`%` stands for any characters and `_` for one; what comes before the pattern does not count, nor does a plus. `6002188` and
`1512%` both find +15126002188.
"""

import re
from collections.abc import Callable
from typing import Any

from translator.core.errors import BadValue
from translator.core.values.codecs.numbers import LONGEST, write_bare


def read_pattern(value: Any) -> str:
    """A pattern as it was given, without the plus that numbers may begin with (or the space that an unescaped plus became)."""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise BadValue(f"has to be at most {LONGEST} printable characters")
    pattern = value[1:] if value[:1] in ("+", " ") else value
    if not pattern:
        raise BadValue("can not be empty")
    return pattern


def ending(pattern: str) -> Callable[[str], bool]:
    """Whether a neutral sender or recipient ends as the pattern says: a test for many of them, made once."""
    if (
        "_" not in pattern and "+" not in pattern
    ):  # then a plus in front is met by nothing but the `%` there, so it may stay
        whole = pattern.rstrip("%")
        if "%" not in pattern:
            return lambda neutral: neutral.endswith(pattern)
        if "%" not in whole.lstrip("%"):
            part = whole.lstrip("%")
            return (lambda neutral: part in neutral) if whole != pattern else (lambda neutral: neutral.endswith(part))
    matches = re.compile(_expression(pattern), re.DOTALL).match
    return lambda neutral: matches(write_bare(neutral)) is not None


def _expression(pattern: str) -> str:
    """The pattern as an expression. Each part between two `%` is taken where it first occurs, which is never worse than anywhere later,
    and not gone back on: so it takes at most as many steps as the two lengths multiplied, however many `%` there are."""
    *parts, last = ["".join("." if one == "_" else re.escape(one) for one in part) for part in pattern.split("%")]
    return "".join(f"(?>.*?{part})" for part in parts) + f".*{last}\\Z"
