"""A store that cannot be opened yet: a database that is down at the start, or a full disk.

opened ─▶ the store itself
not now ─▶ StoreDown for whoever wants it, and it is tried again every second
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
    """The store, or one that becomes it when it can be opened. Raises ConfigError where it never can be."""
    try:
        return await opening()
    except StoreUnavailable as error:
        logger().error("store-not-open", why=str(error))
        return LateStore(opening, str(error), shared=shared)


class LateStore:
    """Tries to open a store until it is open. `shared` is what the store will be."""

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
        """What the work returns, once it is committed. Raises StoreDown, and what the work raises."""
        return await self._opened().write(work)

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        """The same for what nobody waits for."""
        return await self._opened().write_behind(work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """What the work returns. Raises StoreDown."""
        return await self._opened().read(work)

    def trouble(self) -> str:
        """What stands in the way of writing, as far as that is known without writing."""
        return self._why if self._store is None else self._store.trouble()

    async def close(self) -> None:
        """Stop trying, and let the store go."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._store is not None:
            await self._store.close()
