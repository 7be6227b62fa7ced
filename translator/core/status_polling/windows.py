"""Messages that somebody waits to be told of, by the stretch of time in which their provider created them.

A stretch is looked at as a whole, so few numbers stand for many messages. One is 5 seconds long while it is young; old ones are joined,
so that three days are some hundreds of them.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

WIDTHS: Final = ((3600.0, 5), (43200.0, 60), (math.inf, 600))
"""Up to which age a stretch is so many seconds long."""


class Held:
    """One who waits: `id` is the watch, `sid` the message, `created` when its back says that it was created, `status` what was last seen
    of it, None where that is not known. `absent` counts looks at its time that did not show it."""

    __slots__ = ("absent", "created", "id", "sid", "status")

    def __init__(self, id_: int, sid: str, created: int, status: str | None = None) -> None:
        self.id, self.sid, self.created, self.status, self.absent = id_, sid, created, status, 0


class TimeWindow:
    """Those whose message was created from `first` on and before `until`.

    `looked` is when all of them were last looked at; `at` from where on that is still to be done, where a look ended in the middle, `begun`
    when that look began, and `skip` how many rows from there on were read: more may have been created in one second than a round can read.
    `rows` is how many messages of any kind the back has there, as far as it was read; `taken` how many were ever waited for there.
    `hinted` are those of which something hints that they have ended; `single` counts who was retrieved since all were looked at.
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
        """Nobody waits for that one any more."""
        self.waits.pop(id_, None)
        self.hinted.discard(id_)

    def was_looked_at(self, now: float) -> None:
        """All of them were looked at."""
        self.looked = now if self.begun is None else min(self.begun, now)
        self.begun, self.at, self.skip, self.single = None, self.first, 0, 0


class TimeWindows:
    """All that is held of one place."""

    def __init__(self) -> None:
        self._by_first: dict[int, TimeWindow] = {}
        self._of: dict[int, int] = {}
        self._joined = 0.0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._of)

    def __iter__(self) -> Iterator[TimeWindow]:
        return iter(self._by_first.values())

    def __contains__(self, id_: int) -> bool:
        return id_ in self._of

    def find(self, id_: int) -> tuple[TimeWindow, Held] | None:
        """One who waits, and the stretch of it."""
        created = self._of.get(id_)
        stretch = None if created is None else self._at(created)
        return None if stretch is None else (stretch, stretch.waits[id_])

    def add(self, held: Held, looked: float, now: float) -> None:
        """One more waits, whose message was last looked at then. Nobody is held twice."""
        if held.id in self._of:
            return
        stretch = self._at(held.created)
        if stretch is None:
            age = now - held.created
            width = next(width for oldest, width in WIDTHS if age <= oldest)
            first = held.created - held.created % width
            if first in self._by_first:  # it is a shorter one
                width = WIDTHS[0][1]
                first = held.created - held.created % width
            stretch = self._by_first[first] = TimeWindow(first, first + width, looked)
        elif looked < stretch.looked:
            stretch.looked = looked
        if held.created < stretch.at:  # a look that is under way would not show it
            stretch.at, stretch.skip, stretch.begun = stretch.first, 0, None
        stretch.waits[held.id] = held
        stretch.taken += 1
        self._of[held.id] = held.created

    def remove(self, ids: Iterable[int]) -> None:
        """Nobody waits for these any more."""
        for id_ in ids:
            created = self._of.pop(id_, None)
            stretch = None if created is None else self._at(created)
            if stretch is not None:
                stretch.remove(id_)
                if not stretch.waits:
                    del self._by_first[stretch.first]

    def join(self, now: float) -> None:
        """Make one stretch of several that are old by now; once a minute is enough."""
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
            joined.rows = sum(stretch.rows or 0.0 for stretch in some) * width / seconds  # the others have ended
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
