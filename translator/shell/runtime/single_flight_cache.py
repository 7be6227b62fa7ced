"""A cache with single flight: it keeps results for a time, and runs the steps of a `SingleFlight` effect once for all waiting tasks.

    SingleFlight ─▶ is it in progress? ── yes ─▶ wait for the same result
                     └── no ─▶ steps(cached value) ─▶ result ─▶ cache it ─▶ all waiting tasks

The steps continue as long as any task waits for them, even if the task that started them is cancelled. Otherwise they are cancelled.
"""

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, Final
from weakref import WeakMethod

from cachetools import TLRUCache

from translator.core.effects import CacheEntry, CacheIncrement, Effect, EffectGenerator, SingleFlight
from translator.shell.aio.memory_budget import Hold, MemoryBudget

BYTES: Final = 64 * 1024 * 1024
"""The default size of the cache in bytes."""

Drive = Callable[[EffectGenerator, Effect], Awaitable[Any]]
"""Runs a generator from its first effect to its result."""


class SingleFlightCache:
    """A cache of up to `most` bytes, from which the least recently used entries go first.

    Entries that live as long as the process do not count.
    Each other entry counts for its account in `budget`. An entry that the account's budget refuses is not cached.
    If the account needs the memory for something else, its entries are dropped.
    """

    def __init__(
        self, most: int = BYTES, budget: MemoryBudget | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cache: TLRUCache[Hashable, CacheEntry] = TLRUCache(
            maxsize=most, ttu=lambda _, kept, now: now + kept.life, timer=clock, getsizeof=lambda kept: kept.weight
        )
        self._holds: dict[Hashable, Hold] = {}
        self.budget = budget or MemoryBudget(sys.maxsize)
        reclaim = WeakMethod(self._reclaim)
        # The garbage collector does not track a hold (`gc=False`), so a reference back to the cache would leak it.
        self.budget.reclaim = lambda account: (found := reclaim()) is not None and found(account)
        self._lasting: dict[Hashable, CacheEntry] = {}
        self._running: dict[Hashable, _Run] = {}

    async def once(self, want: SingleFlight, drive: Drive) -> Any:
        """Return the result of these steps, or of the steps in progress under the same key. Raises what they raise."""
        run = self._running.get(want.key)
        if run is None:
            steps = want.steps(self.recall(want.key))
            try:
                first = next(steps)
            except StopIteration as done:
                return self._keep(want.key, *done.value)
            run = self._running[want.key] = _Run(asyncio.ensure_future(self._go(want.key, steps, first, drive)))
        return await self._joined(want.key, run)

    def recall(self, key: Hashable) -> Any:
        """Return the cached value of a key; None if there is none."""
        kept = self._lasting.get(key) or self._cache.get(key)
        return None if kept is None else kept.value

    def count(self, want: CacheIncrement) -> None:
        """Add 1 to the count of a key."""
        kept = self._lasting.get(want.key)
        self._lasting[want.key] = CacheEntry(1 if kept is None else kept.value + 1, 0, math.inf)

    async def _joined(self, key: Hashable, run: "_Run") -> Any:
        run.waiting += 1
        try:
            return await asyncio.shield(run.task)
        finally:
            run.waiting -= 1
            if not run.waiting:
                run.task.cancel()
                if self._running.get(key) is run:
                    del self._running[key]

    async def _go(self, key: Hashable, steps: EffectGenerator, first: Effect, drive: Drive) -> Any:
        return self._keep(key, *await drive(steps, first))

    def _keep(self, key: Hashable, result: Any, kept: CacheEntry | None) -> Any:
        if kept is not None and kept.life == math.inf:
            self._lasting[key] = kept
        elif kept is not None and kept.life > 0 and kept.weight <= self._cache.maxsize:
            self._put(key, kept)
        return result

    def _put(self, key: Hashable, kept: CacheEntry) -> None:
        before = self._holds.get(key)
        if before is not None:
            if before.size == kept.weight:
                self._cache[key] = kept  # the same size and the same list as the entry that it replaces
                return
            self._holds.pop(key).release()
        hold = self.budget.take(kept.account, "snapshot", kept.weight)
        if hold is None:
            self._cache.pop(key, None)
            return
        self._cache[key] = kept
        self._holds[key] = hold
        self._settle()

    def _settle(self) -> None:
        """Release the memory of entries that have left the cache by eviction or expiry."""
        if len(self._holds) > len(self._cache):
            self._drop([key for key in self._holds if key not in self._cache])

    def _drop(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            self._cache.pop(key, None)
            hold = self._holds.pop(key, None)
            if hold is not None:
                hold.release()

    def _reclaim(self, account: str) -> bool:
        """Drop the entries of an account. Returns True if there were any."""
        found = [key for key, hold in self._holds.items() if hold.account == account and hold.size]
        self._drop(found)
        return bool(found)


class _Run:
    """Steps in progress, and the number of tasks that wait for their result."""

    def __init__(self, task: "asyncio.Future[Any]") -> None:
        self.task = task
        self.waiting = 0
