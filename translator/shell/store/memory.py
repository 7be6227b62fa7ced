"""The memory of this process: the same tables, in a database without a file, and before them what is in hand.

A send that nobody waits to be told of and that is answered well is over with its answer; to write it into tables takes longer than all
the rest of it. So it stays in hand, and is put down into the tables as soon as they are used for anything else:

record ─▶ in hand ─▶ settle: sent ─▶ its SID, in hand for as long as an unknown send could be taken for it
             └── anything else is wanted of the tables ─▶ put down first, so that all work sees all sends
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from translator.seeking import AFTER, BEFORE
from translator.shell.store import sends as rows
from translator.shell.store.opening import Result
from translator.shell.store.schema import migrate
from translator.shell.store.sends import Begun, Times
from translator.shell.store.sqlite import database
from translator.wants import Outcome, Recorded


class _Made(NamedTuple):
    """A send that was answered: when, at which account of which back, and as which message."""

    now: float
    place: str
    sid: str


class MemoryStore:
    """All of it is forgotten with the process."""

    shared = False

    def __init__(self, where: str) -> None:
        self._engine = database(None)
        self._connection = self._engine.connect()
        with self._connection.begin():
            migrate(self._connection, where)
        self._under_way: dict[str, tuple[Begun, Times]] = {}
        self._made: deque[_Made] = deque()
        self._doubtful = False
        self._patience = 0.0

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`. While any send is unknown, the tables say whether one equals it."""
        if self._doubtful or any(one.intent.key or one.intent.wish is not None for one in begun):
            return await self.write(partial(rows.record, begun=begun, times=times))
        self._patience = max(self._patience, times.patience)
        for one in begun:
            self._under_way[one.id] = (one, times)
        return [Recorded(one.id, "new") for one in begun]

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        if any(outcome.state == "unknown" or outcome.id not in self._under_way for outcome in outcomes):
            await self.write(partial(rows.settle, outcomes=outcomes, now=now))
            return
        for outcome in outcomes:
            one, _ = self._under_way.pop(outcome.id)
            if outcome.message is not None:
                self._made.append(_Made(now, one.place, outcome.message.sid))
        # A send that is found to be unknown was made at most `patience` ago, and a message of that window is its own or another's.
        before = now - self._patience - BEFORE - AFTER
        while self._made and self._made[0].now < before:
            self._made.popleft()

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns. Raises what the work raises."""
        with self._connection.begin():
            for one, times in self._under_way.values():
                rows.begin(self._connection, one, times)
            result = work(self._connection)
            self._doubtful = rows.is_any_unknown(self._connection)
            if self._doubtful:
                for made in self._made:
                    rows.note_made(self._connection, *made)
        # Only what is committed is out of hand.
        self._under_way.clear()
        if self._doubtful:
            self._made.clear()
        return result

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns."""
        return await self.write(work)

    async def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self._engine.dispose()
