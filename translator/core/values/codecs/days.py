"""Instants of which a server reads only the day. The written form still has a time: the first or the last second of the day. So a
server that does read the time leaves out nothing that the request includes."""

from typing import Any, Final

from translator.core.values.codecs.instants import read_bound, write_iso8601

DAY: Final = 86400
"""Seconds in a day, which is the step between two instants that these forms can express."""


def read_day(value: Any) -> float:
    """Return the midnight at which the day of a date or a date and time begins."""
    return read_bound(value) // DAY * DAY


def write_next_day(instant: float) -> str:
    """Write the last second of the day that ends with this midnight."""
    return write_iso8601(instant - 1)
