"""The dispatcher's care for its clock: it follows the database's clock, repairs due times, and measures the backlog."""

from collections.abc import Callable
from functools import partial
from typing import Final

from translator.shell.aio.clocks import SteadyClock
from translator.shell.aio.retry_after import LONGEST
from translator.shell.observability.admin import Meter
from translator.shell.store import Store, deliveries

LEASE: Final = 60.0
"""Seconds of the lease of a delivery. The delivery starts in the first half of the lease and ends before the lease does."""

JITTER: Final = 0.1
"""The random part of a backoff, as a fraction of it."""

_MEASURE: Final = 10.0
"""Seconds between two measurements of the backlog."""

_REPAIR: Final = 60.0
_HORIZON: Final = LONGEST * (1 + JITTER) + LEASE
"""Seconds within which each delivery is due. A later due time was written before the clock was set back."""


class DispatcherUpkeep:
    """The periodic tasks of the dispatcher. The first run also frees the leases of the process before, if there is one process."""

    def __init__(self, store: Store, meter: Meter, clock: Callable[[], float]) -> None:
        self._store, self._meter, self._clock = store, meter, clock
        self._measure_at = self._repair_at = 0.0

    async def run(self, at: float) -> None:
        """Do what is due at `at`, a time of the event loop. Raises StoreUnavailable."""
        if at >= self._repair_at:
            await self._repair(is_first=not self._repair_at)
            self._repair_at = at + _REPAIR  # after the store was down, the repair runs as soon as the store answers
        if at >= self._measure_at:
            self._measure_at = at + _MEASURE
            now = self._clock()
            waits, paused = await self._store.read(
                lambda connection: (deliveries.lag(connection, now), deliveries.paused(connection))
            )
            self._meter.show("callback_lag_seconds", waits)
            self._meter.show("destinations_paused", paused)

    async def _repair(self, *, is_first: bool) -> None:
        if self._store.shared and isinstance(self._clock, SteadyClock):
            self._clock.set_by(await self._store.read(deliveries.database_time))
        now = self._clock()
        if late := await self._store.read(partial(deliveries.too_late, now=now, horizon=_HORIZON)):
            await self._store.write(partial(deliveries.hasten, late=late, now=now, horizon=_HORIZON))
        if is_first and not self._store.shared and (left := await self._store.read(deliveries.leased)):
            await self._store.write(partial(deliveries.release, at=left, now=now))
