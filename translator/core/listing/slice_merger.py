"""Rows read one slice after another, so that none is missing and none is there twice, whatever comes or goes meanwhile."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from translator.core.errors import MalformedProviderResponse
from translator.core.model import Message

SETTING: Final = "does the back read search_params, and bounds as its profile says?"
"""What is probably wrong with a back that answers otherwise than asked."""

_MOST_REPEATS: Final = 8
"""How many slices one after another may be full and hold nothing new, where messages that come move others along."""

_MOST_STARTS: Final = 3
"""How often a list is read from its start again because rows that were read have gone out of sight."""

_YOUNG: Final = 300.0
"""Seconds after its second in which a message of it may still come to be seen: clocks differ, and backs queue."""


class Span(NamedTuple):
    """Rows that are asked for at once: from which index, and how many."""

    start: int
    size: int


class SliceMerger:
    """Rows being read one slice after another. Each slice begins with the last row of the one before it: where it does not, rows
    came or went meanwhile, and an earlier slice is asked for until one joins. `at` is the index behind what was read; `moves` says
    that an index may mean another row when a message comes.
    """

    def __init__(self, start: int, stop: int | None, *, moves: bool) -> None:
        self._start, self._stop = start, stop
        self._most_repeats = self._repeats_left = _MOST_REPEATS if moves else 0
        self._starts_left = _MOST_STARTS
        self.overlap = 0
        """How many rows of the slice before it each slice begins with: one, unless slices are of one row or are pages."""
        self._rows: list[Message] = []
        self._only: Sequence[Message] | None = None
        """The rows as they were read, where they are those of one slice."""
        self._sids: set[str] = set()
        self._looked = 0
        self._back = 1
        self.at = start

    @property
    def next(self) -> int:
        """The index from which on is asked."""
        return max(self._start, self.at - self._back) if self._rows and self.overlap else self.at

    @property
    def need(self) -> int | None:
        """How many rows have to be asked for; None: all there are."""
        return None if self._stop is None else self._stop - self._start - len(self._rows) + self.at - self.next

    @property
    def lacks(self) -> bool:
        """Whether rows are missing, as far as is known."""
        return self._stop is None or len(self._rows) < self._stop - self._start

    def joins(self, rows: Sequence[Message]) -> bool:
        """Whether a slice goes on where the rows before it ended."""
        return not self._rows or not self.overlap or (bool(rows) and rows[0].sid in self._seen())

    def may_miss_before(self, rows: Sequence[Message], now: float) -> bool:
        """Whether a row may be missing between what was taken and a page that was asked for at the same time, and answered sooner perhaps.

        Pages share no row, and a server may put a message in front of those of the same second. That second is the newest one of the
        list: so only a page whose rows, and the one before them, are all of one second, and that is not long ago, may have moved.
        """
        last = self._rows[-1].created if self._rows else 0
        return now - last < _YOUNG and (not rows or last == rows[0].created == rows[-1].created)

    def step_back(self) -> None:
        """Ask from an earlier index, twice as far back each time, and in the end from the first one anew. Raises Unreadable where
        that has been done too often. What is read again that way may hold nothing new."""
        self._repeats_left = max(self._repeats_left, 1)
        if self.next > self._start:
            self._back *= 2
            return
        self._starts_left -= 1
        if self._starts_left < 0:
            raise MalformedProviderResponse("rows of a list come or go faster than it is read")
        self._rows, self._only, self._sids, self._looked, self.at, self._back = [], None, set(), 0, self._start, 1

    def takes(self, span: Span, rows: Sequence[Message]) -> bool:
        """Take what is new of a slice that joins. Whether the slice was full. Raises Unreadable where it repeats an earlier one."""
        full = len(rows) == span.size
        got = rows[self.at - span.start :] if not self.overlap and span.start < self.at else rows
        fresh = got
        if self._rows:
            seen = self._seen()
            fresh = [message for message in got if message.sid not in seen]
        self._repeats_left = self._most_repeats if fresh else self._repeats_left - full
        if self._repeats_left < 0:
            raise MalformedProviderResponse(f"a slice repeats an earlier one: {SETTING}")
        self._only = rows if fresh is rows and not self._rows else None
        self._rows += fresh
        self.at, self._back = span.start + len(rows), 1
        return full

    def _seen(self) -> set[str]:
        """The SIDs of the rows that were taken. They are looked at when one more slice came, which most lists do not take."""
        self._sids.update([message.sid for message in self._rows[self._looked :]])
        self._looked = len(self._rows)
        return self._sids

    def taken(self) -> Sequence[Message]:
        """What was read, and no more than was wanted."""
        rows = self._rows if self._only is None else self._only
        return rows if self._stop is None or len(rows) <= self._stop - self._start else rows[: self._stop - self._start]
