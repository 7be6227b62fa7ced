"""Retry-After: the time until a client may try again, in seconds or as a date (RFC 9110, 10.2.3)."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from math import ceil

_LONGEST = 64
"""The maximum length of a value, in characters."""


def seconds_of(retry_after: str | None, now: float) -> int | None:
    """Return the whole seconds from `now` on: 0 for a past date, None for an unknown value."""
    value = (retry_after or "").strip()
    if not value or len(value) > _LONGEST or not value.isascii():
        return None
    if value.isdigit():
        return int(value[:10])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, ceil(moment.timestamp() - now))
