"""The state of one provider account in the status poller: its waiting messages, the results of polls, and the ages at which messages
end."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from translator.core.accounts import Account
from translator.core.model import Message
from translator.core.status_polling.provider_requests import Reading, Seen
from translator.core.status_polling.scheduling import (
    Chosen,
    Facts,
    Prospect,
    Sweep,
    Window,
    choose,
    pause,
    prospects,
    sweep,
)
from translator.core.status_polling.settling_ages import SettlingAges
from translator.core.status_polling.windows import Held, TimeWindow, TimeWindows

MOST: Final = 50_000
"""The maximum number of waiting messages in memory at once. The others stay in the store until there is room."""

_AGAIN: Final = 60.0
"""Seconds without a search at a provider whose searches are not usable."""

_ABSENT: Final = 3
"""The number of times that a message is retrieved because a read at its time did not show it."""

_BEHIND: Final = 3.0
"""The number of pauses after which a poll is late. If requests are scarce, a delay of a round or two is expected."""

_OPEN: Final = ("sent",)
"""The statuses that a message may keep for long. A message that has left such a status has mostly ended."""


class Known(NamedTuple):
    """A waiting message as the store has it. `id` is the subscription, `sid` the message, `created` its creation time at the provider.
    `status` is the status of the last callback, empty if there was none. `looked` is the time of the last poll, as far as known."""

    id: int
    sid: str
    created: int
    status: str
    looked: float


class Backlog(NamedTuple):
    """The polls that are due. `due` is the number of waiting messages. `late` of them have been due for longer than `_BEHIND` of their
    pauses. `oldest` is the age of the oldest late one, in seconds."""

    due: int
    late: int
    oldest: float


class PolledAccount:
    """One provider account. `entry` is an account with its credentials, `endings` the statistics of the provider."""

    def __init__(self, entry: Account, poll: float, endings: SettlingAges) -> None:
        self._entry, self._poll = entry, poll
        self._stretches, self._endings = TimeWindows(), endings
        self._front: dict[int, None] = {}
        self._rows = self._taken = 1.0
        self._no_search_until = 0.0
        self._wary = False
        self._size = entry.back.dialect.back.slice

    def __len__(self) -> int:
        return len(self._stretches)

    def hold(self, some: Iterable[Known], now: float, most: int = MOST) -> None:
        """Add waiting messages."""
        for one in some:
            if len(self._stretches) >= most:
                return
            held = Held(one.id, one.sid, one.created, one.status or None)
            self._stretches.add(held, min(one.looked, now), now)

    def holds(self, id_: int) -> bool:
        """True if that message is held."""
        return id_ in self._stretches

    def drop(self, ids: Iterable[int]) -> None:
        """Remove messages that no longer wait."""
        self._stretches.remove(ids)

    def put_in_front(self, ids: Iterable[int]) -> None:
        """Poll these messages first, because something has happened to them."""
        for id_ in ids:
            if (known := self._stretches.find(id_)) is not None:
                known[0].hinted.add(id_)
                self._front[id_] = None

    @property
    def has_front(self) -> bool:
        """True if a message is to be polled first."""
        return bool(self._front)

    def backlog(self, now: float) -> Backlog:
        """Return the backlog of due messages."""
        due = [one for one in self._prospects(self._facts(now), now) if one.is_due]
        late = [one.stretch for one in due if one.overdue >= _BEHIND]
        oldest = max((now - stretch.first for stretch in late), default=0.0)
        return Backlog(sum(len(one.stretch.waits) for one in due), sum(len(stretch.waits) for stretch in late), oldest)

    # ---- the choice of requests --------------------------------------------------------------------------------------

    def _facts(self, now: float) -> Facts:
        verbs = self._entry.back.dialect.back
        step = self._size if verbs.in_pages else max(1, self._size - 1)
        status = ""
        for word in _OPEN:
            pushed = verbs.push("status", frozenset({word}))
            if pushed is not None and pushed[1] == {word}:
                status = word
        searches = not 0 <= self._no_search_until - now <= _AGAIN
        return Facts(step, self._poll, max(1.0, self._rows / self._taken), searches, status, self._wary)

    def _prospects(self, facts: Facts, now: float) -> list[Prospect]:
        for stretch in self._stretches:
            if stretch.at > stretch.first and all(held.created < stretch.at for held in stretch.waits.values()):
                stretch.was_looked_at(now)  # no message waits in the rest of it
        return prospects(self._stretches, self._endings, facts, now)

    def sweep(self, now: float, asks: int) -> Sweep | None:
        """Return the open rows that are to be read first, or None."""
        self._endings.fade(now)
        self._stretches.join(now)
        facts = self._facts(now)
        found = self._prospects(facts, now)
        return sweep(found, self._stretches, facts, asks)

    def choose(self, now: float, asks: int, swept: int = 0) -> Chosen:
        """Choose the requests of a round. `swept` is the number of requests for a sweep, which also reads messages that have waited for
        long."""
        facts, front = self._facts(now), [id_ for id_ in self._front if id_ in self._stretches]
        found = self._prospects(facts, now)
        return choose(found, self._stretches, facts, asks, max(1, (asks + swept) // 8 - swept), front)

    # ---- the results -------------------------------------------------------------------------------------------------

    def swept(self, what: Sweep, reading: Reading, now: float) -> dict[int, Message]:
        """Note which messages are still open, and which have probably ended. Return the messages whose status has changed."""
        rows = {row.sid: row for row in reading.rows}
        changed: dict[int, Message] = {}
        for stretch in self._stretches:
            if stretch.first < what.first or stretch.until > reading.until:
                continue
            accounted = True
            for held in stretch.waits.values():
                row = rows.get(held.sid)
                if row is not None:
                    if held.status != row.status:
                        changed[held.id] = row
                elif held.status in (None, what.status) and held.absent < _ABSENT:
                    stretch.hinted.add(held.id)
                elif held.absent < _ABSENT:
                    accounted = False
            if accounted and not stretch.hinted:  # with a hint, the window stays due until that message was polled
                self._watched(stretch, len(stretch.waits), now)
                stretch.was_looked_at(now)
        return changed

    def took(self, seen: Seen, ended: Mapping[int, Message], now: float) -> None:
        """Record a finished round with everything that was seen. The messages of `ended` no longer wait."""
        if seen.failed:
            self._no_search_until = now + _AGAIN
        for window, reading in seen.read:
            self._was_read(window, reading, ended, now)
        for held in seen.retrieved:
            self._was_retrieved(held, seen.rows.get(held.sid), now)
        for id_, message in ended.items():
            if (known := self._stretches.find(id_)) is not None:
                self._endings.ended(_ended_at(message, now) - known[1].created)
        self._stretches.remove(ended)
        for id_ in [
            id_ for id_ in self._front if (found := self._stretches.find(id_)) is None or id_ not in found[0].hinted
        ]:
            del self._front[id_]

    def shows(self, id_: int, status: str) -> None:
        """Record the status in which a message was seen."""
        if (known := self._stretches.find(id_)) is not None:
            known[1].status = status
            known[0].hinted.discard(id_)

    def _was_read(self, window: Window, reading: Reading, ended: Mapping[int, Message], now: float) -> None:
        self._size = max(1, reading.size)
        rows = {row.sid for row in reading.rows}
        created = sorted(row.created for row in reading.rows)
        missed = False
        for stretch in window.stretches:
            begin = max(stretch.first, stretch.at)
            if reading.until < stretch.until:
                self._was_read_in_part(stretch, begin, reading, now)
                continue
            if begin == stretch.first and stretch.until < now and not window.skip:
                if stretch.rows is None:
                    self._learn_rows(_between(created, stretch.first, stretch.until), stretch.taken)
                stretch.rows = float(_between(created, stretch.first, stretch.until))
            for held in stretch.waits.values():
                if held.sid not in rows and held.created >= begin and not window.skip:
                    missed, held.absent = True, held.absent + 1
                    if held.absent <= _ABSENT:
                        stretch.hinted.add(held.id)
            gone = sum(id_ in ended for id_ in stretch.waits)
            self._watched(stretch, len(stretch.waits) - gone / 2, now)
            stretch.was_looked_at(now)
        self._wary = missed and reading.unproven

    def _was_read_in_part(self, stretch: TimeWindow, begin: int, reading: Reading, now: float) -> None:
        """Record a read that used up its requests before the end of the time window. The next read goes on from there."""
        if stretch.begun is None and (stretch.at > stretch.first or reading.until > begin):
            stretch.begun = now
        rows = len([row for row in reading.rows if begin <= row.created < max(reading.until, begin + 1)])
        if reading.until > begin:
            stretch.rows = rows * (stretch.until - stretch.first) / (reading.until - begin)
            stretch.at, stretch.skip = reading.until, 0
        elif rows:
            stretch.rows = max(stretch.rows or 0.0, 2.0 * (stretch.skip + rows))
            stretch.skip += rows

    def _was_retrieved(self, held: Held, message: Message | None, now: float) -> None:
        known = self._stretches.find(held.id)
        if known is None:
            return
        stretch = known[0]
        stretch.waits[held.id] = stretch.waits.pop(held.id)  # the other messages come before it next time
        stretch.hinted.discard(held.id)
        if message is None:
            held.absent = min(held.absent + 1, _ABSENT + 1)
        stretch.single += 1
        if stretch.single >= len(stretch.waits):
            self._watched(stretch, len(stretch.waits), now)
            stretch.was_looked_at(now)

    def _watched(self, stretch: TimeWindow, many: float, now: float) -> None:
        looked = min(stretch.looked, now)
        self._endings.watched(max(0.0, looked - stretch.middle), max(0.0, now - stretch.middle), many)

    def _learn_rows(self, rows: int, taken: int) -> None:
        """Update the number of rows for each waiting message: an average in which older values count less and less."""
        if taken:
            self._rows, self._taken = self._rows * 0.9 + rows, self._taken * 0.9 + taken


def _between(created: Sequence[int], first: int, until: int) -> int:
    return bisect_left(created, until) - bisect_left(created, first)


def _ended_at(message: Message, now: float) -> float:
    """Return when a message ended, as far as its provider says."""
    return min(message.delivered or message.updated or now, now)


def looked_at(look_at: float, looks: int, made: float, now: float, poll: float) -> float:
    """Return when a message was last polled that is to be polled again at `look_at`. If the wall clock was set back since, the message
    is not delayed for longer than one pause of its own."""
    if not looks:
        return min(made, now) - poll  # it is due at once, even if the clock was set back since the send
    longest = pause(max(0.0, now - made), poll)
    return min(look_at - longest, now) if look_at <= now + longest else now
