"""A fair semaphore for the requests to a provider. Waiting accounts take turns: the account with most requests waits longest."""

import asyncio
from collections import OrderedDict, deque


class FairSemaphore:
    """A semaphore of `count` slots. Each slot that is taken has to be given back."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def take_free(self) -> bool:
        """Take a slot if one is free. While one is free, no account waits."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def take(self, who: str) -> None:
        """Take a slot as soon as it is the turn of the account `who`."""
        if self.take_free():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        """Give a slot back, to the account whose turn it is, or to the free slots if no account waits."""
        while self._waiting:
            who, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[who] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
