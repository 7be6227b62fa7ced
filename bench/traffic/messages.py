"""The messages of the simulated provider: kept in the order of their creation, and shown as they stand at a moment.

rows of one direction ─▶ two binary searches by `Created` ─▶ the slice that is asked for
"""

from base64 import b32encode
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Final

import msgspec

from bench.traffic.lives import NEVER, Pace, moments

TRANSMIT, RECEIVE = "Transmit", "Receive"
PROCESSING, SUBMITTED, DELIVERED, RECEIVED = "Processing", "Submitted", "Delivered", "Received"

_TEXT: Final = msgspec.json.Encoder()


def sid_of(number: int) -> str:
    """The SID of a message: M and 31 letters of base32, different for each number and in no order."""
    return "M" + b32encode(blake2b(number.to_bytes(16, "big"), digest_size=20).digest())[:31].decode()


class Message:
    """One message. `created`, `submitted` and `delivered` are epoch seconds; `delivered` is infinite if it never is."""

    __slots__ = ("_last", "created", "delivered", "direction", "head", "number", "second", "sid", "submitted", "text")

    def __init__(
        self, number: int, created: float, sender: str, recipient: str, text: str, *,
        pace: Pace, direction: str = TRANSMIT, receipt: bool = True,
    ) -> None:  # fmt: skip
        self.number, self.created, self.second = number, created, int(created)
        self.sid, self.text, self.direction = sid_of(number), text, direction
        self.submitted, self.delivered = moments(number, created, pace)
        if direction == RECEIVE or not receipt:
            self.delivered = NEVER
        said = (sender, recipient, text)
        written = tuple(_TEXT.encode(word) for word in said)
        wanted = b"true" if receipt and direction == TRANSMIT else b"false"
        head = b'{"MessageSid":"%s","From":%s,"To":%s,"Text":%s,"DeliveryReceipt":%s,"NumSegments":%d'
        self.head = head % (self.sid.encode(), *written, wanted, direction == TRANSMIT)
        self._last: bytes | None = None

    def status(self, now: float) -> str:
        """The status at a moment."""
        if self.direction == RECEIVE:
            return RECEIVED
        return DELIVERED if now >= self.delivered else SUBMITTED if now >= self.submitted else PROCESSING

    def shown(self, now: float) -> bytes:
        """The message resource at a moment, as JSON. Events that have not happened yet are left out."""
        if self._last is not None:
            return self._last
        status, tail = self.status(now), b""
        if status in (SUBMITTED, DELIVERED):
            tail = b',"Submitted":%d' % int(self.submitted)
        if status == DELIVERED:
            tail += b',"Delivered":%d' % int(self.delivered)
        elif status == RECEIVED:
            tail = b',"Received":%d' % self.second
        body = b'%s,"Status":"%s","Direction":"%s","Scheduled":%d,"Created":%d%s}' % (
            self.head, status.encode(), self.direction.encode(), self.second, self.second, tail,
        )  # fmt: skip
        if status in (DELIVERED, RECEIVED):
            self._last = body  # nothing of it changes any more
        return body


class _Order:
    """Messages by `Created`; messages of one second stand by their arrival."""

    def __init__(self) -> None:
        self.seconds: list[int] = []
        self.rows: list[Message] = []

    def add(self, message: Message) -> None:
        at = len(self.seconds)
        if self.seconds and message.second < self.seconds[-1]:
            at = bisect_right(self.seconds, message.second)
        self.seconds.insert(at, message.second)
        self.rows.insert(at, message)

    def between(self, since: int, until: int) -> tuple[int, int]:
        return bisect_left(self.seconds, since), bisect_left(self.seconds, until)


class Messages:
    """All messages of one property."""

    def __init__(self) -> None:
        self._all = _Order()
        self._of = {TRANSMIT: _Order(), RECEIVE: _Order()}
        self._open = _Order()
        self._pruned = 0.0
        self.by_sid: dict[str, Message] = {}

    def __len__(self) -> int:
        return len(self._all.rows)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._all.rows)

    def add(self, message: Message) -> None:
        """Keep a message."""
        self._all.add(message)
        self._of[message.direction].add(message)
        if message.direction == TRANSMIT:
            self._open.add(message)
        self.by_sid[message.sid] = message

    def search(
        self, since: int, until: int, status: str, direction: str, skip: int, count: int, now: float
    ) -> Sequence[Message]:
        """The messages with `since` <= `Created` < `until`, ascending, without the first `skip`, `count` at most.

        An empty `status` or `direction` means any.
        """
        order = self._of[direction] if direction else self._all
        if status == RECEIVED:
            order = self._of[RECEIVE] if direction != TRANSMIT else _Order()
        elif status:
            if direction == RECEIVE:
                return []
            order = self._unfinished(now) if status in (PROCESSING, SUBMITTED) else self._of[TRANSMIT]
        first, last = order.between(since, until)
        if not status or status == RECEIVED:
            return order.rows[first + skip : min(last, first + skip + count)]
        fitting = (row for row in islice(order.rows, first, last) if row.status(now) == status)
        return list(islice(fitting, skip, skip + count))

    def count(self, since: int, until: int) -> int:
        """The number of messages with `since` <= `Created` < `until`."""
        first, last = self._all.between(since, until)
        return last - first

    def newest_of_a_second_first(
        self, since: int, until: int, skip: int, count: int, *, descending: bool
    ) -> Sequence[Message]:
        """The messages with `since` <= `Created` < `until` by date, without the first `skip`, `count` at most.

        Messages of one second are in the reverse order of their arrival, in either direction.
        """
        rows, seconds = self._all.rows, self._all.seconds
        first, last = self._all.between(since, until)
        if descending:
            return rows[max(first, last - skip - count) : max(first, last - skip)][::-1]
        begin, end = min(last, first + skip), min(last, first + skip + count)
        if begin == end:
            return []
        # Whole seconds are reversed, so the range is extended to the full seconds at its ends.
        low, high = max(first, bisect_left(seconds, seconds[begin])), min(last, bisect_right(seconds, seconds[end - 1]))
        newest_first = rows[low:high][::-1]
        turned = sorted(newest_first, key=lambda row: row.second)
        return turned[begin - low : end - low]

    def _unfinished(self, now: float) -> _Order:
        """The messages that were not delivered a second ago: far fewer than all."""
        if now - self._pruned >= 1.0:
            left = _Order()
            left.rows = [row for row in self._open.rows if row.delivered > now]
            left.seconds = [row.second for row in left.rows]
            self._open, self._pruned = left, now
        return self._open
