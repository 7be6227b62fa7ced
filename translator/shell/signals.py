"""The signals that end a process or reload its configuration.

serving ── SIGTERM ──▶ lingering ── its seconds are over, or a signal ──▶ draining ── a signal ──▶ killed by it
   └────── SIGINT ───────────────────────────────────────────────────▶ draining

SIGINT usually comes from a terminal (Ctrl-C), whose operator does not want to wait for a load balancer.
A worker may get SIGTERM from its supervisor and again from an init system, which signals all processes of a service.
A repeated SIGTERM therefore changes nothing in a worker.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Final

_SERVING, _LINGERING, _DRAINING = range(3)
_ENDS: Final = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """The signal handlers of this process, in the running event loop.
    `reload`: called for SIGHUP, which may have been pending until now."""

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
        """Return True if a signal has told the process to end."""
        return self._told.is_set()

    def is_draining(self) -> bool:
        """Return True if draining has begun, so that no step waits any longer."""
        return self._drains.is_set()

    def terminate(self) -> None:
        """Handle SIGTERM."""
        self._go_to(max(self._step, _LINGERING) if self._is_worker else self._step + 1)

    def drain(self) -> None:
        """Handle SIGINT, or the end of the parent process."""
        self._go_to(_DRAINING)

    async def told(self) -> None:
        """Return as soon as a signal tells the process to end."""
        await self._told.wait()

    async def lingered(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as a signal starts draining."""
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
    """Return an event that SIGINT or SIGTERM sets. A second signal ends the process in the default way."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop() -> None:
        event.set()
        for number in _ENDS:
            loop.remove_signal_handler(number)

    for number in _ENDS:
        loop.add_signal_handler(number, stop)
    return event


def hold_reloads() -> None:
    """Block SIGHUP until `Ending` handles it. Without a handler it would end the process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
