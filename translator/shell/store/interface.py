"""The interface of a store, and how to open one by its URL.

A store is an SQLite file with one writer, a PostgreSQL database that replicas share, or the memory of this process.
"""

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
    """The store cannot be written or read now. The operation counts as not done.
    `is_unsure`: True if it may have been committed nevertheless, because the response to the commit was missing or an error.
    `code`: PostgreSQL's error code."""

    def __init__(self, why: str, *, is_unsure: bool = False, code: str = "") -> None:
        super().__init__(why)
        self.is_unsure, self.code = is_unsure, code


class Unstorable(Exception):
    """The store cannot hold one of the values. Nothing was written, and the store works."""


def said(error: BaseException) -> str:
    """Return a database's error without any value of a row. SQLite's messages contain none; for other errors return only the class name."""
    first = getattr(error, "orig", None) or error
    return f"{type(first).__name__}: {first}" if isinstance(first, sqlite3.Error) else type(error).__name__


class Store(Protocol):
    """A store. `work` is a function of a connection, and one transaction.

    `write`: commit all of the work before it returns.
    `write_behind`: the same for background work. Waiting sends are written first.
    `trouble`: the reason why the store cannot be written, as far as it is known without a write. Empty if there is none.
    """

    shared: bool
    """True if other processes may use the same rows."""

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]: ...

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None: ...

    async def write(self, work: Callable[[Connection], Result]) -> Result: ...

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result: ...

    async def read(self, work: Callable[[Connection], Result]) -> Result: ...

    def trouble(self) -> str: ...

    async def close(self) -> None: ...


async def open_store(url: str, where: str, folder: Path, *, alone: bool = True) -> Store:
    """Open a store and bring it to the present version. A relative SQLite path is relative to `folder`.

    `alone`: refuse an SQLite file that another `serve` uses, and create a missing store.
    The short transactions of the CLI run beside `serve`, without `alone`.

    Raises ConfigError, with `where` as its place. Raises StoreUnavailable if the store cannot be opened now and may be later.
    """
    if url == "memory:":
        from translator.shell.store.memory import MemoryStore  # noqa: PLC0415 - loaded only if it is configured

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
