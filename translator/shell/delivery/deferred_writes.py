"""Keeps the writes that a request could not make, and makes them when the store answers again.

record failed, but may have been committed ─▶ the intents are withdrawn, because no provider request was made
settle failed in each of its attempts      ─▶ the outcomes are recorded late
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from translator.core.effects import Outcome
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.store import Store, StoreUnavailable
from translator.shell.store.withdrawn_sends import withdraw

MOST: Final = 10_000
"""The number of withdrawals, and of outcomes, that are kept. A send beyond it becomes an unknown send."""

_AT_ONCE: Final = 500


class DeferredWrites:
    """The queue of deferred writes, false while it is empty. `wake` is called when a write is added."""

    def __init__(
        self, store: Store, clock: Callable[[], float] = time.time, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._store, self._clock, self.wake = store, clock, wake
        self._ids: dict[str, None] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._turn = asyncio.Lock()

    def __bool__(self) -> bool:
        return bool(self._ids or self._outcomes)

    def withdraw(self, ids: Sequence[str]) -> None:
        """Queue the deletion of intents that may have been recorded, but have no provider request."""
        self._ids.update(dict.fromkeys(ids[: MOST - len(self._ids)]))
        self.wake()

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Queue outcomes that could not be recorded."""
        self._outcomes.update((outcome.id, outcome) for outcome in outcomes[: MOST - len(self._outcomes)])
        self.wake()

    async def write(self) -> bool:
        """Write the whole queue. True if there was anything. Raises StoreUnavailable, and then keeps the rest."""
        async with self._turn:
            was_any = bool(self)
            await self._withdraw()
            while self._outcomes:
                outcomes = list(self._outcomes.values())[:_AT_ONCE]
                try:
                    await self._store.settle(outcomes, self._clock())
                except StoreUnavailable:
                    raise
                except Exception as error:  # noqa: BLE001 - it is logged, and the other outcomes are still written
                    logger().error("defect", what="outcomes-recorded-late", traceback=redacted_traceback(error))
                for outcome in outcomes:
                    del self._outcomes[outcome.id]
                logger().info("outcomes-recorded-late", count=len(outcomes))
            return was_any

    async def withdraw_now(self) -> None:
        """Make the queued withdrawals. They come before a new record, so that an equal send finds none of them. Raises StoreUnavailable."""
        if self._ids:
            async with self._turn:
                await self._withdraw()

    async def _withdraw(self) -> None:
        while self._ids:
            ids = list(self._ids)[:_AT_ONCE]
            done = await self._store.write(partial(withdraw, ids=ids))
            for id_ in ids:
                del self._ids[id_]
            logger().info("intents-withdrawn", count=done)
