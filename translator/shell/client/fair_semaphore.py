"""Places for calls to a back, as many as it takes at once. Accounts that wait for one take turns: who asks most waits longest."""

import asyncio
from collections import OrderedDict, deque


class FairSemaphore:
    """`count` places. Every one that was taken has to be given back."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def take_free(self) -> bool:
        """Take a place if one is free. Nobody waits while one is."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def take(self, who: str) -> None:
        """Take a place as soon as it is the turn of that account."""
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
        """Give a place back: to the account whose turn it is, or to nobody."""
        while self._waiting:
            who, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[who] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
