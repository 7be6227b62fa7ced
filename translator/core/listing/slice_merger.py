"""Joins rows that were read slice after slice, so that none is missing and none is there twice, even if rows come and go meanwhile."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from translator.core.errors import MalformedProviderResponse
from translator.core.model import Message

SETTING: Final = "does the back read search_params, and bounds as its profile says?"
"""The probable cause if a provider's rows do not match the request."""

_MOST_REPEATS: Final = 8
"""The number of consecutive slices that may be full and hold nothing new, if new messages shift the others."""

_MOST_STARTS: Final = 3
"""The number of times that a list is read again from its start because rows that were read have vanished."""

_YOUNG: Final = 300.0
"""Seconds after its second in which a message may still appear, because clocks differ and providers queue."""


class Span(NamedTuple):
    """The rows of one request: the first index, and their number."""

    start: int
    size: int


class SliceMerger:
    """The rows of a reading in progress. Each slice begins with the last row of the slice before it. If it does not, rows came or went
    meanwhile, and an earlier slice is requested until one joins. `at` is the index after the rows that were read. `moves` says that an
    index may mean another row when a message comes."""

    def __init__(self, start: int, stop: int | None, *, moves: bool) -> None:
        self._start, self._stop = start, stop
        self._most_repeats = self._repeats_left = _MOST_REPEATS if moves else 0
        self._starts_left = _MOST_STARTS
        self.overlap = 0
        """The number of rows that consecutive slices share: 1, or 0 if slices have one row or are numbered pages."""
        self._rows: list[Message] = []
        self._only: Sequence[Message] | None = None
        """The rows as they were read, if all are from one slice."""
        self._sids: set[str] = set()
        self._looked = 0
        self._back = 1
        self.at = start

    @property
    def next(self) -> int:
        """The index of the next request."""
        return max(self._start, self.at - self._back) if self._rows and self.overlap else self.at

    @property
    def need(self) -> int | None:
        """The number of rows to request, or None for all."""
        return None if self._stop is None else self._stop - self._start - len(self._rows) + self.at - self.next

    @property
    def lacks(self) -> bool:
        """True if rows are missing, as far as is known."""
        return self._stop is None or len(self._rows) < self._stop - self._start

    def joins(self, rows: Sequence[Message]) -> bool:
        """True if a slice continues the rows before it."""
        return not self._rows or not self.overlap or (bool(rows) and rows[0].sid in self._seen())

    def may_miss_before(self, rows: Sequence[Message], now: float) -> bool:
        """True if a row may be missing between the rows taken so far and a page of the same parallel request. The page may have been
        answered sooner.

        Pages share no row, and a server may insert a message before those of the same second. That second is the newest of the list. So
        only a page of one recent second may have moved, if the row before it is of that second too.
        """
        last = self._rows[-1].created if self._rows else 0
        return now - last < _YOUNG and (not rows or last == rows[0].created == rows[-1].created)

    def step_back(self) -> None:
        """Request from an earlier index, twice as far back each time, and in the end from the first one again. Raises
        MalformedProviderResponse after too many attempts. Rows that are read again may hold nothing new."""
        self._repeats_left = max(self._repeats_left, 1)
        if self.next > self._start:
            self._back *= 2
            return
        self._starts_left -= 1
        if self._starts_left < 0:
            raise MalformedProviderResponse("rows of a list come or go faster than it is read")
        self._rows, self._only, self._sids, self._looked, self.at, self._back = [], None, set(), 0, self._start, 1

    def takes(self, span: Span, rows: Sequence[Message]) -> bool:
        """Take the new rows of a slice that joins, and return whether the slice was full. Raises MalformedProviderResponse if it
        repeats an earlier one."""
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
        """Return the SIDs of the rows taken so far. They are collected only when another slice comes, which most lists do not need."""
        self._sids.update([message.sid for message in self._rows[self._looked :]])
        self._looked = len(self._rows)
        return self._sids

    def taken(self) -> Sequence[Message]:
        """Return the rows that were read, and no more than were wanted."""
        rows = self._rows if self._only is None else self._only
        return rows if self._stop is None or len(rows) <= self._stop - self._start else rows[: self._stop - self._start]
