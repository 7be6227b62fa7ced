"""A connection to a provider, with at most one response to read at a time.

asked ─▶ a head, or an interim response ─▶ a head ─▶ its body ─▶ answered: idle for the next request, or closed
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from translator.core.http.messages import Response
from translator.shell.aio.memory_budget import Hold
from translator.shell.aio.write_batcher import write_batcher
from translator.shell.client.read_turns import ReadTurns
from translator.shell.client.response_reader import ResponseError, ResponseReader

TURN: Final = 64 * 1024
"""Bytes of one read after which other connections get a turn. Otherwise a loop may read one connection thirty times in a row."""

_FULL: Final = 256 * 1024
"""Bytes that asyncio reads at once. After a full read the socket may hold more. uvloop reads again before any other work."""

_PART: Final = 16 * 1024
"""Bytes of a large read that are parsed at once. If the limit for framing is passed, the rest is not parsed."""


class StaleConnection(Exception):
    """The provider had closed the connection before it read the request."""


class ClientConnection(asyncio.Protocol):
    """One connection.
    `largest`: the limit for a response body, in bytes.
    `gone`: called when the connection is closed.
    `turns`: shared by all connections to the same provider."""

    def __init__(
        self, largest: int, gone: Callable[["ClientConnection"], None], turns: ReadTurns | None = None
    ) -> None:
        self._largest, self._gone, self._turns = largest, gone, turns or ReadTurns()
        self._loop = asyncio.get_running_loop()
        self._outbox = write_batcher(self._loop)
        self._reader = ResponseReader(self)
        self._transport: Any = None
        self._waiting: asyncio.Future[Response] | None = None
        self._has_left = self._is_full = False
        self.is_open = False

    def asked(self, written: bytes, hold: Hold | None = None) -> "asyncio.Future[Response]":
        """Write a request, and return the future of its response. It fails with ResponseError, StaleConnection or NoRoom.
        `hold`: accounts for the memory of the response. The effect runner releases it when the response is no longer needed."""
        self._reader.begin(self._largest, hold)
        self._has_left = False
        self._waiting = waiting = self._loop.create_future()
        self._outbox.write(self._transport, written, then=self._leave)
        return waiting

    def _leave(self) -> None:
        """Note that the request is written. Bytes that arrived before are not its response."""
        self._has_left = True

    def close(self) -> None:
        """Close at once, and give up a response in progress."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # ---- what the loop calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # no response is expected: these bytes must not become the next one
            return
        if not self._has_left:
            self.on_failure(StaleConnection())  # these bytes came before the request, which is not sent any more
            return
        self._is_full = len(data) >= _FULL
        if len(data) < TURN:
            if why := self._reader.feed(data):
                self.on_failure(ResponseError(why))
        else:
            parts = memoryview(data)
            for at in range(0, len(data), _PART):
                if not self._waits():
                    self.close()  # no response is expected for the rest
                    return
                if why := self._reader.feed(parts[at : at + _PART]):
                    self.on_failure(ResponseError(why))
        if len(data) >= TURN and self._waits() and not self._transport.is_closing():
            self._transport.pause_reading()
            self._turns.wait(self._loop, self._read_on)

    def _waits(self) -> bool:
        """Return True if a response is expected."""
        return self._waiting is not None and not self._waiting.done()

    def _read_on(self) -> None:
        """Read on, after other connections had their turn."""
        if self._waiting is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> None:
        if not self._waits():
            self.is_open = False
        elif self._reader.in_body and not self._reader.is_sized:
            self._reader.finish(reusable=False)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        reader = self._reader
        if self._waits():
            if reader.in_body and not reader.is_sized and error is None:
                reader.finish(reusable=False)
            elif reader.size or reader.in_body:
                self.on_failure(ResponseError("the connection was closed within the answer"))
            else:
                self.on_failure(StaleConnection())
        reader.close()
        self._gone(self)

    # ---- what the reader calls ----------------------------------------------------------------------------------------

    def on_unexpected(self) -> None:
        """Close, because no response is expected."""
        self.close()

    def on_response(self, response: Response, *, reusable: bool) -> None:
        """Hand on a response, or close if it is a second one to the same request."""
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.close()
            return
        waiting.set_result(response)
        self._waiting = None
        # After a full read the socket may hold unexpected bytes, which must not be read as the next response.
        if not reusable or self._is_full:
            self.close()

    def on_failure(self, error: Exception) -> None:
        """Fail the response that is expected, and close."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()
