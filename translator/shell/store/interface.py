"""A store by its URL: an SQLite file with one writer, a PostgreSQL database that replicas share, or the memory of this process."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from translator.core.effects import Outcome, Recorded
from translator.core.errors import ConfigError
from translator.shell.store.sends import Begun, Times

Result = TypeVar("Result")


class StoreUnavailable(Exception):
    """The store cannot be written or read at the moment. Nothing of what was wanted may be relied on. `is_unsure` says that it may have
    been committed nevertheless: the commit was asked for, and its answer did not come or was an error. `code` is PostgreSQL's own."""

    def __init__(self, why: str, *, is_unsure: bool = False, code: str = "") -> None:
        super().__init__(why)
        self.is_unsure, self.code = is_unsure, code


class Unstorable(Exception):
    """A value is one that the store cannot hold. Nothing was written, and the store is well."""


def said(error: BaseException) -> str:
    """What a database said, without any value of a row: SQLite's sentences hold none, of others only the error's name is taken."""
    first = getattr(error, "orig", None) or error
    return f"{type(first).__name__}: {first}" if isinstance(first, sqlite3.Error) else type(error).__name__


class Store(Protocol):
    """Work is a plain function of a connection, and one transaction: all of it is committed when `write` returns. `write_behind` is for
    what nobody waits for: sends that wait are written first. `trouble` says what stands in the way of writing, as far as that is known
    without writing; empty where nothing does."""

    shared: bool
    """Whether other processes may be at the same rows."""

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]: ...

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None: ...

    async def write(self, work: Callable[[Connection], Result]) -> Result: ...

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result: ...

    async def read(self, work: Callable[[Connection], Result]) -> Result: ...

    def trouble(self) -> str: ...

    async def close(self) -> None: ...


async def open_store(url: str, where: str, folder: Path, *, alone: bool = True) -> Store:
    """The store, brought to today's version. A relative SQLite path is relative to `folder`.

    `alone` refuses an SQLite file that another `serve` has, and makes a store that is not there; the command line's short transactions
    go beside it. Raises ConfigError, with `where` as its place, and StoreDown where it cannot be opened now and may be later.
    """
    if url == "memory:":
        from translator.shell.store.memory import MemoryStore  # noqa: PLC0415 - a store is loaded where it is wanted

        return MemoryStore(where)
    if url.startswith("sqlite:///"):
        from translator.shell.store.sqlite import SqliteStore  # noqa: PLC0415

        path = folder / url.removeprefix("sqlite:///")
        return SqliteStore(path, where, alone=alone)
    try:
        from translator.shell.store.postgres import PostgresStore  # noqa: PLC0415
    except ImportError:
        raise ConfigError(where, "needs the extra: pip install 'sms-translator[postgres]'") from None
    return await PostgresStore.open(url, where, is_new=alone)
