"""Reads `Retry-After` of a response in both of its forms (RFC 9110, section 10.2.3)."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 86400.0
"""The longest wait, in seconds."""

_DIGITS: Final = 9
_DATE: Final = 40
"""A limit above the length of the longest date form, in characters."""


def retry_after(text: str, now: float) -> float:
    """Return the seconds to wait, from 0.0 to `LONGEST`.
    A past date, and a text that is neither a number of seconds nor an HTTP date, give 0.0."""
    if text.isascii() and text.isdigit():
        return min(float(text[: _DIGITS + 1]), LONGEST)
    if len(text) > _DATE:
        return 0.0
    try:
        date = parsedate_to_datetime(text)
        at = (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
    return max(0.0, min(at - now, LONGEST))
