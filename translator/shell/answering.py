"""A connection to a back, which has one answer at a time to read.

asked ─▶ a head, or one that only says that the answer is coming ─▶ a head ─▶ its body ─▶ answered: asked again, or closed
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httptools

from translator.shell.outbox import outbox_of
from translator.wire import Response

HEAD: Final = 64 * 1024
"""How many bytes of an answer's head are read."""

_FULL: Final = 256 * 1024
"""So many bytes asyncio reads at once. The network may hold more then; uvloop reads again before anything else is done."""

_SIZES: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers by which the end of a body is known without the end of the connection."""


class Broken(Exception):
    """A request may have reached the back, and no whole answer came of it."""


class Stale(Exception):
    """The back had closed the connection before it read the request."""


class Answering(asyncio.Protocol):
    """One connection. `largest` is how many bytes of a body are read; `gone` is called when it is closed."""

    def __init__(self, largest: int, gone: Callable[["Answering"], None]) -> None:
        self._largest, self._gone = largest, gone
        self._loop = asyncio.get_running_loop()
        self._outbox = outbox_of(self._loop)
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._waiting: asyncio.Future[Response] | None = None
        self.is_open = False

    def asked(self, written: bytes) -> "asyncio.Future[Response]":
        """Write a request; its answer is to come. It fails with Broken and Stale."""
        self._begin()
        self._waiting = waiting = self._loop.create_future()
        self._outbox.write(self._transport, written, then=self._leave)
        return waiting

    def _leave(self) -> None:
        """The request is written; what came before that is no answer to it."""
        self._has_left = True

    def close(self) -> None:
        """Close at once; what is under way is given up."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._pieces: list[bytes] = []
        self._size = self._head = self._kept = 0
        self._in_body = self._sized = self._has_left = False

    # ---- what the loop calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # nobody asked: whatever it is, the next answer must not be it
            return
        if not self._has_left:
            self._fail(Stale())  # nor what was said before the request left, which it does not any more
            return
        if not self._in_body:
            self._head += len(data)
        self._is_full = len(data) >= _FULL
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(Broken("the answer is no answer to what was asked"))
        except httptools.HttpParserError:
            self._fail(Broken("the answer is not HTTP"))
        else:
            if not self._in_body and self._head > HEAD:
                self._fail(Broken("a head larger than is read"))

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
            elif self._head or self._in_body:
                self._fail(Broken("the connection was closed within the answer"))
            else:
                self._fail(Stale())
        self._parser, self._pieces = None, []  # each holds the other, and the collector of garbage comes by seldom
        self._gone(self)

    # ---- what the parser calls ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins. A second one to one request is begun by nobody we can trust: nothing of it may be left for the next."""
        if self._waiting is None or self._waiting.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody needs."""
        if self._in_body:
            return
        self._kept += len(name) + len(value)
        if self._kept > HEAD:
            self._fail(Broken("a head larger than is read"))
        lower = name.decode("latin-1").lower()
        if lower in _SIZES:
            self._sized = True
        self._headers.append((lower, value.strip(b" \t").decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head of an answer, or of one that only says that the answer is coming."""
        if self._parser.get_status_code() >= 200:
            self._in_body = True

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        if not self._in_body:
            self._fail(Broken("a body of what only says that an answer is coming"))
            return
        self._size += len(piece)
        if self._size > self._largest:
            self._fail(Broken("a body larger than is read"))
            return
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """The end of an answer; behind one that only said that it is coming, the answer itself begins."""
        if self._in_body:
            # Behind a full read there may be something that nobody asked for, and that must not be read as the next answer.
            self._finish(reusable=self._parser.should_keep_alive() and not self._is_full)
        else:
            self._headers, self._sized = [], False

    def _finish(self, *, reusable: bool) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.close()  # a second answer, to a request that nobody made
            return
        body, self._pieces = b"".join(self._pieces), []  # an idle connection keeps nothing of what it carried
        waiting.set_result(Response(self._parser.get_status_code(), tuple(self._headers), body))
        self._waiting = None
        if not reusable:
            self.close()

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()
