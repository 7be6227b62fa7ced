"""Instants. The neutral form is whole seconds since the epoch, UTC, from 1970 to the year 9999."""

import math
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, Final

import msgspec

from translator.core.errors import BadValue
from translator.core.values.codecs.codec import TimeLookup

LAST: Final = 253_402_300_799
"""9999-12-31T23:59:59Z, the last instant that every form can write."""

EPOCH: Final = Annotated[int, msgspec.Meta(ge=0, le=LAST)]
"""Whole seconds in JSON, within the range that every form can write."""

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK: Final = tuple(f"{minute:02}:{second:02}" for minute in range(60) for second in range(60))
_LONGEST_DATE: Final = 64
_MOST: Final = 4096
_DAY: Final = 86400

_RFC2822: Final = re.compile(
    r"(?:[A-Za-z]{3}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:([+-])(\d\d)(\d\d)|GMT|UTC|Z)",
    re.ASCII,
)
_ISO8601: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d))?)?", re.ASCII
)
_ISO8601_REASON: Final = "has to be a date like 2018-10-05 or a date and time like 2018-10-05T22:45:32"
_NO_INSTANT: Final = "has to be a day of the calendar and a time of day from 00:00:00 to 24:00:00, without leap seconds"
_ZONES: Final = 24
"""Hours that no zone is away from UTC."""

_ISO8601_DAY: Final = re.compile(r"(\d{4})-?(\d{3})(?![\d-])", re.ASCII)
"""A year and a day in it, such as 2018-278."""

_ISO8601_MONTH: Final = re.compile(r"(\d{4})(?:-(\d\d))?", re.ASCII)
"""A year, or a month. As a date it is its first day."""

_MIDNIGHT: Final = re.compile(r"T24(:?00)?(:?00)?(?=$|[Z+-])")
"""The end of a day, which is the midnight at which the next one begins."""


class _Written(dict[int, str]):
    """A cache of written numbers. It holds many, because lists are not always sorted."""

    def __init__(self, write: Callable[[int], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, number: int) -> str:
        if len(self) >= _MOST:
            self.clear()
        self[number] = text = self._write(number)
        return text


def _hours(date: Callable[[time.struct_time], str]) -> _Written:
    """Return the text of an instant up to its hour, by the instant at which the hour begins. With a look-up for the second, an instant
    takes 105 ns. By day, minute and second it takes 170."""
    days = _Written(lambda day: date(time.gmtime(day * _DAY)))
    return _Written(lambda start: f"{days[start // _DAY]}{start % _DAY // 3600:02}:")


_rfc2822_hours = _hours(lambda at: f"{_DAYS[at.tm_wday]}, {at.tm_mday} {_MONTHS[at.tm_mon - 1]} {at.tm_year:04} ")
_iso8601_hours = _hours(lambda at: f"{at.tm_year:04}-{at.tm_mon:02}-{at.tm_mday:02}T")

RFC2822_UNPADDED: Final = TimeLookup(_rfc2822_hours, tuple(f"{clock} +0000" for clock in _CLOCK))
"""`Thu, 4 Jul 2019 07:02:28 +0000`: English names, and the day without a leading zero. It is 15 times as fast as `format_datetime`."""

ISO8601_MILLIS: Final = TimeLookup(_iso8601_hours, tuple(f"{clock}.000Z" for clock in _CLOCK))
"""`2019-07-04T07:02:28.000Z`."""


def read_epoch(value: Any) -> int:
    """Read whole seconds, as a JSON number or as digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LAST:
        raise BadValue("has to be whole seconds since the epoch")
    return value


def read_rfc2822(value: Any) -> int:
    """Read an RFC 2822 date in any zone, its day padded or not."""
    found = _RFC2822.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in _MONTHS:
        raise BadValue("has to be an RFC 2822 date")
    year, month, day = int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1])
    clock = (int(found[4]), int(found[5]), int(found[6]))
    return int(_seconds(year, month, day, clock, found[7], found[8], found[9], "has to be an RFC 2822 date"))


def mend(value: Any) -> int | None:
    """Return an instant that is written in another known form, in whole seconds, or None."""
    for read in (read_epoch, read_rfc2822, read_iso8601_whole):
        try:
            return read(int(value) if isinstance(value, float) and math.isfinite(value) else value)
        except BadValue:
            continue
    return None


def mend_by(clock: TimeLookup) -> Callable[[Any], str | None]:
    """Return a function that does the same and writes the result with a clock."""

    def mended(value: Any) -> str | None:
        instant = mend(value)
        return None if instant is None else clock.write(instant)

    return mended


def write_iso8601(instant: float) -> str:
    """Write `2018-10-05T22:45:32`, UTC without a zone, as filters require it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(instant))


