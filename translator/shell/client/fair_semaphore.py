"""A fair semaphore for the requests to a provider. Waiting accounts take turns: the account with most requests waits longest.

If several accounts share the provider, one account never has all slots. It may have one, or four times as many as it leaves free.
So a request of another account finds a slot, even if the provider answers none of the first account's requests.
"""

import asyncio
from collections import OrderedDict, defaultdict, deque
from typing import Final

_TIMES: Final = 4
"""The factor by which an account may have more slots than it leaves free."""


class FairSemaphore:
    """A semaphore of `count` slots. Each slot that is taken has to be given back, by the same account.
    `is_shared`: True if several accounts take slots, so that one may not have all."""

    def __init__(self, count: int, *, is_shared: bool = False) -> None:
        self._free = count
        self._is_shared = is_shared
        self._used: defaultdict[str, int] = defaultdict(int)
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def take_free(self, who: str = "") -> bool:
        """Take a slot if one is free and the account `who` may have it. A free slot that it may have is never waited for."""
        if not self._may(who):
            return False
        self._free -= 1
        if self._is_shared:
            self._used[who] += 1
        return True

    async def take(self, who: str) -> None:
        """Take a slot as soon as it is the turn of the account `who`."""
        if self.take_free(who):
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(who)
            raise

    def give(self, who: str = "") -> None:
        """Give a slot of the account `who` back. The next account whose turn it is, and that may have a slot, gets one."""
        self._free += 1
        if self._is_shared:
            self._used[who] -= 1
            if not self._used[who]:
                del self._used[who]
        for waiting in list(self._waiting):
            turns = self._waiting[waiting]
            while turns and turns[0].done():  # it was cancelled
                turns.popleft()
            if turns and self.take_free(waiting):
                turns.popleft().set_result(None)
                self._waiting.move_to_end(waiting)
            if not turns:
                del self._waiting[waiting]
            if not self._free:
                return

    def _may(self, who: str) -> bool:
        """True if a slot is free, and the account `who` may have it."""
        if not self._is_shared or self._free == 0:
            return self._free > 0
        used = self._used.get(who, 0)
        return not used or used + 1 <= _TIMES * (self._free - 1)
