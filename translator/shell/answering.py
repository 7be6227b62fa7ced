"""A connection to a back, which has one answer at a time to read.

asked ─▶ head and a first piece, in the room of all ─▶ the parser ─▶ whole, or a large rest of known length
                                                                      └ read to where it stays ─▶ whole
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httptools

from translator.shell.outbox import outbox_of
from translator.wire import Octets, Response

HEAD: Final = 64 * 1024
"""How many bytes of an answer's head are read."""

ROOM: Final = 64 * 1024
"""How many bytes are read at once. What is more than that of a body, and its length known, is read past the parser to where it stays: of
one of 380 KB that spares copies of a megabyte."""

_NOTHING: Final = bytearray()
_NO_REST: Final = memoryview(_NOTHING)

_SIZES: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers by which the end of a body is known without the end of the connection."""


class Broken(Exception):
    """A request may have reached the back, and no whole answer came of it."""


class Stale(Exception):
    """The back had closed the connection before it read the request."""


class Answering(asyncio.BufferedProtocol):
    """One connection, which has one answer at a time to read. All of an engine read into the same `room`: what is there has been looked at
    before the loop reads again."""

    def __init__(self, largest: int, room: memoryview, gone: Callable[["Answering"], None]) -> None:
        self._largest, self._room, self._gone = largest, room, gone
        self._loop = asyncio.get_running_loop()
        self._outbox = outbox_of(self._loop)
        self._parser = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._waiting: asyncio.Future[Response] | None = None
        self._whole, self._rest = _NOTHING, _NO_REST
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
        self._whole, self._rest = _NOTHING, _NO_REST
        self._in_body = self._sized = self._has_left = False

    # ---- what the loop calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def get_buffer(self, _: int) -> memoryview:
        return self._rest or self._room

    def buffer_updated(self, count: int) -> None:
        if self._rest:
            self._rest = self._rest[count:]
        else:
            self._read(self._room[:count])

    def _read(self, data: memoryview) -> None:
        """What came, whatever it is a piece of."""
        if self._waiting is None or self._waiting.done():
            self.close()  # nobody asked: whatever it is, the next answer must not be it
            return
        if not self._has_left:
            self._fail(Stale())  # nor what was said before the request left, which it does not any more
            return
        if self._whole:
            self._read_last(data)
            return
        if not self._in_body:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(Broken("the answer is no answer to what was asked"))
        except httptools.HttpParserError:
            self._fail(Broken("the answer is not HTTP"))
        else:
            if not self._in_body and self._head > HEAD:
                self._fail(Broken("a head larger than is read"))
            elif self._in_body and self._sized and self._waiting is not None:
                self._look_ahead(dict(self._headers))

    def _look_ahead(self, headers: dict[str, str]) -> None:
        """More of the body is to come. Where it is known that this is much, there is a place for it from now on."""
        if "transfer-encoding" in headers:
            return
        length = int(headers["content-length"])  # one, and of digits: the parser has seen to it
        if length > self._largest:
            self._fail(Broken("a body larger than is read"))
        elif length - self._size > ROOM:
            self._whole = bytearray(length)
            self._whole[: self._size] = b"".join(self._pieces)
            self._rest = memoryview(self._whole)[self._size : -1]

    def _read_last(self, data: memoryview) -> None:
        """The last byte of a body that was read to where it stays, in the room of all, so that what follows it is seen. The parser waits
        for that body still, and has no more to read."""
        self._whole[-1] = data[0]
        reusable, status = self._parser.should_keep_alive(), self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        self._finish(status, self._whole, reusable=reusable and len(data) == 1)

    def eof_received(self) -> None:
        if self._waiting is None or self._waiting.done():
            self.is_open = False
        if self._waiting is not None and not self._waiting.done() and self._in_body and not self._sized:
            self._finish_read(reusable=False)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            if self._in_body and not self._sized and error is None:
                self._finish_read(reusable=False)
            elif self._head or self._in_body:
                self._fail(Broken("the connection was closed within the answer"))
            else:
                self._fail(Stale())
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
        self._size += len(piece)
        if self._size > self._largest:
            self._fail(Broken("a body larger than is read"))
            return
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """The end of an answer; behind one that only said that it is coming, the answer itself begins."""
        if self._in_body:
            self._finish_read(reusable=self._parser.should_keep_alive())
        else:
            self._headers, self._sized = [], False

    def _finish_read(self, *, reusable: bool) -> None:
        """The end of an answer that the parser has read, all of it."""
        self._finish(self._parser.get_status_code(), b"".join(self._pieces), reusable=reusable)

    def _finish(self, status: int, body: Octets, *, reusable: bool) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.close()  # a second answer, to a request that nobody made
            return
        waiting.set_result(Response(status, tuple(self._headers), body))
        # An idle connection keeps nothing of what it carried.
        self._waiting, self._pieces, self._whole, self._rest = None, [], _NOTHING, _NO_REST
        if not reusable:
            self.close()

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()
