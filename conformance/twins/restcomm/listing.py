"""Lists of messages: reads the query, and selects, sorts and pages the messages."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from math import floor
from typing import Any, Final

from conformance.twins.restcomm.life import Sms
from conformance.twins.restcomm.reading import as_written
from conformance.twins.restcomm.refusal import Refusal

PAGE_SIZE_DEFAULT: Final = 50
LIMIT_DEFAULT: Final = 10_000

BESIDE: Final = ("From", "To", "StartTime", "EndTime", "Body", "Status", "SortBy")
"""The parameters that change the list, in the order in which the links of a page repeat them."""

SORT_FIELDS: Final = ("DateCreated", "From", "To", "Direction", "Status")
"""The attributes of the table under "Sorting Information"."""

_DAY: Final = timedelta(days=1).total_seconds()
_DATE: Final = len("2018-10-05")
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_PHONE_NUMBER: Final = re.compile(r"\+?([0-9]{7,15})")
_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of a list request. `start` and `end` are epoch seconds, inclusive; None is no constraint."""

    page: int = 0
    page_size: int = PAGE_SIZE_DEFAULT
    limit: int = LIMIT_DEFAULT
    after_sid: str | None = None
    sender: str | None = None
    recipient: str | None = None
    body: str | None = None
    status: str | None = None
    start: float | None = None
    end: float | None = None
    sort_field: str = "DateCreated"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    `start`: the position of the page in the whole list.
    `beside`: the filters and the sort of the list. "The URI for the next page of this list" has to repeat them.
    """

    number: int
    size: int
    limit: int
    total: int
    start: int
    messages: tuple[Sms, ...]
    beside: tuple[tuple[str, str], ...] = ()

    @property
    def num_pages(self) -> int:
        """The index of the last page, as in the document's example: total 34, page_size 10, num_pages 3."""
        return self.total // self.size

    @property
    def end(self) -> int:
        """Source: "The position in the overall list of the last item in this page." If the page is empty, the start."""
        return self.start + max(len(self.messages) - 1, 0)


def read_list_query(
    query: Mapping[str, str], page_size_max: int | None = None, days_of: timezone | None = None
) -> ListQuery:
    """Return the query of a list, read in full or refused with 400. Unknown parameters are ignored.

    An empty From, To, Body, Status or AfterSid is no constraint. An empty count or date is unreadable.
    With `days_of` both dates are whole days of that zone, as the open server reads them. The time of day does not count.
    In this case the end includes the midnight after its day.
    """
    start, end = _instant(query, "StartTime", days_of), _instant(query, "EndTime", days_of)
    if end is not None and days_of is not None:
        end += _DAY
    page_size = _count(query, "PageSize", PAGE_SIZE_DEFAULT, least=1)
    field, descending = _sort(query.get("SortBy", ""))
    return ListQuery(
        page=_count(query, "Page", 0, least=0),
        page_size=page_size if page_size_max is None else min(page_size, page_size_max),
        limit=_count(query, "Limit", LIMIT_DEFAULT, least=1),
        after_sid=query.get("AfterSid") or None,
        sender=query.get("From") or None,
        recipient=query.get("To") or None,
        body=query.get("Body") or None,
        status=query.get("Status") or None,
        start=start,
        end=end,
        sort_field=field,
        descending=descending,
    )


def _count(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    given = query.get(name)
    if given is None:
        return default
    if not _WHOLE_NUMBER.fullmatch(given) or int(given) < least:
        raise Refusal(400, f"{name} must be a whole number of at least {least}.")
    return int(given)


def _instant(query: Mapping[str, str], name: str, days_of: timezone | None) -> float | None:
    """Return a date or date/time as epoch seconds. A fraction, a Z and an offset are read too, because they are ISO 8601.

    With `days_of` the result is the midnight at which the date begins in that zone.
    Source: "When only a date is provided the time is assumed to be at midnight of the given date. Note that
    the given date/time is inclusive and is assumed to be in UTC timezone."
    """
    given = query.get(name)
    if given is None:
        return None
    try:
        if not _DATE_TIME.fullmatch(given):
            raise ValueError
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise Refusal(400, f"{name} is not a date or date/time such as 2018-10-05T22:45:32.") from None
    if days_of is not None:
        return datetime.fromisoformat(given[:_DATE]).replace(tzinfo=days_of).timestamp()
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _sort(given: str) -> tuple[str, bool]:
    """Return field and direction of SortBy=<sorting attribute>:<direction>. The direction is ascending if none is given.

    An unknown attribute keeps the default order, newest first. A missing attribute is refused, and so is a direction other
    than asc and desc.
    """
    if not given:
        return "DateCreated", True
    field, colon, direction = given.partition(":")
    if not field:
        raise Refusal(400, "Error parsing the SortBy parameter: missing field to sort by")
    if colon and direction.lower() not in ("asc", "desc"):
        raise Refusal(400, "Error parsing the SortBy parameter: sort direction needs to be either ASC or DESC")
    if field not in SORT_FIELDS:
        return "DateCreated", True
    return field, direction.lower() == "desc"


def select(messages: Iterable[Sms], query: ListQuery, now: float, direction_word: Callable[[Sms], str]) -> Page:
    """Return the page of `messages` (in order of arrival) that the query asks for, statuses as of `now`.

    The messages are filtered, sorted, cut to the first Limit and paged. Dates compare by the second that date_created shows.
    Equal messages are newest first in either direction. If the list has the message AfterSid, the page starts after it.
    A page beyond the last is refused with 400.
    """
    newest_first = [sms for sms in messages if _matches(sms, query, now)]
    newest_first.reverse()
    newest_first.sort(key=lambda sms: sms.created, reverse=True)
    keys: dict[str, Callable[[Sms], Any]] = {
        "DateCreated": lambda sms: floor(sms.created),
        "From": lambda sms: sms.sender,
        "To": lambda sms: sms.recipient,
        "Direction": direction_word,
        "Status": lambda sms: sms.at(now).status,
    }
    key = keys[query.sort_field]
    ordered = sorted(newest_first, key=key, reverse=query.descending)[: query.limit]
    if query.page > len(ordered) // query.page_size:
        raise Refusal(400, f"Page {query.page} is beyond the last page, {len(ordered) // query.page_size}.")
    start = query.page * query.page_size
    for position, sms in enumerate(ordered if query.after_sid else ()):
        if sms.sid == query.after_sid:
            start = position + 1
    shown = tuple(ordered[start : start + query.page_size])
    return Page(query.page, query.page_size, query.limit, len(ordered), start, shown)


def _matches(sms: Sms, query: ListQuery, now: float) -> bool:
    created = floor(sms.created)
    return (
        (query.start is None or created >= query.start)
        and (query.end is None or created <= query.end)
        and (query.sender is None or _number(sms.sender) == _number(query.sender))
        and (query.recipient is None or _number(sms.recipient) == _number(query.recipient))
        and (query.body is None or query.body in sms.body)
        and (query.status is None or query.status == sms.at(now).status)
    )


def _number(given: str) -> str:
    """Return the digits of a phone number, which are the same in each spelling. A short code or a name stays as it is."""
    number = _PHONE_NUMBER.fullmatch(as_written(given))
    return number[1] if number else given
