"""How a process is told to end, and to read its configuration anew.

serving ── SIGTERM ──▶ lingering ── its seconds are over, or a signal ──▶ draining ── a signal ──▶ killed by it
   └────── SIGINT ───────────────────────────────────────────────────▶ draining

A person at a terminal does not want to wait for a balancer, and presses Ctrl-C. A worker is told by its supervisor and may be told the
same by an init system as well, which signals all processes of a service: SIGTERM means the same to it however often it comes.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Final

_SERVING, _LINGERING, _DRAINING = range(3)
_ENDS: Final = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """The signals of this process, for the loop that runs now. `reload` is called for SIGHUP, which may have waited until now."""

    def __init__(self, *, is_worker: bool = False, reload: Callable[[], None] = lambda: None) -> None:
        self._is_worker = is_worker
        self._loop = asyncio.get_running_loop()
        self._step = _SERVING
        self._told, self._drains = asyncio.Event(), asyncio.Event()
        self._loop.add_signal_handler(signal.SIGTERM, self.terminate)
        self._loop.add_signal_handler(signal.SIGINT, self.drain)
        self._loop.add_signal_handler(signal.SIGHUP, reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def is_told(self) -> bool:
        """Whether the process has been told to end."""
        return self._told.is_set()

    def is_draining(self) -> bool:
        """Whether nobody is to be waited for any more."""
        return self._drains.is_set()

    def terminate(self) -> None:
        """SIGTERM has come."""
        self._go_to(max(self._step, _LINGERING) if self._is_worker else self._step + 1)

    def drain(self) -> None:
        """SIGINT has come, or whoever started this process is gone."""
        self._go_to(_DRAINING)

    async def told(self) -> None:
        """Return as soon as the process is told to end."""
        await self._told.wait()

    async def lingered(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as a signal wants it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._drains.wait()
        self.drain()

    def _go_to(self, step: int) -> None:
        self._step = step
        self._told.set()
        if step < _DRAINING or self._drains.is_set():
            return
        self._drains.set()
        for number in (signal.SIGINT,) if self._is_worker else _ENDS:
            self._loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)


def stopped() -> asyncio.Event:
    """An event that SIGINT or SIGTERM sets; a second one ends the process as it would without us."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop() -> None:
        event.set()
        for number in _ENDS:
            loop.remove_signal_handler(number)

    for number in _ENDS:
        loop.add_signal_handler(number, stop)
    return event


def hold_reloads() -> None:
    """Let SIGHUP wait until somebody looks after it: without that it ends the process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
