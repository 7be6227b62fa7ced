"""What was learnt and is kept for a while, and what is being found out at the moment: a `SingleFlight` is gone through here.

    Once ─▶ is somebody at it? ── yes ─▶ wait for the same result
                 └── no ─▶ steps(what is kept) ─▶ result ─▶ keep ─▶ everybody who waits

Steps that somebody waits for go on when whoever began them is gone; steps that nobody waits for any more are dropped.
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
"""How many bytes are kept, unless told otherwise."""

Drive = Callable[[EffectGenerator, Effect], Awaitable[Any]]
"""Goes through steps, from the want that they began with, to their result."""


class SingleFlightCache:
    """Holds up to `most` bytes, the least recently used go first. What lives as long as the process weighs nothing.

    Each thing that is kept counts for its account in `budget`. What an account may not hold is not kept, and what is kept for it is
    dropped where the account needs the memory for something else.
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
        # A hold is seen by no collector of garbage, so that nothing it refers to may refer back to this.
        self.budget.reclaim = lambda account: (found := reclaim()) is not None and found(account)
        self._lasting: dict[Hashable, CacheEntry] = {}
        self._running: dict[Hashable, _Run] = {}

    async def once(self, want: SingleFlight, drive: Drive) -> Any:
        """The result of these steps, or of those under the same key that are under way. Raises what they raise."""
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
        """What is kept under that key; None where nothing is."""
        kept = self._lasting.get(key) or self._cache.get(key)
        return None if kept is None else kept.value

    def count(self, want: CacheIncrement) -> None:
        """One more under that key."""
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
                self._cache[key] = kept  # as large as what it takes the place of, and of the same list
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
        """Give back the memory of what is kept no more: others took its place, or its time is over."""
        if len(self._holds) > len(self._cache):
            self._drop([key for key in self._holds if key not in self._cache])

    def _drop(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            self._cache.pop(key, None)
            hold = self._holds.pop(key, None)
            if hold is not None:
                hold.release()

    def _reclaim(self, account: str) -> bool:
        """Drop what is kept for an account. Whether there was anything."""
        found = [key for key, hold in self._holds.items() if hold.account == account and hold.size]
        self._drop(found)
        return bool(found)


class _Run:
    """Steps under way, and how many wait for their result."""

    def __init__(self, task: "asyncio.Future[Any]") -> None:
        self.task = task
        self.waiting = 0
