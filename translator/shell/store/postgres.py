"""The PostgreSQL store, a database that several replicas share. The same work functions run over asyncpg."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from translator.core.effects import Outcome, Recorded
from translator.core.errors import ConfigError
from translator.shell.observability.log import logger
from translator.shell.store import sends as rows
from translator.shell.store.interface import Result, StoreUnavailable, Unstorable
from translator.shell.store.migrations import migrate
from translator.shell.store.pgurl import Target, read_url
from translator.shell.store.sends import Begun, Times

_PATIENCE: Final = 5.0
"""Seconds after which a database that does not answer counts as down."""

_MIGRATION: Final = 900.0
"""Seconds that one migration step may take, because it may build an index for all rows."""

_CONNECTIONS: Final = 8

_CLOSING: Final = 5.0
"""Seconds that the connections may take to close."""

_DATA: Final = ("22", "54")
"""Error classes that a value causes, and not the database: the value is invalid, or too large for an index."""

_NEVER: Final = ("28", "3D", "42501")
"""Error classes of a database that can never be opened: authentication, database name, permission."""

_TOLD: Final = ("08", "28", "3D", "42501", "53", "57")
"""Error classes whose message is passed on. They concern the connection and contain no value of a row."""

_Errors: Final = (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class PostgresStore:
    """A PostgreSQL database."""

    shared = True

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str, where: str, *, is_new: bool = True) -> "PostgresStore":
        """Open the store and bring it to the present version. `is_new`: create or migrate it if necessary.
        Raises ConfigError for an unusable database, and StoreUnavailable for one that does not answer."""
        target = read_url(url, where)
        await _let_go(await connected(url, where))
        first = cls(_engine(target, 1, _MIGRATION))
        try:
            await first.write(lambda connection: migrate(connection, where, is_new=is_new))
        except StoreUnavailable as error:
            if error.code.startswith(_NEVER):
                raise ConfigError(where, f"cannot be used: {error}") from None
            raise
        finally:
            await first.close()
        return cls(_engine(target, _CONNECTIONS, _PATIENCE))

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`."""
        return await self.write(partial(rows.record, begun=begun, times=times))

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        await self.write(partial(rows.settle, outcomes=outcomes, now=now))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return the result of `work` after the commit. Raises StoreUnavailable, Unstorable, and every error of `work`."""
        is_done, task = False, asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        try:
            async with self._engine.connect() as connection:
                async with connection.begin():
                    result = await connection.run_sync(work)
                    is_done = True
                return result
        except _Errors as error:
            if task is not None and task.cancelling() > cancelled:
                # An error while the connection closes hides our cancellation. Without this, a shutdown would wait for ever.
                raise asyncio.CancelledError from None
            code = _code(error)
            if code.startswith(_DATA) or (not code and isinstance(_first(error), ValueError)):
                raise Unstorable(type(_first(error)).__name__) from None
            raise StoreUnavailable(_said(error), is_unsure=is_done, code=code) from None

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        """Like `write`: this store has no queue."""
        return await self.write(work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return the result of `work`. Raises StoreUnavailable."""
        return await self.write(work)

    def trouble(self) -> str:
        """Empty: a problem shows only in a write."""
        return ""

    async def close(self) -> None:
        """Close the connections. One that does not close in time ends with the process."""
        try:
            await asyncio.wait_for(self._engine.dispose(), _CLOSING)
        except (TimeoutError, *_Errors) as error:
            logger().warning("store-not-closed", why=type(error).__name__)


async def connected(url: str, where: str) -> Any:
    """Open a connection of the driver. Raises StoreUnavailable if it fails now and may work later.
    Raises ConfigError with the server's message if it never will."""
    target = read_url(url, where)
    try:
        return await asyncpg.connect(**target.arguments(_PATIENCE))
    except (asyncpg.ClientConfigurationError, asyncpg.UnsupportedClientFeatureError) as error:
        raise ConfigError(where, f"cannot be used: {error}") from None
    except ValueError as error:
        raise ConfigError(where, f"cannot be used: {type(error).__name__}") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if _code(error).startswith(_NEVER):
            raise ConfigError(where, f"cannot be used: {_said(error)}") from None
        raise StoreUnavailable(_said(error), code=_code(error)) from None


async def _let_go(connection: Any) -> None:
    try:
        await connection.close(timeout=_CLOSING)
    except (*_Errors, TimeoutError):
        connection.terminate()


def _first(error: BaseException) -> BaseException:
    """Return the driver's own error, without the errors that wrap it."""
    while True:
        inner = getattr(error, "orig", None) or error.__cause__
        if inner is None:
            return error
        error = inner


def _code(error: BaseException) -> str:
    """Return PostgreSQL's code of an error; empty if the error is not the server's."""
    return str(getattr(_first(error), "sqlstate", None) or "")


def _said(error: BaseException) -> str:
    """Return an error without any value of a row: the server's message if it concerns the connection, and otherwise the class name."""
    first = _first(error)
    if _code(error).startswith(_TOLD) or isinstance(first, OSError):
        return f"{first}" or type(first).__name__
    return type(first).__name__


def _engine(target: Target, connections: int, longest: float) -> AsyncEngine:
    """Return an engine with `connections` connections. A statement may take `longest` seconds."""

    async def connected(*_: Any, **__: Any) -> Any:
        return await asyncpg.connect(**target.arguments(_PATIENCE), command_timeout=longest)

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connected, pool_size=connections, max_overflow=0, pool_timeout=_PATIENCE,
        pool_pre_ping=True,
    )  # fmt: skip
