"""A connection to a back, which has one answer at a time to read.

asked ─▶ a head, or one that only says that the answer is coming ─▶ a head ─▶ its body ─▶ answered: asked again, or closed
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
"""How many bytes of an answer's head are read, interim answers, trailers and all that frames its chunks included."""

_FRAMED: Final = 16
"""The frames of chunks and the trailers may be larger than that where they are at most one byte to so many of the body: chunks of 100
bytes are read, however many there are."""

HEADERS: Final = 100
"""How many headers of an answer are read."""

OF_ERROR: Final = 64 * 1024
"""How many bytes are read of the body of an answer that says an error. The rest is not waited for, and closes the connection."""

_FINAL: Final = 200
_ERROR: Final = 400

SMALL: Final = 16 * 1024
"""An answer up to so many bytes takes nothing from the budget of memory: how many answers there are at once is bounded by `concurrency`.
So a send, whose answer is smaller than that, never fails because its account has no memory left."""

_STEP: Final = 64 * 1024
"""So many bytes at once a larger answer takes from the budget."""

TURN: Final = 64 * 1024
"""After a read of so many bytes others have their turn: a loop may read one connection thirty times over before it looks at another."""

_TOO_LARGE: Final = "a body larger than is read"
_DIGITS: Final = 20
"""No length is written with so many."""

_FULL: Final = 256 * 1024
"""So many bytes asyncio reads at once. The network may hold more then; uvloop reads again before anything else is done."""

_SIZES: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers by which the end of a body is known without the end of the connection."""


_PART: Final = 16 * 1024
"""Of a large read so many bytes are parsed at once: where they are no body, the rest is not parsed any more."""


class ResponseError(Exception):
    """A request may have reached the back, and no whole answer came of it."""


class StaleConnection(Exception):
    """The back had closed the connection before it read the request."""


class NoRoom(Exception):
    """A request reached the back, and its answer is larger than what its account may hold in memory now."""


class _Done(Exception):
    """As much as is wanted of an answer was read. Raised to have the parser read no further."""


class ClientConnection(asyncio.Protocol):
    """One connection. `largest` is how many bytes of a body are read; `gone` is called when it is closed. `turns` are those of all
    connections to the same back."""

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
        """Write a request; its answer is to come. It fails with Broken, Stale and NoRoom. `hold` is what the memory for the answer is
        taken from; whoever asks releases it when the answer is of no more use."""
        self._begin()
        self._hold = hold
        if hold is not None:
            self._most = min(self._most, hold.most)
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
        self._read = self._kept = self._declared = 0
        self._most, self._paid = self._largest, SMALL
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
            self._fail(StaleConnection())  # nor what was said before the request left, which it does not any more
            return
        self._is_full = len(data) >= _FULL
        if len(data) < TURN:
            self._feed(data)
        else:
            parts = memoryview(data)
            for at in range(0, len(data), _PART):
                if not self._waits():
                    self.close()  # nobody asked for the rest
                    return
                self._feed(parts[at : at + _PART])
        if len(data) >= TURN and self._waits() and not self._transport.is_closing():
            self._transport.pause_reading()
            self._turns.wait(self._loop, self._read_on)

    def _waits(self) -> bool:
        """Whether somebody waits for an answer."""
        return self._waiting is not None and not self._waiting.done()

    def _feed(self, data: bytes | memoryview) -> None:
        """Have the parser read, and see whether what is not body has become too much."""
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
        """Whether more was read that is no body than may be."""
        size = self._pieces.size
        return self._read - size > HEAD + (size // _FRAMED if self._in_body else 0)

    def _read_on(self) -> None:
        """Others have had their turn."""
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
        self._parser = None  # each holds the other, and the collector of garbage comes by seldom
        self._pieces, self._hold = BodyChunks(), None
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
        if self._kept > HEAD or len(self._headers) == HEADERS:
            self._stop(ResponseError("more headers than are read"))
        lower, told = name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")
        if lower in _SIZES:
            self._sized = True
            self._declared = int(told) if told.isdecimal() and len(told) < _DIGITS else 0
        self._headers.append((lower, told))

    def on_headers_complete(self) -> None:
        """The head of an answer, or of one that only says that the answer is coming."""
        status = self._parser.get_status_code()
        self._in_body = status >= _FINAL
        if status >= _ERROR:
            self._most = min(self._most, OF_ERROR)
        elif self._declared > self._most:
            self._stop(ResponseError(_TOO_LARGE))

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        if not self._in_body:
            self._stop(ResponseError("a body of what only says that an answer is coming"))
        pieces = self._pieces
        if pieces.size + len(piece) > self._most:
            self._is_too_large(piece)
        size = pieces.add(piece)
        if size > self._paid:
            self._pay(size)

    def _is_too_large(self, piece: bytes) -> None:
        """The body is larger than is read. Of an error the beginning is enough. Raises _Done."""
        if self._parser.get_status_code() < _ERROR:
            self._stop(ResponseError(_TOO_LARGE))
        self._pieces.add(piece[: self._most - self._pieces.size])
        self._finish(reusable=False)
        raise _Done

    def _pay(self, size: int) -> None:
        """Take the memory for a body of so many bytes. Raises _Done where its account may not have it."""
        more = -(-(size - self._paid) // _STEP) * _STEP
        if self._hold is not None and not self._hold.grow(more):
            self._stop(NoRoom("the account has no memory left for this answer"))
        self._paid += more

    def on_message_complete(self) -> None:
        """The end of an answer; behind one that only said that it is coming, the answer itself begins."""
        if self._in_body:
            # Behind a full read there may be something that nobody asked for, and that must not be read as the next answer.
            self._finish(reusable=self._parser.should_keep_alive() and not self._is_full)
        else:
            self._headers, self._sized, self._declared = [], False, 0

    def _finish(self, *, reusable: bool) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.close()  # a second answer, to a request that nobody made
            return
        body = self._pieces.take()  # an idle connection keeps nothing of what it carried
        waiting.set_result(Response(self._parser.get_status_code(), tuple(self._headers), body))
        self._waiting = self._hold = None
        if not reusable:
            self.close()

    def _stop(self, error: Exception) -> NoReturn:
        """Fail, and have the parser read no further. Raises _Done."""
        self._fail(error)
        raise _Done

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()
