"""SQLite: one thread writes, and all that waits for it is committed at once; another reads and can do nothing else."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from translator.errors import ConfigError
from translator.shell.store.opening import Result, StoreDown, said
from translator.shell.store.schema import migrate
from translator.shell.store.sends import Begun, Times
from translator.shell.store.writer import Job, Writer
from translator.wants import Outcome, Recorded

_BUSY: Final = 5.0
"""Seconds that a write waits for one of another process to end."""


class SqliteStore:
    """An SQLite file."""

    shared = False

    def __init__(self, path: Path, where: str, *, alone: bool = True) -> None:
        _guarded(path, where)
        self._lock = _locked(path, where) if alone else None
        try:
            first = database(path)
            with first.connect() as connection, connection.begin():
                migrate(connection, where)
            first.dispose()
        except SQLAlchemyError as error:
            self._unlock()
            raise ConfigError(where, f"cannot be used: {type(error).__name__}") from None
        except ConfigError:
            self._unlock()
            raise
        self._engine = database(path, begins=False)
        self._writer = Writer(self._engine)
        self._reader = _Reader(path)

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`."""
        recorded: list[Recorded] = await self._writer.put(Job(begun=[(one, times) for one in begun]))
        return recorded

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        await self._writer.put(Job(outcomes=[(outcome, now) for outcome in outcomes]))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns, once it is committed. Raises StoreDown, and what the work raises."""
        result: Result = await self._writer.put(Job(work))
        return result

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        """The same, in a transaction of its own that lets what waits go first."""
        result: Result = await self._writer.put_behind(Job(work))
        return result

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns; it can change nothing. Raises StoreDown."""
        return await self._reader.read(work)

    async def close(self) -> None:
        """Commit what waits, and let the file go."""
        await self._writer.close()
        self._reader.close()
        self._engine.dispose()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()


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
            raise StoreDown(said(error)) from None

    def close(self) -> None:
        self._thread.shutdown()
        self._engine.dispose()


def database(path: Path | None, *, query_only: bool = False, begins: bool = True) -> Engine:
    """An engine of SQLAlchemy for a file, or for one that nobody else can see where there is no path. `begins` is False where whoever
    uses it begins and ends the transactions."""
    url = "sqlite://" if path is None else f"sqlite:///{path}"
    arguments = {"check_same_thread": False, "timeout": _BUSY}
    engine = create_engine(url, poolclass=StaticPool, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def connect(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # transactions are begun below, and not where the driver guesses
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"query_only={'ON' if query_only else 'OFF'}"):
            raw.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")

    if begins:
        event.listen(engine, "begin", begin)

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
