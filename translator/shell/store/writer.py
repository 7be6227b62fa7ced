"""The one thread that writes an SQLite file. What waits for it is handed over together, and committed together.

put ─▶ waiting ─ at the end of a turn of the loop, or of the commit before ─▶ the thread: BEGIN IMMEDIATE · all of it · COMMIT ─▶ told

While one commit is under way everything else gathers: a hand-over to and fro, a transaction and a sync of the disk cost much more than
what one send has to write.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from translator.shell.store import sends as rows
from translator.shell.store.opening import StoreDown
from translator.shell.store.sends import Begun, Times
from translator.wants import Outcome

_MOST: Final = 128
"""How many jobs are committed together."""

Given = TypeVar("Given")


class Job:
    """Something to be written, and who waits for it: a work, or sends to be recorded, or outcomes to be settled, each with its time."""

    __slots__ = ("begun", "error", "outcomes", "result", "waiting", "work")

    def __init__(
        self,
        work: Callable[[Connection], Any] | None = None,
        begun: Sequence[tuple[Begun, Times]] = (),
        outcomes: Sequence[tuple[Outcome, float]] = (),
    ) -> None:
        self.work, self.begun, self.outcomes = work, begun, outcomes
        self.waiting: asyncio.Future[Any]
        self.result: Any = None
        self.error: BaseException | None = None

    def tell(self) -> None:
        """Called in the loop of whoever waits."""
        if self.waiting.done():
            return
        if self.error is None:
            self.waiting.set_result(self.result)
        elif isinstance(self.error, SQLAlchemyError | sqlite3.Error):
            self.waiting.set_exception(StoreDown(type(self.error).__name__))
        else:
            self.waiting.set_exception(self.error)


class Writer:
    """A thread with a connection of `engine`, whose transactions it begins and ends itself; for the loop that runs now."""

    def __init__(self, engine: Engine) -> None:
        self._loop = asyncio.get_running_loop()  # asked for once: it is a system call
        self._engine = engine
        self._waiting: list[Job] = []
        self._busy = False
        self._handed: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="store", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> asyncio.Future[Any]:
        """What comes of a job, once it is committed. Raises StoreDown, and what the work raises."""
        job.waiting = self._loop.create_future()
        self._waiting.append(job)
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._hand_over)
        return job.waiting

    async def close(self) -> None:
        """Commit what waits, and end the thread."""
        while self._waiting:
            self._hand_over()
        self._handed.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _hand_over(self) -> None:
        self._busy = bool(self._waiting)
        if self._busy:
            self._handed.put(self._waiting[:_MOST])
            del self._waiting[:_MOST]

    def _committed(self, jobs: list[Job]) -> None:
        self._hand_over()
        for job in jobs:
            job.tell()

    # ------------------------------------------------------------------------------------------------------- in the thread

    def _write_all(self) -> None:
        with self._engine.connect() as connection:
            while (jobs := self._handed.get()) is not None:
                try:
                    _commit(connection, jobs)
                except Exception as error:  # noqa: BLE001 - it is whoever waits who is told, and the thread goes on
                    for job in jobs:
                        job.error = job.error or error
                # A loop that has ended waits for nothing any more.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._committed, jobs)


def _commit(connection: Connection, jobs: list[Job]) -> None:
    """All jobs in one transaction of the driver's: what SQLAlchemy does around one takes as long as the statements of a send. Where one
    fails all is taken back, and each is done by itself: a savepoint for every job would cost as much as the job."""
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:  # somebody else is writing for too long: no job is to blame
        for job in jobs:
            job.error = error
        return
    try:
        _do(connection, jobs)
        driver.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - it is whoever waits who is told
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        if len(jobs) == 1:
            jobs[0].error = error
            return
        for job in jobs:
            _commit(connection, [job])


def _do(connection: Connection, jobs: list[Job]) -> None:
    """All settled first, so that a send that is found to be unknown now is seen by an equal one; then all recorded."""
    if outcomes := [one for job in jobs for one in job.outcomes]:
        rows.settle_all(connection, outcomes)
    begun = [one for job in jobs for one in job.begun]
    recorded = iter(rows.record_all(connection, begun) if begun else ())
    for job in jobs:
        job.result = job.work(connection) if job.work is not None else [next(recorded) for _ in job.begun]