def read_iso8601(value: Any) -> float:
    """Read a date (its midnight) or a date and time, UTC unless it names a zone. Fractions of a second are kept."""
    found = _ISO8601.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise BadValue(_ISO8601_REASON)
    clock = (int(found[4] or 0), int(found[5] or 0), int(found[6] or 0))
    whole = _seconds(int(found[1]), int(found[2]), int(found[3]), clock, found[8], found[9], found[10], _ISO8601_REASON)
    # A float of a present instant cannot hold nine digits: `.999999999` must not round up to the next second.
    return min(whole + float(f"0.{found[7]}"), math.nextafter(whole + 1, whole)) if found[7] else whole


def read_bound(value: Any) -> float:
    """Read any date or date and time of ISO 8601. An instant before the epoch becomes the epoch, because no message is older."""
    if not isinstance(value, str) or len(value) > _LONGEST_DATE:
        raise BadValue(_ISO8601_REASON)
    try:
        return read_iso8601(value)
    except BadValue:
        return min(max(_any_iso8601(value.upper()), 0.0), LAST)


def _any_iso8601(value: str) -> float:
    """Read the other forms: without hyphens and colons, by week or by day of the year, with a comma, and midnight as 24:00."""
    if value[:4] == "0000":
        value = f"0004{value[4:]}"  # year 4 is a leap year too, and is also before the epoch
    if (month := _ISO8601_MONTH.fullmatch(value)) is not None:
        value = f"{month[1]}-{month[2] or '01'}-01"
    try:
        if (day := _ISO8601_DAY.match(value)) is not None:
            value = f"{_day_of_year(int(day[1]), int(day[2]))}{value[day.end() :]}"
        plain = _MIDNIGHT.sub("T00:00", value)
        moment = datetime.fromisoformat(plain.replace(",", "."))
    except (ValueError, OverflowError):
        raise BadValue(_why_no_instant(value)) from None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds if plain == value else seconds + _DAY


def _why_no_instant(value: str) -> str:
    """Return the reason why a date is refused: it is written wrongly, or there is no such day or time."""
    found = _ISO8601.fullmatch(value)
    is_written_well = found is not None and int(found[9] or 0) < _ZONES and int(found[10] or 0) < 60
    return _NO_INSTANT if is_written_well else _ISO8601_REASON


def _day_of_year(year: int, day: int) -> str:
    """Return `2018-10-05` for the 278th day of 2018. Raises ValueError if that year has no such day."""
    date = datetime(year, 1, 1, tzinfo=UTC) + timedelta(day - 1)
    if date.year != year:
        raise ValueError(day)
    return f"{date.year:04}-{date.month:02}-{date.day:02}"


def read_iso8601_next_day(value: Any) -> float:
    """Return the midnight after the day of a date or a date and time. The old server reads the end of a range so."""
    return min(read_bound(value) // _DAY * _DAY + _DAY, LAST)


def read_iso8601_whole(value: Any) -> int:
    """Read as `read_iso8601` does, without the fraction of a second."""
    return int(read_iso8601(value))


def _seconds(
    year: int, month: int, day: int, clock: tuple[int, int, int], sign: str, hours: str, minutes: str, reason: str
) -> float:
    """Return the seconds since the epoch of a date and time in a zone. Raises BadValue for a date that does not exist."""
    try:
        offset = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
        zone = timezone(-offset if sign == "-" else offset) if sign else UTC
        seconds = datetime(year, month, day, *clock, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        raise BadValue(reason) from None
    if not 0 <= seconds <= LAST:
        raise BadValue(reason)
    return seconds
