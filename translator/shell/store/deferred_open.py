"""A store that cannot be opened yet, because the database is down at the start or the disk is full.

opened ─▶ the store itself
not now ─▶ StoreUnavailable for every operation, and a new try each second
never   ─▶ ConfigError at once: a wrong password, a database of a newer release, a file that is no store
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import Connection

from translator.core.effects import Outcome, Recorded
from translator.core.errors import ConfigError
from translator.shell.observability.log import logger
from translator.shell.store.interface import Result, Store, StoreUnavailable
from translator.shell.store.sends import Begun, Times

_AGAIN = 1.0
"""Seconds between two tries."""


async def open_late(opening: Callable[[], Awaitable[Store]], *, shared: bool) -> Store:
    """Open the store, or return a `LateStore` that opens it later. Raises ConfigError if it can never be opened."""
    try:
        return await opening()
    except StoreUnavailable as error:
        logger().error("store-not-open", why=str(error))
        return LateStore(opening, str(error), shared=shared)


class LateStore:
    """A store that is not open yet. It tries again until it is. `shared` is the value that the opened store will have."""

    def __init__(self, opening: Callable[[], Awaitable[Store]], why: str, *, shared: bool) -> None:
        self.shared = shared
        self._opening, self._why = opening, why
        self._store: Store | None = None
        self._task = asyncio.create_task(self._open())

    async def _open(self) -> None:
        while self._store is None:
            await asyncio.sleep(_AGAIN)
            try:
                self._store = await self._opening()
            except (StoreUnavailable, ConfigError) as error:
                if str(error) != self._why:
                    logger().error("store-not-open", why=str(error))
                self._why = str(error)
        logger().info("store-open")

    def _opened(self) -> Store:
        if self._store is None:
            raise StoreUnavailable(self._why)
        return self._store

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        """See `sends.record`."""
        return await self._opened().record(begun, times)

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        """See `sends.settle`."""
        await self._opened().settle(outcomes, now)

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return the result of `work` after the commit. Raises StoreUnavailable, and every error of `work`."""
        return await self._opened().write(work)

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        """Like `write`, for background work that no client waits for."""
        return await self._opened().write_behind(work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return the result of `work`. Raises StoreUnavailable."""
        return await self._opened().read(work)

    def trouble(self) -> str:
        """The reason why the store cannot be written, as far as it is known without a write. Empty if there is none."""
        return self._why if self._store is None else self._store.trouble()

    async def close(self) -> None:
        """Stop the tries and close the store."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._store is not None:
            await self._store.close()
