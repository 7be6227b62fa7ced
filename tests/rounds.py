"""The polling rounds of one provider account over plain rows. The choice of messages is tested at the full rate and for hours, in
seconds.

There is no store, no bytes and no clock: `now` is a number. The rows of a provider request are counted as a back would serve them.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from translator.core.accounts import Account, ConfiguredProvider, Endpoint
from translator.core.model import Message
from translator.core.status_polling import Known, PolledAccount, RateLimit, Reading, Seen, SettlingAges

NEVER = 10**12


def message(sid: str, created: int, status: str, delivered: int | None) -> Message:
    return Message(
        sid=sid, sender="+15550001", recipient="+15550002", text="", status=status, direction="outbound-api", created=created,
        delivered=delivered,
    )  # fmt: skip


class Rounds:
    """The rounds of one account, and their figures.

    `told` holds the seconds from each end to the round that saw it. `used` holds the requests of each round. `longest` is the longest
    time between two status checks of one message.
    """

    def __init__(self, back: Any, *, asks: int = 20, poll: float = 5.0) -> None:
        side = Endpoint(back, "A1", "P1", "token")
        self.place = PolledAccount(
            Account(side, ConfiguredProvider("provider", back), side, shared=False), poll, SettlingAges()
        )
        self._verbs, self._asks, self._poll = back.back, asks, poll
        self._step = self._verbs.slice - (not self._verbs.in_pages)
        self._allowance = RateLimit(asks, poll)
        self.now = 1_000_000.0
        self._created: list[int] = []
        self._ends: list[float] = []
        self._draw = random.Random(7)
        self._new: list[int] = []
        self._looked: dict[int, float] = {}
        self.open: set[int] = set()
        self.told: dict[int, float] = {}
        self.used: list[int] = []
        self.longest = 0.0

    def go_on(
        self, seconds: int, a_second: int, delay: Callable[[random.Random], float], *, looked: bool = True
    ) -> None:
        """Create so many messages a second for so many seconds, and do a round whenever it is due."""
        for _ in range(seconds):
            for _ in range(a_second):
                number = len(self._created)
                self._created.append(int(self.now))
                self._ends.append(self.now + delay(self._draw))
                self.open.add(number)
                self._new.append(number)
            self.now += 1
            if looked and self.now % self._poll == 0:
                self.round()

    @property
    def untold(self) -> int:
        """The number of ends that no round has seen yet."""
        return sum(self._ends[number] <= self.now for number in self.open)

    def share(self, seconds: float, *, slower: float = 0.0) -> float:
        """The share of all ends that were seen within so many seconds, of messages that took longer than `slower`.

        An end that no round has seen yet counts if it has been there for longer.
        """

        def counts(number: int) -> bool:
            return self._ends[number] - self._created[number] > slower

        told = [late for number, late in self.told.items() if counts(number)]
        late = sum(self._ends[number] < self.now - seconds for number in self.open if counts(number))
        return sum(one <= seconds for one in told) / max(1, len(told) + late)

    def round(self) -> None:
        """Do the shell's part of a round, without a store."""
        self._hold()
        asks, used, changed = self._allowance.left(self.now), 0, {}
        what = self.place.sweep(self.now, asks)
        if what is not None:
            reading, used = self._read(what.first, what.until, what.asks, 0, what.status)
            changed = self.place.swept(what, reading, self.now)
        chosen, seen = self.place.choose(self.now, asks - used, used), Seen()
        for window in chosen.windows:
            reading, more = self._read(window.first, window.until, min(window.asks, asks - used), window.skip)
            used += more
            seen.rows |= {row.sid: row for row in reading.rows}
            seen.read.append((window, reading))
        for held in chosen.singles[: asks - used]:
            used += 1
            seen.retrieved.append(held)
            seen.rows[held.sid] = self._row(held.id)
        assert used <= asks
        seen.rows |= {row.sid: row for row in changed.values()}
        looked = [*[one for window in chosen.windows for one in window.waits()], *chosen.singles]
        self._settle({one.id for one in looked} | set(changed), seen)
        self._allowance.spend(used)
        self.used.append(used)

    def _hold(self) -> None:
        room = 50_000 - len(self.place)
        some, self._new = self._new[:room], self._new[room:]
        self.place.hold(
            [Known(one, str(one), self._created[one], "", self._created[one] - 5) for one in some], self.now
        )

    def _settle(self, ids: set[int], seen: Seen) -> None:
        ended: dict[int, Message] = {}
        for id_ in ids:
            row = seen.rows.get(str(id_))
            if row is None:
                continue
            self.longest = max(self.longest, self.now - self._looked.get(id_, self._created[id_]))
            self._looked[id_] = self.now
            self.place.shows(id_, row.status)
            if row.status == "delivered":
                ended[id_] = row
        self.place.took(seen, ended, self.now)
        for id_ in ended:
            self.open.discard(id_)
            self.told[id_] = self.now - self._ends[id_]

    def _row(self, number: int) -> Message:
        ended, sent = self._ends[number] <= self.now, self._created[number] + 1 <= self.now
        status = "delivered" if ended else "sent" if sent else "sending"
        return message(str(number), self._created[number], status, int(self._ends[number]) if ended else None)

    def _read(self, first: int, until: int, asks: int, skip: int, status: str = "") -> tuple[Reading, int]:
        begin, end, most = bisect_left(self._created, first), bisect_left(self._created, until), asks * self._step
        if status:
            rows = [row for row in map(self._row, range(begin, end)) if row.status == status][:most]
        else:
            rows = [self._row(number) for number in range(begin + skip, min(end, begin + skip + most))]
        until = rows[-1].created if len(rows) == most else until
        return Reading(rows, until, False, self._verbs.slice), min(asks, max(1, math.ceil(len(rows) / self._step)))
