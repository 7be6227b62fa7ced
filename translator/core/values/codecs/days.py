"""Instants of which a server reads the day alone. What is written has its time of day all the same: the first second of the day, or the
last one, so that a server which does read the time leaves out nothing that was meant."""

from typing import Any, Final

from translator.core.values.codecs.instants import read_bound, write_iso8601

DAY: Final = 86400
"""Seconds, and the step from one instant that these forms can say to the next."""


def read_day(value: Any) -> float:
    """The midnight with which the day of a date or a date and time begins, whatever the time."""
    return read_bound(value) // DAY * DAY


def write_next_day(instant: float) -> str:
    """The last second of the day that ends with this midnight."""
    return write_iso8601(instant - 1)
