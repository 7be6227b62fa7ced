"""No account is owed more callbacks than `[callbacks] owed_max`: who wants another one is refused before anything is written down.

    wish ─▶ counted in the store, and added since ─┬▶ below the cap: it may be written down
                                                    └▶ at the cap: counted anew, once a second at most; refused while that stays so

What is counted is kept for a while, since a count of a hundred thousand takes some milliseconds. In between it only grows.
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
"""Callbacks that an account may be owed, where nobody says otherwise."""

AGE: Final = 10.0
"""Seconds after which a count is made anew in any case: other replicas write to the same store."""

AGAIN: Final = 1.0
"""Seconds between two counts of an account that is at the cap."""


class _Count:
    """What one account is owed: counted at `at`, and `added` since that count was begun."""

    __slots__ = ("added", "at", "counted", "lock")

    def __init__(self) -> None:
        self.counted = self.added = 0
        self.at = -AGE
        self.lock = asyncio.Lock()


class Owed:
    """What each account is owed, as far as this process knows. `most` is the cap."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self._clock = most, clock
        self._counts: dict[str, _Count] = {}
        self._refused: Counter[str] = Counter()

    async def take(self, store: Store, entry: str) -> bool:
        """Whether the account may be owed one more. If so, it is counted from now on."""
        count = self._counts.setdefault(entry, _Count())
        async with count.lock:
            age = self._clock() - count.at
            if age >= AGE or (age >= AGAIN and count.counted + count.added >= self.most):
                await self._recount(store, entry, count)
            may = count.counted + count.added < self.most
            count.added += may
            return may

    def refuse(self, entry: str) -> None:
        """A send of this account was refused for the callback that it wanted."""
        self._refused[entry] += 1

    def refusals(self) -> Iterator[tuple[str, int]]:
        """How many sends were refused, by account."""
        yield from self._refused.items()

    async def _recount(self, store: Store, entry: str, count: _Count) -> None:
        """Where the store is down, what was known stands: the send that asks is refused by the store itself."""
        try:
            counted = await store.read(partial(owed_to, entry=entry, most=self.most))
        except StoreUnavailable:
            return
        count.counted, count.added, count.at = counted, 0, self._clock()
