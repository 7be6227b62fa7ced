"""The server's protocol: uvicorn's, with one write an answer and one timer for all connections.

uvicorn writes head and body each by itself, and each write is a system call; and it sets a timer anew behind each answer.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from translator.shell.deadlines import Deadline, Deadlines

_LARGE: Final = 64 * 1024
"""Bytes from which on a copy costs more than a system call."""


class OneWrite:
    """A transport that holds back what is written until something follows it, or until the loop comes round."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = b""
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading

    def write(self, data: bytes) -> None:
        """Write with what was held, or hold."""
        if self._held and len(data) < _LARGE:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        elif self._held:
            self._flush()
            self._transport.write(data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Close, behind what is held."""
        self._flush()
        self._transport.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection over."""
        self._flush()
        self._transport.set_protocol(protocol)

    def _flush(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)


class _Timers:
    """The loop as a connection uses it, with one timer for the ends of all connections that nobody uses."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop, self._deadlines = loop, Deadlines(seconds)
        self.create_task = loop.create_task

    def call_later(self, _: float, call: Callable[[], None]) -> "_Timer":
        """What a loop's own does; the seconds are always the same."""
        return _Timer(self._deadlines, self._deadlines.add(self._loop, _called, call))


class _Timer:
    """A timer that can be cancelled."""

    def __init__(self, deadlines: Deadlines, added: Deadline) -> None:
        self._deadlines, self._added = deadlines, added

    def cancel(self) -> None:
        self._deadlines.drop(self._added)


def _called(call: Callable[[], None]) -> None:
    call()


class Protocol(HttpToolsProtocol):
    """One connection of an application."""

    _timers: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, _Timers]] = WeakKeyDictionary()

    def connection_made(self, transport: Any) -> None:
        loop = self.loop
        if loop not in self._timers:
            self._timers[loop] = _Timers(loop, self.timeout_keep_alive)
        self.loop = self._timers[loop]  # type: ignore[assignment]  # what it uses of one is there
        super().connection_made(OneWrite(transport, loop))  # type: ignore[arg-type]  # here as well
