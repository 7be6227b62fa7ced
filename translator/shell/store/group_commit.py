"""The one thread that writes an SQLite file. What waits for it is handed over together, and committed together.

put ─▶ waiting ─ at the end of a turn of the loop, or of the commit before ─▶ the thread: BEGIN IMMEDIATE · all of it · COMMIT ─▶ told
put_behind ─▶ one by itself, when nothing waits, or it has let `_LETS_GO` commits go before it

While one commit is under way everything else gathers: a hand-over to and fro, a transaction and a sync of the disk cost much more than
what one send has to write.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from translator.core.effects import Outcome
from translator.shell.store import sends as rows
from translator.shell.store.interface import StoreUnavailable, Unstorable, said
from translator.shell.store.sends import Begun, Times

_MOST: Final = 128
"""How many jobs are committed together."""

_LETS_GO: Final = 8
"""A job of `put_behind` lets so many commits go before it. They are counted, and not timed: on a slow disk the writer is never idle, and
such jobs had too few turns."""

Given = TypeVar("Given")


class Job:
    """Something to be written, and who waits for it: a work, or sends to be recorded, or outcomes to be settled, each with its time."""

    __slots__ = ("begun", "error", "is_behind", "is_unsure", "outcomes", "result", "waiting", "work")

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
        self.is_behind = False
        self.is_unsure = False
        """Whether it may have been committed although that failed."""

    def tell(self) -> None:
        """Called in the loop of whoever waits."""
        if self.waiting.done():
            return
        if self.error is None:
            self.waiting.set_result(self.result)
        elif isinstance(self.error, SQLAlchemyError | sqlite3.Error):
            self.waiting.set_exception(StoreUnavailable(said(self.error), is_unsure=self.is_unsure))
        elif isinstance(self.error, UnicodeEncodeError):
            self.waiting.set_exception(Unstorable(type(self.error).__name__))
        else:
            self.waiting.set_exception(self.error)


class Writer:
    """A thread with a connection of `engine`, whose transactions it begins and ends itself; for the loop that runs now. `forbids` is called
    in the thread before each transaction, and says why nothing may be written; empty where it may. `noted` is called after each, and
    `turn` is held during each."""

    def __init__(
        self, engine: Engine, forbids: Callable[[], str] = lambda: "", noted: Callable[[], None] = lambda: None,
        turn: contextlib.AbstractContextManager[Any] | None = None,
    ) -> None:  # fmt: skip
        self._forbids, self._noted, self._turn = forbids, noted, turn or contextlib.nullcontext()
        self._loop = asyncio.get_running_loop()  # asked for once: it is a system call
        self._engine = engine
        self._waiting: list[Job] = []
        self._behind: deque[Job] = deque()
        self._let_go = 0
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

    def put_behind(self, job: Job) -> asyncio.Future[Any]:
        """The same for a job that nobody waits for: it is a transaction of its own, and lets what waits go before it for a while."""
        job.waiting = self._loop.create_future()
        job.is_behind = True
        self._behind.append(job)
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._hand_over)
        return job.waiting

    async def close(self) -> None:
        """Commit what waits, and end the thread."""
        while self._waiting or self._behind:
            self._hand_over()
        self._handed.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _hand_over(self) -> None:
        jobs = self._next()
        self._busy = bool(jobs)
        if jobs:
            self._handed.put(jobs)

    def _next(self) -> list[Job]:
        if self._behind and (not self._waiting or self._let_go >= _LETS_GO):
            self._let_go = 0
            return [self._behind.popleft()]
        self._let_go += bool(self._behind)
        jobs = self._waiting[:_MOST]
        del self._waiting[:_MOST]
        return jobs

    def _committed(self, jobs: list[Job]) -> None:
        self._hand_over()
        for job in jobs:
            job.tell()

    # ------------------------------------------------------------------------------------------------------- in the thread

    def _write_all(self) -> None:
        with self._engine.connect() as connection:
            while (jobs := self._handed.get()) is not None:
                try:
                    if why := self._forbids():
                        raise StoreUnavailable(why)
                    with self._turn:
                        _write(connection, jobs)
                    self._noted()
                except Exception as error:  # noqa: BLE001 - it is whoever waits who is told, and the thread goes on
                    for job in jobs:
                        job.error = job.error or error
                # A loop that has ended waits for nothing any more.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._committed, jobs)


def _write(connection: Connection, jobs: list[Job]) -> None:
    """Commit jobs; one that nobody waits for is not synced to the disk by itself: the next send does that for both."""
    if not jobs[0].is_behind:
        _commit(connection, jobs)
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA synchronous=NORMAL")
    try:
        _commit(connection, jobs)
    finally:
        driver.execute("PRAGMA synchronous=FULL")


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
    is_done = False
    try:
        _do(connection, jobs)
        is_done = True
        driver.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - it is whoever waits who is told
        for job in jobs:
            job.is_unsure |= is_done
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
