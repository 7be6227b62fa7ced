"""Chooses the requests of a round: the time windows and single messages for which the most ends are expected per request.

many waiting messages close together   ─▶ slices: one request for as many rows as the provider serves at once
one waiting message among many rows    ─▶ a retrieve
many waiting messages, far apart       ─▶ a sweep: only the rows that are still open; a message that is missing there has probably ended

An eighth of the requests goes to the windows that were not read for the longest time, so that none starves.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from translator.core.status_polling.settling_ages import SettlingAges
from translator.core.status_polling.windows import Held, TimeWindow, TimeWindows

_LONGEST: Final = 900.0
_PROBABLE: Final = 0.02
"""A window is due before its time if this share of its messages is expected to have ended."""

_HINT: Final = 0.9
"""The probability of an end after a hint, such as a delivery receipt."""

_EARLY: Final = 0.9
"""A round that comes a little early still handles the windows that are due at its time. This is the share of the pause that suffices."""

_URGENT: Final = 4
"""The exponent of the seconds that an end may have waited, and the maximum number of rounds that count. It makes late ends urgent. By
the number of ends alone, a few late messages would wait for ever after many that are not late."""

_BEHIND: Final = 2
"""The requests after a short slice: one for the row after it, and one for the slice again if that row exists."""

_SPARSE: Final = 3
"""A sweep pays if there are at least this many times more rows than waiting messages."""


def pause(age: float, poll: float) -> float:
    """Return the seconds from one poll of a message to the next: a twentieth of its age, at most a quarter of an hour. `age` is in
    seconds."""
    return max(poll, min(age / 20, _LONGEST))


class Facts(NamedTuple):
    """The numbers that a choice depends on. `step` is the number of new rows that one request of a search brings. `poll` is the number
    of seconds between two rounds. `rows_each` is the number of the provider's rows for each waiting message. `searches` says that a
    search is useful there. `status` is the status of a sweep, empty if the provider cannot be asked for it alone. `wary` says that a
    short slice may not be the end of its list."""

    step: int
    poll: float
    rows_each: float = 1.0
    searches: bool = True
    status: str = ""
    wary: bool = False


class Window(NamedTuple):
    """One read for the waiting messages of `stretches`. It covers rows created from `first` on and before `until`, without the first
    `skip` ones, in `asks` requests. `spare` of them are for the probe after a short slice."""

    first: int
    until: int
    asks: int
    stretches: tuple[TimeWindow, ...]
    skip: int = 0
    spare: int = 0

    @property
    def is_whole(self) -> bool:
        """True if the read covers its time windows whole, and is not the rest of an interrupted one."""
        return all(stretch.at == stretch.first and not stretch.skip for stretch in self.stretches)

    def waits(self) -> Iterable[Held]:
        """Return the waiting messages that were created in this range."""
        return [
            held
            for stretch in self.stretches
            for held in stretch.waits.values()
            if self.first <= held.created < self.until
        ]


class Chosen(NamedTuple):
    """The requests of a round: see `choose`."""

    windows: tuple[Window, ...] = ()
    singles: tuple[Held, ...] = ()


class Prospect(NamedTuple):
    """A time window and its expectations. `since` is the number of seconds that an end may have waited. `overdue` is the number of
    pauses since the last read. `chance` is the probability that a message has ended, `expected` the expected number of ends. `asks` is
    the number of requests for its slices."""

    stretch: TimeWindow
    since: float
    overdue: float
    chance: float
    expected: float
    asks: float

    @property
    def is_due(self) -> bool:
        return self.overdue >= _EARLY


def prospects(stretches: Iterable[TimeWindow], endings: SettlingAges, facts: Facts, now: float) -> list[Prospect]:
    """Return every time window that is due, or for which an end is expected."""
    found = []
    for stretch in stretches:
        looked, middle = min(stretch.looked, now), stretch.middle
        age = max(0.0, now - middle)
        chance = endings.chance(max(0.0, looked - middle), age)
        overdue = (now - looked) / pause(age, facts.poll)
        hinted = len(stretch.hinted)
        soon = chance >= _PROBABLE and now - looked >= facts.poll / 2
        if overdue >= _EARLY or hinted or soon:
            rows = max(stretch.taken * facts.rows_each if stretch.rows is None else stretch.rows, len(stretch.waits))
            left = (stretch.until - stretch.at) / (stretch.until - stretch.first)
            expected = ((len(stretch.waits) - hinted) * chance + hinted * _HINT) * left
            found.append(Prospect(stretch, min(now - looked, age), overdue, chance, expected, rows * left / facts.step))
    return found


def choose(
    found: Sequence[Prospect], stretches: TimeWindows, facts: Facts, asks: int, share: int, front: Sequence[int] = ()
) -> Chosen:
    """Choose the requests of a round. `asks` is their number, and `share` of them go to the windows that were not read for the longest
    time. `front` are the messages with a notice that something has happened to them."""
    choice = _Choice(facts, asks)
    for id_ in front:
        known = stretches.find(id_)
        if known is not None and choice.left > asks // 2:
            choice.take_single(known[1])
    others = choice.left - share
    for prospect in sorted(found, key=lambda one: -one.overdue):
        if choice.left <= others or not prospect.is_due:
            break
        choice.take(prospect, slices=prospect.asks < len(prospect.stretch.waits))
    for _, slices, prospect in sorted(_ways(found, facts), key=lambda way: -way[0]):
        if choice.left < 1:
            break
        choice.take(prospect, slices=slices)
    return choice.made()


def _ways(found: Sequence[Prospect], facts: Facts) -> Iterable[tuple[float, bool, Prospect]]:
    """Yield each way to poll each time window, and whether it is by slices. The first value is the expected number of ends per request,
    times their urgency."""
    for prospect in found:
        waits = len(prospect.stretch.waits)
        seconds = min(max(prospect.since, facts.poll), _URGENT * facts.poll) ** _URGENT
        if facts.searches and prospect.asks < waits:
            yield seconds * prospect.expected / max(prospect.asks, 1 / facts.step), True, prospect
        else:
            yield seconds * prospect.expected / waits, False, prospect
        if prospect.stretch.hinted:
            yield seconds * _HINT, False, prospect


class _Choice:
    """A choice in progress. `left` is the number of requests that are not used yet."""

    def __init__(self, facts: Facts, asks: int) -> None:
        self._facts, self._asks = facts, asks
        self._read: dict[int, Prospect] = {}
        self._singles: dict[int, Held] = {}
        self._spent = 0.0

    @property
    def left(self) -> float:
        return self._asks - self._spent - len(self._singles)

    def take_single(self, held: Held) -> None:
        """Add one retrieve."""
        self._singles.setdefault(held.id, held)

    def take(self, prospect: Prospect, *, slices: bool) -> None:
        """Poll a time window by its slices, or its messages one by one, those with a hint first, as far as the budget goes."""
        stretch = prospect.stretch
        if stretch.first in self._read:
            return
        if slices and self._facts.searches:
            self._read[stretch.first] = prospect
            self._spent += min(prospect.asks, self.left)
            return
        hinted = [stretch.waits[id_] for id_ in stretch.hinted]
        for held in (*hinted, *stretch.waits.values()):
            if self.left < 1:
                return
            self.take_single(held)

    def made(self) -> Chosen:
        """Return the windows and the single messages, within the budget."""
        read = list(self._read.values())
        room = self._asks - len(self._singles)
        windows = windows_of(read, self._facts)
        while (excess := sum(window.asks for window in windows) - room) > 0:
            last = next(window for window in windows if read[-1].stretch in window.stretches)
            if last.asks > excess and len(last.stretches) == 1:  # it is read partly
                windows[windows.index(last)] = last._replace(asks=last.asks - excess)
                break
            read.pop()
            windows = windows_of(read, self._facts)
        few = [window for window in windows if window.is_whole and len(list(window.waits())) <= window.asks]
        for window in few:
            self._singles |= {held.id: held for held in window.waits()}
        return Chosen(
            tuple([window for window in windows if window not in few]), tuple(self._singles.values())[: self._asks]
        )


def windows_of(read: Sequence[Prospect], facts: Facts) -> list[Window]:
    """Join the time windows that are adjacent, each group as one Window."""
    windows: list[Window] = []
    rows = 0.0
    for prospect in sorted(read, key=lambda one: one.stretch.first):
        stretch, more = prospect.stretch, prospect.asks * facts.step
        first = max(stretch.first, stretch.at)
        last = windows[-1] if windows else None
        between = 0.0 if last is None else (first - last.until) * more / max(1, stretch.until - stretch.first)
        if last is not None and between <= facts.step / 2 and not stretch.skip:
            rows += between + more
            together = (*last.stretches, stretch)
            windows[-1] = Window(last.first, stretch.until, _asks_of(rows, facts), together, last.skip, last.spare)
        else:
            rows = more
            windows.append(
                Window(first, stretch.until, _asks_of(rows, facts), (stretch,), stretch.skip, _BEHIND * facts.wary)
            )
    return windows


def _asks_of(rows: float, facts: Facts) -> int:
    return max(1, math.ceil(rows / facts.step + 0.02)) + _BEHIND * facts.wary


class Sweep(NamedTuple):
    """A read of the rows of one status that were created from `first` on and before `until`."""

    first: int
    until: int
    asks: int
    status: str


def sweep(found: Sequence[Prospect], stretches: TimeWindows, facts: Facts, asks: int) -> Sweep | None:
    """Return the sweep of open rows, beginning with those not read for the longest time, or None if a sweep would not pay."""
    if not facts.status or not facts.searches:
        return None
    sparse = {
        one.stretch.first: one
        for one in found
        if one.asks * facts.step >= _SPARSE * len(one.stretch.waits) and not one.stretch.hinted
    }
    if not sparse:
        return None
    begin = max(sparse.values(), key=lambda one: one.overdue).stretch
    budget = max(1, asks // 8)
    waits, expected, until = 0, 0.0, begin.first
    for stretch in sorted(stretches, key=lambda one: one.first):
        if stretch.first < begin.first:
            continue
        one = sparse.get(stretch.first)
        rows = stretch.taken * facts.rows_each if stretch.rows is None else stretch.rows
        if rows < _SPARSE * len(stretch.waits) or waits + len(stretch.waits) > budget * facts.step:
            break
        waits += len(stretch.waits)
        expected += one.expected if one is not None else 0.0
        until = stretch.until
        if expected / max(1, waits / facts.step) >= 10:
            budget = max(1, asks // 2)
    if waits < 4:
        return None
    return Sweep(begin.first, until, min(budget, _asks_of(waits * max(1.0, facts.rows_each), facts)), facts.status)
