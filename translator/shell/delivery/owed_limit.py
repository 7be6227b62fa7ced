"""Limits the pending callbacks of an account to `[callbacks] owed_max`. A send above it is refused before anything is recorded.

    callback target ─▶ the count in the store, and the sends added since ─┬▶ below the limit: the send may be recorded
                                                                           └▶ at the limit: a new count, at most one a second

A count is kept for a while, because counting 100,000 rows takes some milliseconds. In between it only grows.
A callback that was taken counts here until its send is recorded, and in the store from then on. A new count loses neither.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from translator.shell.store import Store, StoreUnavailable
from translator.shell.store.owed_counts import owed_to

MOST: Final = 100_000
"""The default limit of pending callbacks of an account."""

AGE: Final = 10.0
"""Seconds after which a count is repeated in any case, because other replicas write to the same store."""

AGAIN: Final = 1.0
"""Seconds between two counts of an account that is at the limit."""


class _Count:
    """The pending callbacks of one account: the count at the time `at`, and the number `added` since.
    `in_flight`: those that were taken, and whose sends are not recorded yet."""

    __slots__ = ("added", "at", "counted", "in_flight", "lock")

    def __init__(self) -> None:
        self.counted = self.added = self.in_flight = 0
        self.at = -AGE
        self.lock = asyncio.Lock()


class Owed:
    """The pending callbacks of each account, as far as this process knows. `most` is the limit."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self._clock = most, clock
        self._counts: dict[str, _Count] = {}
        self._refused: Counter[str] = Counter()

    async def take(self, store: Store, entry: str) -> bool:
        """True if the account may have one more callback. If so, it is counted from now on, and `recorded` has to follow."""
        count = self._counts.setdefault(entry, _Count())
        async with count.lock:
            age = self._clock() - count.at
            if age >= AGE or (age >= AGAIN and count.counted + count.added >= self.most):
                await self._recount(store, entry, count)
            may = count.counted + count.added < self.most
            count.added += may
            count.in_flight += may
            return may

    def recorded(self, entry: str) -> None:
        """The send of a callback that was taken is recorded, or will not be."""
        self._counts[entry].in_flight -= 1

    def refuse(self, entry: str) -> None:
        """Count a send of this account that was refused because of its callback."""
        self._refused[entry] += 1

    def refusals(self) -> Iterator[tuple[str, int]]:
        """Yield each account with its number of refused sends."""
        yield from self._refused.items()

    async def _recount(self, store: Store, entry: str, count: _Count) -> None:
        """Repeat the count. If the store is down the old count stays, because recording the send fails anyway.
        A send in flight may be recorded before the store is read, and then counts twice until the next count."""
        in_flight = count.in_flight
        try:
            counted = await store.read(partial(owed_to, entry=entry, most=self.most))
        except StoreUnavailable:
            return
        count.counted, count.added, count.at = counted, in_flight, self._clock()
