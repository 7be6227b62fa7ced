"""The thread that writes an SQLite file, with group commit: all waiting jobs are handed over and committed together.

put ─▶ waiting ─ at the end of a turn of the loop, or of a commit ─▶ the thread: BEGIN IMMEDIATE · all jobs · COMMIT ─▶ resolved
put_behind ─▶ committed alone, when no other job waits, or after `_LETS_GO` other commits

Jobs gather while a commit is in progress.
The hand-over between threads, the transaction and the disk sync cost much more than the statements of one send.
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
"""Jobs of one commit, at most."""

_LETS_GO: Final = 8
"""Commits that a job of `put_behind` lets go before it. Time is no measure here: on a slow disk the writer is never idle."""

Given = TypeVar("Given")


class Job:
    """A job of the writer, with the future of its result.
    It is a function (`work`), sends to record, or outcomes to settle, each with its time."""

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
        """True if the job may have been committed although the commit failed."""

    def tell(self) -> None:
        """Resolve the future. Called in the event loop of the waiting task."""
        if self.waiting.done():
            return
        if self.error is None:
            self.waiting.set_result(self.result)
        else:
            self.waiting.set_exception(self.failure(self.error))

    def failure(self, error: BaseException) -> BaseException:
        """Return the exception for the waiting task."""
        if isinstance(error, SQLAlchemyError | sqlite3.Error):
            return StoreUnavailable(said(error), is_unsure=self.is_unsure)
        return Unstorable(type(error).__name__) if isinstance(error, UnicodeEncodeError) else error


class Writer:
    """A thread with a connection of `engine`, whose transactions it begins and ends itself. It serves the running event loop.
    `forbids`: called in the thread before each transaction; returns the reason why no write is allowed, or an empty text.
    `noted`: called in the thread after each transaction. `turn`: held during each transaction."""

    def __init__(
        self, engine: Engine, forbids: Callable[[], str] = lambda: "", noted: Callable[[], None] = lambda: None,
        turn: contextlib.AbstractContextManager[Any] | None = None,
    ) -> None:  # fmt: skip
        self._forbids, self._noted, self._turn = forbids, noted, turn or contextlib.nullcontext()
        self._loop = asyncio.get_running_loop()  # read once: it is a system call
        self._engine = engine
        self._waiting: list[Job] = []
        self._behind: deque[Job] = deque()
        self._let_go = 0
        self._busy = False
        self._handed: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="store", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> asyncio.Future[Any]:
        """Queue a job, and return the future of its result, which resolves after the commit.
        The future raises StoreUnavailable or the job's own error."""
        job.waiting = self._loop.create_future()
        self._waiting.append(job)
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._hand_over)
        return job.waiting

    def put_behind(self, job: Job) -> asyncio.Future[Any]:
        """Queue a background job, which no client waits for. It is a transaction of its own, and lets waiting jobs go first for a while."""
        job.waiting = self._loop.create_future()
        job.is_behind = True
        self._behind.append(job)
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._hand_over)
        return job.waiting

    async def close(self) -> None:
        """Commit the waiting jobs and end the thread."""
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
                except Exception as error:  # noqa: BLE001 - the waiting task gets the error, and the thread goes on
                    for job in jobs:
                        job.error = job.error or error
                # A closed event loop has no waiting task.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._committed, jobs)


def _write(connection: Connection, jobs: list[Job]) -> None:
    """Commit jobs. A background job is not synced to the disk by itself: the sync of the next send covers it."""
    if not jobs[0].is_behind:
        commit(connection, jobs)
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA synchronous=NORMAL")
    try:
        commit(connection, jobs)
    finally:
        driver.execute("PRAGMA synchronous=FULL")


def commit(connection: Connection, jobs: list[Job]) -> None:
    """Commit all jobs in one transaction of the driver. Each job gets its result or its error.
    SQLAlchemy's handling of a transaction takes as long as the statements of a send.
    If one job fails, roll back and commit each job alone. A savepoint for each job would cost as much as the job."""
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:  # another process writes for too long: no job is the cause
        for job in jobs:
            job.error = error
        return
    is_done = False
    try:
        _do(connection, jobs)
        is_done = True
        driver.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - the waiting task gets the error
        for job in jobs:
            job.is_unsure |= is_done
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        if len(jobs) == 1:
            jobs[0].error = error
            return
        for job in jobs:
            commit(connection, [job])


def _do(connection: Connection, jobs: list[Job]) -> None:
    """Settle all outcomes first, so that an equal send sees a send that has just become unknown. Then record all sends and do all work."""
    if outcomes := [one for job in jobs for one in job.outcomes]:
        rows.settle_all(connection, outcomes)
    begun = [one for job in jobs for one in job.begun]
    recorded = iter(rows.record_all(connection, begun) if begun else ())
    for job in jobs:
        job.result = job.work(connection) if job.work is not None else [next(recorded) for _ in job.begun]
