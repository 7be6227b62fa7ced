"""Deadlines of many things that may each take as long: one timer for all of them, since a timer for each costs ten times as much.

add ─▶ ordered by when they are due, which is the order of adding ─▶ the timer stands at the first that was not dropped
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec


class Timeout(msgspec.Struct):
    """One of them: when it is due by the loop's clock, and what is called then with which argument; nothing once it was dropped."""

    due: float
    call: Callable[[Any], None] | None
    what: Any


class Timeouts:
    """`seconds` is what each may take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: deque[Timeout] = deque()
        self._is_timed = False

    def add(self, loop: asyncio.AbstractEventLoop, call: Callable[[Any], None], what: Any) -> Timeout:
        """Have `call(what)` called in so many seconds."""
        added = Timeout(loop.time() + self._seconds, call, what)
        self._waiting.append(added)
        if not self._is_timed:
            self._is_timed = True
            loop.call_at(added.due, self._look, loop)
        return added

    def drop(self, added: Timeout) -> None:
        """It was in time."""
        added.call = added.what = None
        waiting = self._waiting
        while waiting and waiting[0].call is None:
            waiting.popleft()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call what is due. One that fails keeps no other from being called: the timer stands again whatever happens."""
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
