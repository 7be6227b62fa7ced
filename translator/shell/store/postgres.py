"""PostgreSQL: a database that several replicas share. The same works, run over asyncpg."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from translator.errors import ConfigError
from translator.shell.store import sends as rows
from translator.shell.store.opening import Result, StoreDown
from translator.shell.store.schema import migrate
from translator.shell.store.sends import Begun, Times
from translator.wants import Outcome, Recorded

_PATIENCE: Final = 5.0
"""Seconds after which a database that does not answer is taken for one that is down."""

_MIGRATION: Final = 900.0
"""Seconds that one step to today's tables may take: an index is made for all the rows that are there."""

_CONNECTIONS: Final = 8


class PostgresStore:
    """A PostgreSQL database."""

    shared = True

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str, where: str) -> "PostgresStore":
        """The store, brought to today's version. Raises ConfigError where it cannot be reached: nothing listens yet."""
        first = cls(_engine(url, 1, _MIGRATION))
        try:
            await first.write(lambda connection: migrate(connection, where))
        except StoreDown as error:
            raise ConfigError(where, f"cannot be reached: {error}") from None
        finally:
            await first.close()
        return cls(_engine(url, _CONNECTIONS, _PATIENCE))

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`."""
        return await self.write(partial(rows.record, begun=begun, times=times))

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        await self.write(partial(rows.settle, outcomes=outcomes, now=now))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns, once it is committed. Raises StoreDown, and what the work raises."""
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(work)
        except (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreDown(type(error).__name__) from None

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        """The same: here nothing waits for it."""
        return await self.write(work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns. Raises StoreDown."""
        return await self.write(work)

    def trouble(self) -> str:
        """Nothing is known without writing."""
        return ""

    async def close(self) -> None:
        """Let the connections go."""
        await asyncio.wait_for(self._engine.dispose(), _PATIENCE)


def _engine(url: str, connections: int, longest: float) -> AsyncEngine:
    """An engine of so many connections, of which a statement may take so many seconds."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_PATIENCE,
        pool_pre_ping=True,
        connect_args={"timeout": _PATIENCE, "command_timeout": longest},
    )
