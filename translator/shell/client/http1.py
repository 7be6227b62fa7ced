"""A connection to a provider, with at most one response to read at a time.

asked ─▶ a head, or an interim response ─▶ a head ─▶ its body ─▶ answered: idle for the next request, or closed
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NoReturn

import httptools

from translator.core.http.messages import Response
from translator.shell.aio.body_chunks import BodyChunks
from translator.shell.aio.memory_budget import Hold
from translator.shell.aio.write_batcher import write_batcher
from translator.shell.client.read_turns import ReadTurns

HEAD: Final = 64 * 1024
"""The limit for the head of a response in bytes, including interim responses, trailers and chunk framing."""

_FRAMED: Final = 16
"""Body bytes for each byte of chunk framing and trailers that is allowed beyond `HEAD`. Any number of 100-byte chunks passes."""

HEADERS: Final = 100
"""The limit for the headers of a response."""

OF_ERROR: Final = 64 * 1024
"""Bytes that are read of the body of an error response. The rest is not read, and the connection is closed."""

_FINAL: Final = 200
_ERROR: Final = 400

SMALL: Final = 16 * 1024
"""A response of up to so many bytes takes nothing from the memory budget, because `concurrency` bounds the number of responses.
A send's response is smaller than that, so a send never fails because its account has no memory left."""

_STEP: Final = 64 * 1024
"""Bytes that a larger response takes from the budget at a time."""

TURN: Final = 64 * 1024
"""Bytes of one read after which other connections get a turn. Otherwise a loop may read one connection thirty times in a row."""

_TOO_LARGE: Final = "a body larger than is read"
_DIGITS: Final = 20
"""More digits than any length has."""

_FULL: Final = 256 * 1024
"""Bytes that asyncio reads at once. After a full read the socket may hold more. uvloop reads again before any other work."""

