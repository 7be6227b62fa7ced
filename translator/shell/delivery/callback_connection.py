"""A connection to a receiver of callbacks, which reads as little of an answer as it needs, and never more than `MOST` bytes.

    asked ─▶ status line ─▶ headers ─▶ body ─▶ end: the connection may be asked again
      1xx: skipped │           the end does not come in `GRACE` seconds, or is not readable, or is too far: closed, the status counts

The status line decides. What follows it decides only whether the connection can be used again, and holds `Retry-After`.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import httptools

MOST: Final = 32 * 1024
"""Bytes of an answer that are read: status lines, headers, body, chunk extensions and trailers together."""

GRACE: Final = 1.0
"""Seconds that the rest of an answer may take behind its status line."""

_STATUS: Final = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9][0-9])(?:[ \t\r]|$)")
_SWITCHED: Final = 101


class Undelivered(Exception):
    """No answer came. Says why in a few words."""


class Stale(Exception):
    """The receiver had closed the connection before it answered anything."""


class Answer(NamedTuple):
    """A status, and `Retry-After` as it stands in the headers, empty where it does not."""

    status: int
    retry_after: str = ""


class CallbackConnection(asyncio.Protocol):
    """One connection, which has one answer at a time to read. `gone` is called when it is closed."""

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
        """Write a request; its answer is to come. It fails with Undelivered and Stale."""
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

    # ---- what the loop calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # nobody asked: whatever it is, the next answer must not be it
            return
        self._size += len(data)
        self._parse(data)
        self._read_lines(data[:MOST])
        if self._is_whole and self._status:
            self._answer(reusable=self._parser is not None and self._stays_open)
        elif self._size > MOST:
            self._end("a head larger than is read")
        elif self._status and self._parser is None and (self._has_headers or self._status < 300):
            self._answer(reusable=False)  # where such an answer ends nobody can tell
        elif self._status and self._timer is None:
            self._timer = self._loop.call_later(GRACE, self._end, "")

    def eof_received(self) -> None:
        self._end("closed within an answer")

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._end("closed within an answer" if error is None else type(error).__name__)
        self._parser = None
        self._gone(self)

    # ---- the status line, and what follows it --------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        """Have the rest of it read strictly: only an answer that is sound to its end leaves a connection that may be used again."""
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser = None

    def _read_lines(self, data: bytes) -> None:
        """Read up to the end of the headers, a whole line at a time."""
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

    # ---- what the parser calls ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A second answer to one request is begun by nobody we can trust."""
        if self._is_whole:
            self._parser = None

    def on_message_complete(self) -> None:
        """The end of an answer, or of one that only said that it is coming."""
        if self._parser is not None and self._parser.get_status_code() >= 200:
            self._is_whole, self._stays_open = True, self._parser.should_keep_alive()

    # ---- how it ends ---------------------------------------------------------------------------------------------------

    def _end(self, why: str) -> None:
        """Nothing more is read. The status counts if there is one."""
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
