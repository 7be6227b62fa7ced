"""Read turns of the connections to one provider: one of them continues in each turn of the loop, however many wait."""

import asyncio
from collections import deque
from collections.abc import Callable


class ReadTurns:
    """The connections that wait for their turn, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, loop: asyncio.AbstractEventLoop, go_on: Callable[[], None]) -> None:
        """Call `go_on` when its turn comes."""
        self._waiting.append(go_on)
        if len(self._waiting) == 1:
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        go_on = self._waiting.popleft()
        if self._waiting:
            loop.call_soon(self._next, loop)
        go_on()