_SIZES: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers that give the end of a body without the end of the connection."""


_PART: Final = 16 * 1024
"""Bytes of a large read that are parsed at once. If the limit for framing is passed, the rest is not parsed."""


class ResponseError(Exception):
    """The request may have reached the provider, and no complete response came."""


class StaleConnection(Exception):
    """The provider had closed the connection before it read the request."""


class NoRoom(Exception):
    """The request reached the provider, and its response is larger than the memory that its account may hold now."""


class _Done(Exception):
    """Enough of a response was read. It stops the parser."""


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
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._waiting: asyncio.Future[Response] | None = None
        self._hold: Hold | None = None
        self._pieces = BodyChunks()
        self._most = largest
        self.is_open = False

    def asked(self, written: bytes, hold: Hold | None = None) -> "asyncio.Future[Response]":
        """Write a request, and return the future of its response. It fails with ResponseError, StaleConnection or NoRoom.
        `hold`: accounts for the memory of the response. The effect runner releases it when the response is no longer needed."""
        self._begin()
        self._hold = hold
        if hold is not None:
            self._most = min(self._most, hold.most)
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

    def _begin(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._read = self._kept = self._declared = 0
        self._most, self._paid = self._largest, SMALL
        self._in_body = self._sized = self._has_left = False

    # ---- what the loop calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # no response is expected: these bytes must not become the next one
            return
        if not self._has_left:
            self._fail(StaleConnection())  # these bytes came before the request, which is not sent any more
            return
        self._is_full = len(data) >= _FULL
        if len(data) < TURN:
            self._feed(data)
        else:
            parts = memoryview(data)
            for at in range(0, len(data), _PART):
                if not self._waits():
                    self.close()  # no response is expected for the rest
                    return
                self._feed(parts[at : at + _PART])
        if len(data) >= TURN and self._waits() and not self._transport.is_closing():
            self._transport.pause_reading()
            self._turns.wait(self._loop, self._read_on)

    def _waits(self) -> bool:
        """Return True if a response is expected."""
        return self._waiting is not None and not self._waiting.done()

    def _feed(self, data: bytes | memoryview) -> None:
        """Parse bytes, and check the limit for bytes that are not body."""
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(ResponseError("the answer is no answer to what was asked"))
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _Done):
                raise
        except httptools.HttpParserError:
            self._fail(ResponseError("the answer is not HTTP"))
        else:
            if self._read > HEAD and self._waits() and self._is_mostly_frame():
                self._fail(ResponseError("a head, or what frames a body, is larger than is read"))

    def _is_mostly_frame(self) -> bool:
        """Return True if head and framing exceed their limit."""
        size = self._pieces.size
        return self._read - size > HEAD + (size // _FRAMED if self._in_body else 0)

    def _read_on(self) -> None:
        """Read on, after other connections had their turn."""
        if self._waiting is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> None:
        if self._waiting is None or self._waiting.done():
            self.is_open = False
        if self._waiting is not None and not self._waiting.done() and self._in_body and not self._sized:
            self._finish(reusable=False)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            if self._in_body and not self._sized and error is None:
                self._finish(reusable=False)
            elif self._read or self._in_body:
                self._fail(ResponseError("the connection was closed within the answer"))
            else:
                self._fail(StaleConnection())
        self._parser = None  # parser and connection reference each other, and garbage collection is rare
        self._pieces, self._hold = BodyChunks(), None
        self._gone(self)

    # ---- what the parser calls ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Close if no response is expected: a second response to one request must not become the response to the next."""
        if self._waiting is None or self._waiting.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header. Trailers are ignored."""
        if self._in_body:
            return
        self._kept += len(name) + len(value)
        if self._kept > HEAD or len(self._headers) == HEADERS:
            self._stop(ResponseError("more headers than are read"))
        lower, told = name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")
        if lower in _SIZES:
            self._sized = True
            self._declared = int(told) if told.isdecimal() and len(told) < _DIGITS else 0
        self._headers.append((lower, told))

    def on_headers_complete(self) -> None:
        """Read the status. A status below 200 is an interim response."""
        status = self._parser.get_status_code()
        self._in_body = status >= _FINAL
        if status >= _ERROR:
            self._most = min(self._most, OF_ERROR)
        elif self._declared > self._most:
            self._stop(ResponseError(_TOO_LARGE))

    def on_body(self, piece: bytes) -> None:
        """Add a piece of the body."""
        if not self._in_body:
            self._stop(ResponseError("a body of what only says that an answer is coming"))
        pieces = self._pieces
        if pieces.size + len(piece) > self._most:
            self._is_too_large(piece)
        size = pieces.add(piece)
        if size > self._paid:
            self._pay(size)

    def _is_too_large(self, piece: bytes) -> None:
        """Handle a body beyond the limit. The beginning of an error body is enough; any other response fails. Raises _Done."""
        if self._parser.get_status_code() < _ERROR:
            self._stop(ResponseError(_TOO_LARGE))
        self._pieces.add(piece[: self._most - self._pieces.size])
        self._finish(reusable=False)
        raise _Done

    def _pay(self, size: int) -> None:
        """Take the memory for a body of `size` bytes. Raises _Done if the account may not have it."""
        more = -(-(size - self._paid) // _STEP) * _STEP
        if self._hold is not None and not self._hold.grow(more):
            self._stop(NoRoom("the account has no memory left for this answer"))
        self._paid += more

    def on_message_complete(self) -> None:
        """Complete the response. After an interim response, wait for the next head."""
        if self._in_body:
            # After a full read the socket may hold unexpected bytes, which must not be read as the next response.
            self._finish(reusable=self._parser.should_keep_alive() and not self._is_full)
        else:
            self._headers, self._sized, self._declared = [], False, 0

    def _finish(self, *, reusable: bool) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.close()  # a second response to the same request
            return
        body = self._pieces.take()  # an idle connection keeps no body
        waiting.set_result(Response(self._parser.get_status_code(), tuple(self._headers), body))
        self._waiting = self._hold = None
        if not reusable:
            self.close()

    def _stop(self, error: Exception) -> NoReturn:
        """Fail, and stop the parser. Raises _Done."""
        self._fail(error)
        raise _Done

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()
