"""Applies a query to rows that were read: filter, sort, cut, count."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.model import Fault, Message, Page, Query, Unread
from translator.core.values.codecs.numbers import spellings
from translator.core.values.codecs.patterns import ending

_CONSTRAINTS: Final = {
    "created": ("since", "until"), "sender": ("sender", "sender_like"), "recipient": ("recipient", "recipient_like"),
    "text": ("within",), "status": ("statuses",), "direction": ("directions",),
}  # fmt: skip
"""The constraints of a query, by the attribute that each applies to."""


def base_order(rows: Sequence[Message], *, descending: bool) -> list[Message]:
    """Sort a provider's rows by Created and then by the provider's own position. `descending` is the order of its lists."""
    return sorted(rows[::-1] if descending else rows, key=lambda message: message.created)


def filter_and_sort(rows: Sequence[Message], query: Query, key: Callable[[Message], Any]) -> list[Message]:
    """Return all messages of a list in its order, from rows in base order.

    Newest first is the exact reverse of the base order. Every other attribute breaks ties by that reverse, in both sort directions.
    """
    matches = list(filter(residual_filter(query), rows))
    attribute = query.order.attribute
    if attribute != "created":
        matches.reverse()
        matches.sort(key=key, reverse=query.order.descending)
    elif query.order.descending:
        matches.reverse()
    return matches


def arranged_around(rows: Sequence[Message], query: Query, key: Callable[[Message], Any]) -> list[Message]:
    """Do the same if some rows are Unread. An Unread row is included unless its known attributes exclude it. If the sort attribute is
    unknown, the row comes last."""
    keeps, by = residual_filter(query), query.order.attribute
    matches = [row for row in rows if (_may_match(row, query) if isinstance(row, Unread) else keeps(row))]
    last = [row for row in matches if isinstance(row, Unread) and by not in ("created", *row.known)]
    placed = [row for row in matches if not isinstance(row, Unread) or by in ("created", *row.known)]
    return filter_and_sort(placed, Query(order=query.order), key) + last


def _may_match(row: Unread, query: Query) -> bool:
    """True if no known attribute of a row excludes it from a list."""
    unknown = [name for attribute, names in _CONSTRAINTS.items() if attribute not in row.known for name in names]
    return residual_filter(msgspec.structs.replace(query, **dict.fromkeys(unknown)))(row)


def residual_filter(query: Query) -> Callable[[Message], bool]:
    """Return a test that is true if a message passes every filter of a query."""
    tests: list[Callable[[Message], bool]] = []
    if (since := query.since) is not None:
        tests.append(lambda message: message.created >= since)
    if (until := query.until) is not None:
        tests.append(lambda message: message.created < until)
    if (sender := query.sender) is not None:
        senders = spellings(sender)
        tests.append(lambda message: message.sender in senders)
    if (recipient := query.recipient) is not None:
        recipients = spellings(recipient)
        tests.append(lambda message: message.recipient in recipients)
    if (sender_like := query.sender_like) is not None:
        sent = ending(sender_like)
        tests.append(lambda message: sent(message.sender))
    if (recipient_like := query.recipient_like) is not None:
        received = ending(recipient_like)
        tests.append(lambda message: received(message.recipient))
    if (within := query.within) is not None:
        tests.append(lambda message: within in message.text)
    if (statuses := query.statuses) is not None:
        tests.append(lambda message: message.status in statuses)
    if (directions := query.directions) is not None:
        tests.append(lambda message: message.direction in directions)
    return tests[0] if len(tests) == 1 else lambda message: all(test(message) for test in tests)


class PageWindow:
    """The page window of a query over `matches` rows. `before` is the 1-based position of the anchor, or None if the query names none.

    The list keeps the first `limit` messages. A page after an anchor starts behind it, whatever its page number. The number only tells how
    much of the limit was shown before. It counts if it is less than `before`, because messages may have come in front meanwhile.
    """

    def __init__(self, query: Query, matches: int, before: int | None = None) -> None:
        self.total = matches if query.limit is None else min(matches, query.limit)
        self._cut = self.total < matches
        self.start = query.skip if before is None else before
        room = self.total - query.skip
        if before is not None:
            room = matches - before
            if query.limit is not None:
                room = min(room, query.limit - min(query.skip, before))
        self.shown = max(0, min(query.count, room))
        self._more = None if before is None else room > self.shown
        self._query = query

    def page(self, messages: Sequence[Message], *, in_pages: bool, capped: bool = False) -> Page:
        """Return the page. Raises FaultRaised for a number past the last, if pages are numbered and this page is found by its number."""
        query = self._query
        if in_pages and self._more is None and query.skip > self.total:
            page, last = query.skip // query.count, self.total // query.count
            raise FaultRaised(Fault("page-out-of-range", reason=f"{page} is past the last page, which is {last}"))
        return Page(
            messages=messages, skip=query.skip, count=query.count, total=self.total, limit=query.limit, capped=capped,
            more=self._more, cut=self._cut,
        )  # fmt: skip


def cut(messages: Sequence[Message], query: Query, *, in_pages: bool, capped: bool = False) -> Page:
    """Return the page of a list whose messages are in its order. Raises FaultRaised if pages are numbered and this is past the last."""
    before = None
    if query.after is not None:
        before = next((at + 1 for at, message in enumerate(messages) if message.sid == query.after), None)
    stretch = PageWindow(query, len(messages), before)
    return stretch.page(messages[stretch.start : stretch.start + stretch.shown], in_pages=in_pages, capped=capped)


def readable(rows: Sequence[Message]) -> list[Message]:
    """Return the rows that are not Unread."""
    return [row for row in rows if not isinstance(row, Unread)]


def left_out(page: Page, *, fail: bool) -> Page:
    """Return the page without the rows that are Unread. With `fail`, such a page raises MalformedProviderResponse."""
    shown = readable(page.messages)
    missing = len(page.messages) - len(shown) + page.left_out
    if missing and fail:
        raise MalformedProviderResponse("a list has a row that cannot be read: [lists] unreadable")
    final = page.messages[-1] if page.messages else None
    last = final.sid if isinstance(final, Unread) and "sid" in final.known else ""
    return msgspec.structs.replace(page, messages=shown, left_out=missing, last=last) if missing else page
