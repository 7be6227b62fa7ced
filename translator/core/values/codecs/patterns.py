"""Patterns of a number's end, in the syntax of the old server's filters and of the console made for it.

`%` stands for any characters and `_` for one. Any text may precede the pattern, and a plus is ignored. `6002188` and `1512%` both find
+15126002188.
"""

import re
from collections.abc import Callable
from typing import Any

from translator.core.errors import BadValue
from translator.core.values.codecs.numbers import LONGEST, write_bare


def read_pattern(value: Any) -> str:
    """Return a pattern without its leading plus, or without the space that an unescaped plus became."""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise BadValue(f"has to be at most {LONGEST} printable characters")
    pattern = value[1:] if value[:1] in ("+", " ") else value
    if not pattern:
        raise BadValue("can not be empty")
    return pattern


def ending(pattern: str) -> Callable[[str], bool]:
    """Return a test that is true if the end of a neutral sender or recipient matches the pattern. It is compiled once for many values."""
    if "_" not in pattern and "+" not in pattern:  # then only a `%` can match the plus in front, so it may stay
        whole = pattern.rstrip("%")
        if "%" not in pattern:
            return lambda neutral: neutral.endswith(pattern)
        if "%" not in whole.lstrip("%"):
            part = whole.lstrip("%")
            return (lambda neutral: part in neutral) if whole != pattern else (lambda neutral: neutral.endswith(part))
    matches = re.compile(_expression(pattern), re.DOTALL).match
    return lambda neutral: matches(write_bare(neutral)) is not None


def _expression(pattern: str) -> str:
    """Return the pattern as a regular expression. Each part between two `%` matches at its first occurrence, which is never worse than
    a later one, and without backtracking. So it takes at most as many steps as the product of the two lengths, for any number of `%`."""
    *parts, last = ["".join("." if one == "_" else re.escape(one) for one in part) for part in pattern.split("%")]
    return "".join(f"(?>.*?{part})" for part in parts) + f".*{last}\\Z"
