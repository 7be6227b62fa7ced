"""SQLite: one thread writes, and all that waits for it is committed at once; another reads and can do nothing else.

write ─▶ queue ─▶ the writer: BEGIN IMMEDIATE · work, work, work · COMMIT ─▶ everybody who waited
"""

import asyncio
import contextlib
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from translator.errors import ConfigError
from translator.shell.store import sends as rows
from translator.shell.store.opening import Result, StoreDown
from translator.shell.store.schema import migrate
from translator.shell.store.sends import Begun, Times
from translator.wants import Outcome, Recorded

_MOST: Final = 128
"""How many works are committed together."""

_BUSY: Final = 5.0
"""Seconds that a write waits for one of another process to end."""


class _Job:
    """A work, and who waits for it."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.waiting: asyncio.Future[Any] = self.loop.create_future()
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


class SqliteStore:
    """An SQLite file."""

    shared = False

    def __init__(self, path: Path, where: str, *, alone: bool = True) -> None:
        _guarded(path, where)
        self._lock = _locked(path, where) if alone else None
        self._engine = database(path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        try:
            with self._engine.connect() as connection, connection.begin():
                migrate(connection, where)
        except SQLAlchemyError as error:
            self._unlock()
            raise ConfigError(where, f"cannot be used: {type(error).__name__}") from None
        except ConfigError:
            self._unlock()
            raise
        self._writer = threading.Thread(target=self._write_all, name="store", daemon=True)
        self._writer.start()
        self._reader = _Reader(path)

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`."""
        return await self.write(partial(rows.record, begun=begun, times=times))

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        await self.write(partial(rows.settle, outcomes=outcomes, now=now))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns, once it is committed. Raises StoreDown, and what the work raises."""
        job = _Job(work)
        self._jobs.put(job)
        result: Result = await job.waiting
        return result

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns; it can change nothing. Raises StoreDown."""
        return await self._reader.read(work)

    async def close(self) -> None:
        """Commit what waits, and let the file go."""
        self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._writer.join)
        self._reader.close()
        self._engine.dispose()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()

    # ------------------------------------------------------------------------------------------------ the writer's thread

    def _write_all(self) -> None:
        with self._engine.connect() as connection:
            while (job := self._jobs.get()) is not None:
                jobs, last = self._waiting(job)
                self._commit(connection, jobs)
                for loop in {job.loop for job in jobs}:
                    # A loop that has ended waits for nothing any more.
                    with contextlib.suppress(RuntimeError):
                        loop.call_soon_threadsafe(_tell, [job for job in jobs if job.loop is loop])
                if last:
                    return

    def _waiting(self, job: _Job) -> tuple[list[_Job], bool]:
        """A job and all that wait behind it, and whether there will be no more."""
        jobs = [job]
        while len(jobs) < _MOST:
            try:
                following = self._jobs.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return jobs, True
            jobs.append(following)
        return jobs, False

    @classmethod
    def _commit(cls, connection: Connection, jobs: list[_Job]) -> None:
        """All works in one transaction. Where one fails all is taken back, and each is done by itself: a savepoint for every work
        would cost as much as the work."""
        try:
            with connection.begin():
                for job in jobs:
                    job.result = job.work(connection)
        except Exception as error:  # noqa: BLE001 - it is whoever waits who is told
            if len(jobs) == 1:
                jobs[0].error = error
                return
            for job in jobs:
                cls._commit(connection, [job])


class _Reader:
    """A thread with a connection that can only read."""

    def __init__(self, path: Path) -> None:
        self._engine = database(path, query_only=True)
        self._thread = ThreadPoolExecutor(1, "store-reader")

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, work)

    def _read(self, work: Callable[[Connection], Result]) -> Result:
        try:
            with self._engine.connect() as connection, connection.begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreDown(type(error).__name__) from None

    def close(self) -> None:
        self._thread.shutdown()
        self._engine.dispose()


def _tell(jobs: list[_Job]) -> None:
    for job in jobs:
        job.tell()


def database(path: Path | None, *, query_only: bool = False) -> Engine:
    """An engine of SQLAlchemy for a file, or for one that nobody else can see where there is no path."""
    url = "sqlite://" if path is None else f"sqlite:///{path}"
    arguments = {"check_same_thread": False, "timeout": _BUSY}
    engine = create_engine(url, poolclass=StaticPool, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def connect(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # transactions are begun below, and not where the driver guesses
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"query_only={'ON' if query_only else 'OFF'}"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")

    return engine


def _guarded(path: Path, where: str) -> None:
    """A file that is not there is made so that nobody else can read it: it holds numbers and texts. Raises ConfigError."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise ConfigError(where, f"cannot be opened: {error.strerror}") from None


def _locked(path: Path, where: str) -> IO[str]:
    """A lock on the file that ends with the process, however that ends. Raises ConfigError where somebody else has it."""
    try:
        handle = Path(f"{path}.lock").open("w", encoding="ascii")  # noqa: SIM115 - it is held as long as the store is
    except OSError as error:
        raise ConfigError(where, f"cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        sentence = "is in use by another serve; give each its own file, or use PostgreSQL, which several share"
        raise ConfigError(where, sentence) from None
    return handle
