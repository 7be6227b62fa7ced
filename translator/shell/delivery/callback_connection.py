"""A connection to a callback receiver. It reads as little of a response as it needs, and at most `MOST` bytes.

    request ─▶ status line ─▶ headers ─▶ body ─▶ end: the connection can be used again
      1xx: skipped │           no end within `GRACE` seconds or `MOST` bytes, or a malformed one: closed, the status counts

The status line decides the outcome. The headers hold `Retry-After`. The rest decides only if the connection can be used again.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import httptools

MOST: Final = 32 * 1024
"""Bytes of a response that are read: status lines, headers, body, chunk extensions and trailers together."""

GRACE: Final = 1.0
"""Seconds that the rest of a response may take after its status line."""

_STATUS: Final = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9][0-9])(?:[ \t\r]|$)")
_SWITCHED: Final = 101


class Undelivered(Exception):
    """No response came. The message gives the reason in a few words."""


class Stale(Exception):
    """The receiver had closed the connection before it sent a byte of a response."""


class Answer(NamedTuple):
    """A response: its status, and the unparsed value of its `Retry-After` header, empty if there is none."""

    status: int
    retry_after: str = ""


class CallbackConnection(asyncio.Protocol):
    """One connection with at most one request in flight. `gone` is called when the connection is closed."""

    def __init__(self, gone: Callable[["CallbackConnection"], None]) -> None:
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._line = bytearray()
        self.is_open = False
        self.idle_since = 0.0

    def ask(self, written: bytes) -> "asyncio.Future[Answer]":
        """Write a request and return a future of its response. The future fails with Undelivered or Stale."""
        self._size, self._status, self._retry_after = 0, 0, ""
        self._line = bytearray()
        self._is_interim = self._has_headers = self._is_whole = self._stays_open = False
        self._parser: Any = httptools.HttpResponseParser(self)
        self._waiting = waiting = self._loop.create_future()
        self._transport.write(written)
        return waiting

    def close(self) -> None:
        """Close at once."""
        self.is_open = False
        self._parser = None
        self._line.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    # ---- called by the event loop -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # no request is in flight, and these bytes must not be read as the next response
            return
        self._size += len(data)
        self._parse(data)
        self._read_lines(data[:MOST])
        if self._is_whole and self._status:
            self._answer(reusable=self._parser is not None and self._stays_open)
        elif self._size > MOST:
            self._end("a head larger than is read")
        elif self._status and self._parser is None and (self._has_headers or self._status < 300):
            self._answer(reusable=False)  # the end of this response cannot be determined
        elif self._status and self._timer is None:
            self._timer = self._loop.call_later(GRACE, self._end, "")

    def eof_received(self) -> None:
        self._end("closed within an answer")

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._end("closed within an answer" if error is None else type(error).__name__)
        self._parser = None
        self._gone(self)

    # ---- the status line and the headers -------------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        """Feed the strict parser. A connection is used again only if the parser accepts the whole response."""
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser = None

    def _read_lines(self, data: bytes) -> None:
        """Read lines up to the end of the headers."""
        if self._has_headers:
            return
        if b"\n" not in data:
            self._line += data
            return
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._read_line(bytes(line.rstrip(b"\r")))
            if self._has_headers or self._waiting is None or self._waiting.done():
                self._line.clear()
                return

    def _read_line(self, line: bytes) -> None:
        if not self._status and not self._is_interim:
            if not line:
                return
            found = _STATUS.match(line)
            status = int(found[1]) if found else 0
            if not found:
                self._fail(Undelivered("the answer is not HTTP"))
            elif status < 200 and status != _SWITCHED:
                self._is_interim = True
            else:
                self._status = status
        elif not line:
            self._has_headers, self._is_interim = not self._is_interim, False
        elif self._status and line[:12].lower() == b"retry-after:":
            self._retry_after = line[12:].strip().decode("latin-1")

    # ---- called by the parser -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Drop the parser at a second response to one request, because such a receiver is not trusted with another request."""
        if self._is_whole:
            self._parser = None

    def on_message_complete(self) -> None:
        """Record the end of a final response. The end of an interim one (1xx) is ignored."""
        if self._parser is not None and self._parser.get_status_code() >= 200:
            self._is_whole, self._stays_open = True, self._parser.should_keep_alive()

    # ---- the outcome ---------------------------------------------------------------------------------------------------

    def _end(self, why: str) -> None:
        """Stop reading. The status counts if there is one. Otherwise the request fails."""
        if self._waiting is None or self._waiting.done():
            self.close()
        elif self._status:
            self._answer(reusable=False)
        else:
            self._fail(Undelivered(why) if self._size else Stale())

    def _answer(self, *, reusable: bool) -> None:
        waiting, self._waiting = self._waiting, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._parser = None
        self._line.clear()
        if waiting is not None and not waiting.done():
            waiting.set_result(Answer(self._status, self._retry_after))
        if not reusable:
            self.close()

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
        self.close()
