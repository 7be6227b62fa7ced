"""The SQLite store: one thread writes with group commit, and another thread only reads."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from translator.core.effects import Outcome, Recorded
from translator.core.errors import ConfigError
from translator.shell.observability.log import logger
from translator.shell.store.checkpoints import AT_LAST, LARGEST, Checkpoints
from translator.shell.store.files import Held
from translator.shell.store.group_commit import Job, Writer
from translator.shell.store.interface import Result, StoreUnavailable, said
from translator.shell.store.migrations import migrate
from translator.shell.store.sends import Begun, Times

_BUSY: Final = 5.0
"""Seconds that a write waits for a write of another process."""

_YIELDS: Final = 2.0
"""Seconds for which background work waits for a checkpoint in progress."""

_FOR_NOW: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
)
"""Error codes of a store that may be opened later: the disk is full or fails, or another process uses the file."""


class SqliteStore:
    """An SQLite file."""

    shared = False

    def __init__(self, path: Path, where: str, *, alone: bool = True) -> None:
        if not alone and not path.exists():
            raise ConfigError(where, f"there is no store {path}; serve makes it")
        self._file = Held(path, where) if alone else None
        self._said = ""
        try:
            first = database(path, creates=False)
            try:
                with first.connect() as connection, connection.begin():
                    migrate(connection, where, is_new=alone)
            finally:
                first.dispose()
        except SQLAlchemyError as error:
            self._let_go()
            if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF in _FOR_NOW:
                raise StoreUnavailable(said(error)) from None
            raise ConfigError(where, f"cannot be used: {said(error)}") from None
        except ConfigError:
            self._let_go()
            raise
        self._engine = database(path, begins=False, creates=False, largest=AT_LAST if alone else LARGEST)
        self._checkpoints = Checkpoints(path) if alone else None
        turn = self._checkpoints.turn if self._checkpoints is not None else contextlib.nullcontext()
        self._writer = Writer(self._engine, self._forbids, self._noted, turn)
        self._reader = _Reader(path)

    def _forbids(self) -> str:
        """Return the reason why no write is allowed; empty if there is none. A reason is logged once."""
        why = self._file.why() if self._file is not None else ""
        if why and why != self._said:
            logger().error("store-file", why=why)
        self._said = why
        return why

    def _noted(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.noted.set()

    def trouble(self) -> str:
        """The reason why the store cannot be written, as far as it is known without a write. Empty if there is none."""
        return self._file.trouble() if self._file is not None else ""

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`."""
        recorded: list[Recorded] = await self._writer.put(Job(begun=[(one, times) for one in begun]))
        return recorded

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        await self._writer.put(Job(outcomes=[(outcome, now) for outcome in outcomes]))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return the result of `work` after the commit. Raises StoreUnavailable, and every error of `work`."""
        result: Result = await self._writer.put(Job(work))
        return result

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        """Like `write`, in a transaction of its own that lets waiting jobs go first.
        A power cut may undo it, so it is for work that is then repeated."""
        until = time.monotonic() + _YIELDS
        while self._checkpoints is not None and self._checkpoints.is_running and time.monotonic() < until:  # noqa: ASYNC110 - of a thread
            await asyncio.sleep(0.005)
        result: Result = await self._writer.put_behind(Job(work))
        return result

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return the result of `work`, which cannot change anything. Raises StoreUnavailable."""
        return await self._reader.read(work)

    async def close(self) -> None:
        """Commit the waiting jobs and close the file."""
        await self._writer.close()
        if self._checkpoints is not None:
            self._checkpoints.close()
        self._reader.close()
        self._engine.dispose()
        self._let_go()

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()


class _Reader:
    """A thread with a read-only connection."""

    def __init__(self, path: Path) -> None:
        self._engine = database(path, query_only=True, creates=False)
        self._thread = ThreadPoolExecutor(1, "store-reader")

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, work)

    def _read(self, work: Callable[[Connection], Result]) -> Result:
        try:
            with self._engine.connect() as connection, connection.begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreUnavailable(said(error)) from None

    def close(self) -> None:
        self._thread.shutdown()
        self._engine.dispose()


def database(
    path: Path | None, *, query_only: bool = False, begins: bool = True, creates: bool = True, largest: int = LARGEST
) -> Engine:
    """Return an SQLAlchemy engine for a file. Without a path, the database is in memory and belongs to this engine alone.

    `begins`: False if the caller begins and ends the transactions. `creates`: False if a missing file is an error.
    `largest`: the pages of the log at which a commit does a checkpoint."""
    where = ":memory:" if path is None else f"file:{quote(str(path))}?mode=rw{'c' if creates else ''}"

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(where, uri=path is not None, check_same_thread=False, timeout=_BUSY)

    engine = create_engine("sqlite://", poolclass=StaticPool, creator=opened)

    @event.listens_for(engine, "connect")
    def connect(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # transactions begin below, and not when the driver guesses
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"wal_autocheckpoint={largest}",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            raw.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")

    if begins:
        event.listen(engine, "begin", begin)

    return engine
