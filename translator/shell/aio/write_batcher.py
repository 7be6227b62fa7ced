"""What one turn of the loop has to say to the network, written together.

A write to a peer that sleeps wakes it, which costs more than the bytes do; where one follows the other at once, the peer is still awake
for the next. Writes that wait for the end of their turn take a sixth off a send with 16 clients.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

_MOST: Final = 16
"""How many writes wait for one another: with more, the first would be late."""

_LARGE: Final = 64 * 1024
"""Bytes from which on a body is not copied behind its head but written beside it, and waits for nobody: to keep it costs more than it
saves."""


class WriteBatcher:
    """The writes of a loop, which this must not hold."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = ref(loop)
        self._waiting: list[tuple[Any, bytes, Callable[[], None] | None]] = []

    def write(self, transport: Any, head: bytes, body: bytes = b"", then: Callable[[], None] | None = None) -> None:
        """Write at the end of the turn, in the order of writing; `then` is called behind it."""
        waiting = self._waiting
        if len(body) >= _LARGE:
            self.flush()
            _write(transport, transport.writelines, (head, body), then)
            return
        waiting.append((transport, head + body, then))
        if len(waiting) == _MOST:
            self.flush()
        elif len(waiting) == 1 and (loop := self._loop()) is not None:
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what waits. A transport that fails takes nobody else's writes with it."""
        waiting, self._waiting = self._waiting, []
        for transport, data, then in waiting:
            _write(transport, transport.write, data, then)


def _write(transport: Any, write: Callable[[Any], None], data: Any, then: Callable[[], None] | None) -> None:
    if transport.is_closing():
        return
    try:
        write(data)
        if then is not None:
            then()
    except (OSError, RuntimeError):
        transport.abort()


_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, WriteBatcher] = WeakKeyDictionary()


def write_batcher(loop: asyncio.AbstractEventLoop) -> WriteBatcher:
    """The one of a loop."""
    found = _outboxes.get(loop)
    if found is None:
        found = _outboxes[loop] = WriteBatcher(loop)
    return found
