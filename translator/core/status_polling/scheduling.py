"""What a round asks for: the stretches and the single messages of which the most are to be expected for each ask.

a stretch that many wait in   ─▶ its slices: one ask for as many rows as the back serves at once
one who waits among many rows ─▶ a retrieve
many who wait, far apart      ─▶ a sweep: only the rows that are still open; who is missing there has probably ended

An eighth of the asks goes to what was not looked at for the longest, so that nothing starves.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from translator.core.status_polling.settling_ages import SettlingAges
from translator.core.status_polling.windows import Held, TimeWindow, TimeWindows

_LONGEST: Final = 900.0
_PROBABLE: Final = 0.02
"""A stretch is due before its time where so many of those who wait are expected to have ended."""

_HINT: Final = 0.9
"""How probable an end is that something hints at."""

_EARLY: Final = 0.9
"""A round that comes a little before its time still finds due what is due at its time."""

_URGENT: Final = 4
"""An end is the more urgent the longer it may have waited: by this power of its seconds, and up to so many rounds. By ends alone a few that
are late would wait for ever behind many that are not."""

_BEHIND: Final = 2
"""Asks for the look behind a short slice: for the row behind it, and for the slice once more if that row is there."""

_SPARSE: Final = 3
"""A sweep pays where there are so many times more rows than are waited for."""


def pause(age: float, poll: float) -> float:
    """Seconds until a message is looked at again that was sent `age` seconds ago: a twentieth of that, and a quarter of an hour at most."""
    return max(poll, min(age / 20, _LONGEST))


class Facts(NamedTuple):
    """`step` is how many new rows one ask of a search brings, `poll` seconds between two rounds, `rows_each` how many rows the back has
    for each message that is waited for; `searches` whether a search makes sense there, `status` the one by which a sweep is made, empty
    where the back cannot be asked for it alone; `wary` that a short slice is not the end of its list."""

    step: int
    poll: float
    rows_each: float = 1.0
    searches: bool = True
    status: str = ""
    wary: bool = False


class Window(NamedTuple):
    """Rows created from `first` on and before `until` are read, but for the `skip` first ones, in so many asks, for those who wait in these
    stretches. `spare` of the asks are for the look behind a slice that is short."""

    first: int
    until: int
    asks: int
    stretches: tuple[TimeWindow, ...]
    skip: int = 0
    spare: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its stretches: not the rest of one whose look ended in the middle."""
        return all(stretch.at == stretch.first and not stretch.skip for stretch in self.stretches)

    def waits(self) -> Iterable[Held]:
        """Those whose message is in the window."""
        return [
            held
            for stretch in self.stretches
            for held in stretch.waits.values()
            if self.first <= held.created < self.until
        ]


class Chosen(NamedTuple):
    """What a round asks for: see `choose`."""

    windows: tuple[Window, ...] = ()
    singles: tuple[Held, ...] = ()


class Prospect(NamedTuple):
    """A stretch as it stands now: for how many seconds an end may have waited there, and how many pauses passed since the last look; how
    probable it is that one who waits there has ended, how many ends are to be expected, and how many asks its slices take."""

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
    """Every stretch that is to be looked at by now, or of which something is to be expected."""
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
    """What is asked for with so many asks, of which `share` go to what was not looked at for the longest. `front` are those of whom
    somebody said that something has happened to them."""
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
    """Each way in which each stretch can be looked at: for an ask, how many ends are expected, times how urgent they are; and whether it is
    by slices."""
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
    """A choice under way. `left` is how many asks are not spoken for."""

    def __init__(self, facts: Facts, asks: int) -> None:
        self._facts, self._asks = facts, asks
        self._read: dict[int, Prospect] = {}
        self._singles: dict[int, Held] = {}
        self._spent = 0.0

    @property
    def left(self) -> float:
        return self._asks - self._spent - len(self._singles)

    def take_single(self, held: Held) -> None:
        """One more retrieve."""
        self._singles.setdefault(held.id, held)

    def take(self, prospect: Prospect, *, slices: bool) -> None:
        """Look at a stretch by its slices, or at those who wait there one by one, the hinted first, as far as asks go."""
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
        """The windows and the singles, within the asks."""
        read = list(self._read.values())
        room = self._asks - len(self._singles)
        windows = windows_of(read, self._facts)
        while (excess := sum(window.asks for window in windows) - room) > 0:
            last = next(window for window in windows if read[-1].stretch in window.stretches)
            if last.asks > excess and len(last.stretches) == 1:  # it is read in part
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
    """The stretches that stand together as one window each."""
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
    """Rows of one status are read that were created from `first` on and before `until`."""

    first: int
    until: int
    asks: int
    status: str


def sweep(found: Sequence[Prospect], stretches: TimeWindows, facts: Facts, asks: int) -> Sweep | None:
    """Which rows that are still open are read, beginning with those not looked at for the longest; None where that would not pay."""
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
