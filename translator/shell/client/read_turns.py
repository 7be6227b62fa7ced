"""Turns of the connections to one provider: one of them goes on reading in each turn of the loop, however many there are."""

import asyncio
from collections import deque
from collections.abc import Callable


class ReadTurns:
    """Those who wait for their turn, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, loop: asyncio.AbstractEventLoop, go_on: Callable[[], None]) -> None:
        """Have this called when it is its turn."""
        self._waiting.append(go_on)
        if len(self._waiting) == 1:
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        go_on = self._waiting.popleft()
        if self._waiting:
            loop.call_soon(self._next, loop)
        go_on()
