"""What one turn of the loop has to say to the network, written together.

A write to a peer that sleeps wakes it, which costs more than the bytes do; where one follows the other at once, the peer is still awake
for the next. Writes that wait for the end of their turn take a sixth off a send with 16 clients.
"""

import asyncio
from typing import Any, Final
from weakref import WeakKeyDictionary

_MOST: Final = 16
"""How many writes wait for one another: with more, the first would be late."""


class Outbox:
    """The writes of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[Any, bytes, bool]] = []

    def write(self, transport: Any, data: bytes, *, last: bool = False) -> None:
        """Write at the end of the turn, in the order of writing; `last` closes the transport behind it."""
        waiting = self._waiting
        waiting.append((transport, data, last))
        if len(waiting) == 1:
            self._loop.call_soon(self.flush)
        elif len(waiting) == _MOST:
            self.flush()

    def flush(self) -> None:
        """Write what waits. A transport that fails takes nobody else's writes with it."""
        waiting, self._waiting = self._waiting, []
        for transport, data, last in waiting:
            if transport.is_closing():
                continue
            try:
                transport.write(data)
            except (OSError, RuntimeError):
                transport.abort()
            if last:
                transport.close()


_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Outbox] = WeakKeyDictionary()


def outbox_of(loop: asyncio.AbstractEventLoop) -> Outbox:
    """The one of a loop."""
    found = _outboxes.get(loop)
    if found is None:
        found = _outboxes[loop] = Outbox(loop)
    return found
