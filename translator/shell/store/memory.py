"""The store in the memory of this process: the same tables and the same transactions as a file, in a database without one."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from translator.core.effects import Outcome, Recorded
from translator.shell.store.group_commit import Job, commit
from translator.shell.store.interface import Result
from translator.shell.store.migrations import migrate
from translator.shell.store.sends import Begun, Times
from translator.shell.store.sqlite import database


class MemoryStore:
    """A store that is lost at the end of the process. Each operation is one transaction, in the event loop itself."""

    shared = False

    def __init__(self, where: str) -> None:
        self._engine = database(None, begins=False)
        self._connection = self._engine.connect()
        self._run(Job(lambda connection: migrate(connection, where)))

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`."""
        recorded: list[Recorded] = self._run(Job(begun=[(one, times) for one in begun]))
        return recorded

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        self._run(Job(outcomes=[(outcome, now) for outcome in outcomes]))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return the result of `work`. Raises every error of `work`."""
        result: Result = self._run(Job(work))
        return result

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        """Like `write`: this store has no queue."""
        return await self.write(work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return the result of `work`."""
        return await self.write(work)

    def _run(self, job: Job) -> Any:
        commit(self._connection, [job])
        if job.error is not None:
            raise job.failure(job.error)
        return job.result

    def trouble(self) -> str:
        """Empty: a problem shows only in a write."""
        return ""

    async def close(self) -> None:
        """Close the database, and lose everything."""
        self._connection.close()
        self._engine.dispose()
