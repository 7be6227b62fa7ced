"""Timeouts that share one duration, served by a single loop timer. A timer for each would cost ten times as much.

add ─▶ a queue in the order of adding, which is the order of due times ─▶ the timer is set to the first that was not dropped
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec


class Timeout(msgspec.Struct):
    """One timeout.
    `due`: its time by the loop's clock.
    `call`: called at that time with `what`; None after `drop`."""

    due: float
    call: Callable[[Any], None] | None
    what: Any


class Timeouts:
    """Timeouts of `seconds` each."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: deque[Timeout] = deque()
        self._is_timed = False

    def add(self, loop: asyncio.AbstractEventLoop, call: Callable[[Any], None], what: Any) -> Timeout:
        """Call `call(what)` after the timeout. Returns the timeout, for `drop`."""
        added = Timeout(loop.time() + self._seconds, call, what)
        self._waiting.append(added)
        if not self._is_timed:
            self._is_timed = True
            loop.call_at(added.due, self._look, loop)
        return added

    def drop(self, added: Timeout) -> None:
        """Cancel a timeout."""
        added.call = added.what = None
        waiting = self._waiting
        while waiting and waiting[0].call is None:
            waiting.popleft()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call each timeout that is due. The timer is set again even if a call raises, so that the other timeouts are still called."""
        now = loop.time()
        try:
            while self._waiting and (self._waiting[0].call is None or self._waiting[0].due <= now):
                due = self._waiting.popleft()
                if due.call is not None:
                    due.call(due.what)
        finally:
            self._is_timed = bool(self._waiting)
            if self._waiting:
                loop.call_at(self._waiting[0].due, self._look, loop)
