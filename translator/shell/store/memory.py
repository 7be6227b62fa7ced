"""The memory of this process: the same tables, in a database without a file, and before them what is in hand.

A send that nobody waits to be told of and that is answered well is over with its answer; to write it into tables takes longer than all
the rest of it. So it stays in hand:

record ─▶ in hand ─▶ settle: sent ─▶ its SID, in hand for as long as an unknown send could be taken for it
             ├── it is still in hand when the tables are used for the second time ─▶ put down: it takes long
             └── any send is unknown ─▶ everything is put down before the tables are used: who looks for it sees all
"""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from translator.core.effects import Outcome, Recorded
from translator.core.reconciliation import AFTER, BEFORE
from translator.shell.store import sends as rows
from translator.shell.store.answered import Answered
from translator.shell.store.interface import Result
from translator.shell.store.migrations import migrate
from translator.shell.store.sends import Begun, Times
from translator.shell.store.sqlite import database


class MemoryStore:
    """All of it is forgotten with the process."""

    shared = False

    def __init__(self, where: str) -> None:
        self._engine = database(None)
        self._connection = self._engine.connect()
        with self._connection.begin():
            migrate(self._connection, where)
        self._fresh: dict[str, tuple[Begun, Times]] = {}
        self._older: dict[str, tuple[Begun, Times]] = {}
        self._answered = Answered()
        self._doubtful = False
        self._patience = 0.0

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`. While any send is unknown, the tables say whether one equals it."""
        for one in begun:
            if self._doubtful or one.intent.key or one.intent.wish is not None:
                return await self.write(partial(rows.record, begun=begun, times=times))
        self._patience = max(self._patience, times.patience)
        for one in begun:
            self._fresh[one.id] = (one, times)
        return [Recorded(one.id, "new") for one in begun]

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        put_down = []
        for outcome in outcomes:
            if outcome.state == "unknown":
                self._put_down(self._fresh, self._older)
            if not self._is_settled(outcome, now):
                put_down.append(outcome)
        if put_down:
            self._transact(partial(rows.settle, outcomes=put_down, now=now))
        # A send that is found to be unknown was made at most `patience` ago, and a message of that window is its own or another's.
        self._answered.forget(now - self._patience - BEFORE - AFTER)

    def _is_settled(self, outcome: Outcome, now: float) -> bool:
        """Settle a send that is in hand. Whether it was."""
        begun = self._fresh.pop(outcome.id, None) or self._older.pop(outcome.id, None)
        if begun is not None and outcome.message is not None and outcome.message.receipt is False:
            self._put_down({outcome.id: begun})  # what was asked for, and no back may show
            return False
        if begun is not None and outcome.message is not None:
            self._answered.add(now, begun[0].place, outcome.message.sid)
        return begun is not None

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns. Raises what the work raises."""
        self._put_down(self._older, *([self._fresh] if self._doubtful else []))
        self._fresh, self._older = {}, self._fresh
        return self._transact(work)

    def _put_down(self, *sends: dict[str, tuple[Begun, Times]]) -> None:
        """Write down what is under way, as it would stand there from the beginning in a file."""
        if any(sends):
            with self._connection.begin():
                for begun in sends:
                    rows.begin_all(self._connection, list(begun.values()))
        for begun in sends:
            begun.clear()

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns. While a send is unknown, all that were answered stand beside it before anybody looks."""
        with self._connection.begin():
            if self._doubtful:
                self._note_made()
            result = work(self._connection)
            self._doubtful = rows.is_any_unknown(self._connection)
            if self._doubtful:
                self._note_made()
        if self._doubtful:  # and what was noted is committed
            self._answered.clear()
        return result

    def _note_made(self) -> None:
        """Note each once, also where it was noted before."""
        rows.insert_sent(self._connection, self._answered)

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        """The same: here nothing waits for it."""
        return await self.write(work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns."""
        return await self.write(work)

    def trouble(self) -> str:
        """Nothing is known without writing."""
        return ""

    async def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self._engine.dispose()
