"""What a request could not write down, and what is written when the store answers again, however long after the request.

record failed, and may have been committed ─▶ the sends are withdrawn: nobody was asked for them
settle failed, again and again             ─▶ what became of the sends is written down late
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
"""How many of each are kept. Of one more the store says later that nobody knows what became of it."""

_AT_ONCE: Final = 500


class DeferredWrites:
    """`wake` is called when there is something to be written. It is false while there is nothing."""

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
        """These sends may have been written down, and are not asked for."""
        self._ids.update(dict.fromkeys(ids[: MOST - len(self._ids)]))
        self.wake()

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """This became of sends, and could not be written down."""
        self._outcomes.update((outcome.id, outcome) for outcome in outcomes[: MOST - len(self._outcomes)])
        self.wake()

    async def write(self) -> bool:
        """Write all of it. Whether there was any. Raises StoreDown, and then it is kept."""
        async with self._turn:
            was_any = bool(self)
            await self._withdraw()
            while self._outcomes:
                outcomes = list(self._outcomes.values())[:_AT_ONCE]
                try:
                    await self._store.settle(outcomes, self._clock())
                except StoreUnavailable:
                    raise
                except Exception as error:  # noqa: BLE001 - it is said, and keeps no other from being written
                    logger().error("defect", what="written-late", traceback=redacted_traceback(error))
                for outcome in outcomes:
                    del self._outcomes[outcome.id]
                logger().info("settled-late", count=len(outcomes))
            return was_any

    async def withdraw_now(self) -> None:
        """Withdraw what is to be withdrawn: nothing equal may be written down before. Raises StoreDown."""
        if self._ids:
            async with self._turn:
                await self._withdraw()

    async def _withdraw(self) -> None:
        while self._ids:
            ids = list(self._ids)[:_AT_ONCE]
            done = await self._store.write(partial(withdraw, ids=ids))
            for id_ in ids:
                del self._ids[id_]
            logger().info("withdrawn", count=done)
