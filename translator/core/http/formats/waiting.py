"""Retry-After: for how long somebody wants to be left alone, as HTTP has it: in seconds, or as a date."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from math import ceil

_LONGEST = 64
"""Characters of a value that is looked at."""


def seconds_of(retry_after: str | None, now: float) -> int | None:
    """The whole seconds from `now` on; 0 for a date that has passed, None where it says nothing that is known."""
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
