"""Messages that are polled, grouped by the time window in which their provider created them.

A time window is polled as a whole, so that few numbers describe many messages. A young one is 5 seconds long. Old ones are joined, so that
three days take some hundreds of them.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

WIDTHS: Final = ((3600.0, 5), (43200.0, 60), (math.inf, 600))
"""The length of a time window in seconds, and the maximum age up to which it applies."""


class Held:
    """One waiting message. `id` is the subscription, `sid` the message, `created` its creation time at the provider. `status` is the
    status that was seen last, or None. `absent` counts the reads at its time that did not show it."""

    __slots__ = ("absent", "created", "id", "sid", "status")

    def __init__(self, id_: int, sid: str, created: int, status: str | None = None) -> None:
        self.id, self.sid, self.created, self.status, self.absent = id_, sid, created, status, 0


class TimeWindow:
    """The waiting messages that were created from `first` on and before `until`.

    `looked` is the time at which all of them were last polled. An interrupted read goes on from the creation time `at`. `begun` is the
    time at which it began. `skip` is the number of rows from there on that were read, because one second may hold more than a round can
    read. `rows` is the number of the provider's messages of any kind there, as far as known. `taken` is the number that ever waited there.
    `hinted` are the messages that have probably ended. `single` counts the retrieves since all were polled.
    """

    __slots__ = ("at", "begun", "first", "hinted", "looked", "rows", "single", "skip", "taken", "until", "waits")

    def __init__(self, first: int, until: int, looked: float) -> None:
        self.first, self.until, self.looked, self.at = first, until, looked, first
        self.begun: float | None = None
        self.waits: dict[int, Held] = {}
        self.hinted: set[int] = set()
        self.rows: float | None = None
        self.taken = self.single = self.skip = 0

    @property
    def middle(self) -> float:
        return (self.first + self.until) / 2

    def remove(self, id_: int) -> None:
        """Remove a message that no longer waits."""
        self.waits.pop(id_, None)
        self.hinted.discard(id_)

    def was_looked_at(self, now: float) -> None:
        """Note that all of its messages were polled."""
        self.looked = now if self.begun is None else min(self.begun, now)
        self.begun, self.at, self.skip, self.single = None, self.first, 0, 0


class TimeWindows:
    """All time windows of one provider account."""

    def __init__(self) -> None:
        self._by_first: dict[int, TimeWindow] = {}
        self._of: dict[int, int] = {}
        self._joined = 0.0

    def __len__(self) -> int:
        """Return the number of waiting messages."""
        return len(self._of)

    def __iter__(self) -> Iterator[TimeWindow]:
        return iter(self._by_first.values())

    def __contains__(self, id_: int) -> bool:
        return id_ in self._of

    def find(self, id_: int) -> tuple[TimeWindow, Held] | None:
        """Return the time window of a waiting message, and the message."""
        created = self._of.get(id_)
        stretch = None if created is None else self._at(created)
        return None if stretch is None else (stretch, stretch.waits[id_])

    def add(self, held: Held, looked: float, now: float) -> None:
        """Add a waiting message that was last polled at `looked`. A message is held only once."""
        if held.id in self._of:
            return
        stretch = self._at(held.created)
        if stretch is None:
            age = now - held.created
            width = next(width for oldest, width in WIDTHS if age <= oldest)
            first = held.created - held.created % width
            if first in self._by_first:  # that window is a shorter one
                width = WIDTHS[0][1]
                first = held.created - held.created % width
            stretch = self._by_first[first] = TimeWindow(first, first + width, looked)
        elif looked < stretch.looked:
            stretch.looked = looked
        if held.created < stretch.at:  # the read in progress would not show it
            stretch.at, stretch.skip, stretch.begun = stretch.first, 0, None
        stretch.waits[held.id] = held
        stretch.taken += 1
        self._of[held.id] = held.created

    def remove(self, ids: Iterable[int]) -> None:
        """Remove messages that no longer wait."""
        for id_ in ids:
            created = self._of.pop(id_, None)
            stretch = None if created is None else self._at(created)
            if stretch is not None:
                stretch.remove(id_)
                if not stretch.waits:
                    del self._by_first[stretch.first]

    def join(self, now: float) -> None:
        """Join old time windows to longer ones; once a minute is enough."""
        if 0 <= now - self._joined < WIDTHS[1][1]:
            return
        self._joined = now
        for (oldest, narrow), (_, width) in pairwise(WIDTHS):
            groups: dict[int, list[TimeWindow]] = {}
            for stretch in self._by_first.values():
                first = stretch.first - stretch.first % width
                if now - (first + width) > oldest and stretch.until - stretch.first <= narrow:
                    groups.setdefault(first, []).append(stretch)
            for first, some in groups.items():
                self._join(first, width, some)

    def _join(self, first: int, width: int, some: list[TimeWindow]) -> None:
        there = self._by_first.get(first)
        if there is not None and there not in some:
            some.append(there)
        for stretch in some:
            del self._by_first[stretch.first]
        joined = TimeWindow(first, first + width, min(stretch.looked for stretch in some))
        if all(stretch.rows is not None for stretch in some):
            seconds = sum(stretch.until - stretch.first for stretch in some)
            joined.rows = sum(stretch.rows or 0.0 for stretch in some) * width / seconds  # the gaps have ended
        for stretch in some:
            joined.waits |= stretch.waits
            joined.hinted |= stretch.hinted
            joined.taken += stretch.taken
        self._by_first[first] = joined

    def _at(self, created: int) -> TimeWindow | None:
        for _, width in WIDTHS:
            stretch = self._by_first.get(created - created % width)
            if stretch is not None and created < stretch.until:
                return stretch
        return None
