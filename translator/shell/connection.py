"""The door for a server of our own: HTTP/1.1 of one caller, read by httptools (llhttp) and handed to the proxy without a layer between.

bytes ─▶ head ─▶ a call, and a task that attends to it ─▶ one write ─▶ the next call, or idle
                 └ what is sent ahead waits: one call of a connection is attended to at a time

uvicorn listens, counts and stops; this takes the place of its protocol, which costs as much as half of a send does here.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.server import ServerState

from translator import wire
from translator.shell.call import Call, Gone
from translator.shell.heads import Heads
from translator.shell.log import logger, where_it_broke
from translator.shell.outbox import outbox_of

HEAD: Final = 64 * 1024
"""How many bytes of a request's head are read."""

_REFUSED: Final = (
    "HTTP/1.1 {} \r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{}"
)
_LARGE: Final = "The head of the request is larger than is read."
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

Attend = Callable[[Call], Awaitable[None]]
"""Answers a call, and never raises for what a caller or a back can do."""


class _Call(Call):
    """One request of a connection. Its body is what was received of it so far."""

    def __init__(self, connection: "Connection", verb: str, target: str, query: str, headers: wire.Headers) -> None:
        super().__init__(verb, target, query, headers, connection.ids)
        self._connection = connection
        self._pieces: list[bytes] = []
        self._size = 0
        self._news: asyncio.Future[None] | None = None
        self._is_lost = False
        self.is_whole = False
        self.asks_before = False

    async def read(self, most: int, larger: Callable[[], int]) -> bytes | None:
        """See `Call.read`."""
        while not (too_large := self._exceeds(most, larger)) and not self.is_whole:
            self._connection.wants_body(self)
            self._news = self._connection.loop.create_future()
            await self._news
        if self._is_lost:
            raise Gone
        self.is_read = True
        pieces, self._pieces = self._pieces, []
        return None if too_large else b"".join(pieces)

    def _exceeds(self, most: int, larger: Callable[[], int]) -> bool:
        size = max(self.declares, self._size)
        return size > most and size > larger()

    def add(self, piece: bytes) -> None:
        """A piece of the body has come; one that nobody reads is dropped."""
        if not self.is_read:
            self._pieces.append(piece)
            self._size += len(piece)
            self._tell()

    def end(self) -> None:
        """All of it has come."""
        self.is_whole = True
        self._tell()

    def lose(self) -> None:
        """See `Call.lose`."""
        self._is_lost = self.is_whole = True
        self._tell()
        super().lose()

    def respond(self, response: wire.Response) -> None:
        """See `Call.respond`."""
        self._connection.respond(self, response)

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


class Connection(asyncio.Protocol):
    """One connection of a caller. `loop` is the one that it lives in, `ids` makes ids for requests without one, and what `heads` tells
    is the same for all connections of a server, whose `state` says which are open."""

    def __init__(
        self, attend: Attend, ids: Iterator[str], heads: Heads, state: ServerState, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.loop, self.ids = loop, ids
        self._attend, self._heads, self._state = attend, heads, state
        self._outbox = outbox_of(loop)
        self._parser = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._call: _Call | None = None
        self._receiving: _Call | None = None
        self._ahead: deque[_Call] = deque()
        self._headers: list[tuple[str, str]] = []
        self._url = b""
        self._head = self._looks = 0
        self._is_stopping = self._is_full = False

    # ---- what the loop and the server call -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._state.connections.add(self)  # type: ignore[arg-type]  # what the server does with one is here

    def connection_lost(self, _: Exception | None) -> None:
        self._state.connections.discard(self)
        self._ahead.clear()
        if self._call is not None:
            self._call.lose()

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end_of_http()
        except httptools.HttpParserCallbackError:
            self._refuse(431, _LARGE)
        except httptools.HttpParserError:
            self._refuse(400, "Invalid HTTP request received.")
        else:
            if self._receiving is None and self._head > HEAD:
                self._refuse(431, _LARGE)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._go_on()

    def shutdown(self) -> None:
        """The server stops: this is closed as soon as what is under way has been answered."""
        self._is_stopping = True
        self._ahead.clear()
        if self._call is None:
            self._outbox.flush()
            self._transport.close()

    def grow_old(self, most: int) -> None:
        """One more look has found it. After `most` of them without a call it is closed."""
        self._looks = 0 if self._call is not None else self._looks + 1
        if self._looks > most and not self._transport.is_closing():
            self._transport.close()

    # ---- what the parser calls -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._headers, self._url = [], b""

    def on_url(self, piece: bytes) -> None:
        self._url += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._receiving is None:  # else a trailer, which nobody needs
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head of a request has come: it is attended to, or waits until the one before it is answered."""
        parser, url = self._parser, self._url
        if self._head > HEAD and len(url) + sum(map(len, itertools.chain.from_iterable(self._headers))) > HEAD:
            raise ValueError(_LARGE)
        if not url.startswith(b"/") or b"#" in url:
            url = _origin(url)
        target, _, query = url.decode("latin-1").partition("?")
        call = _Call(self, parser.get_method().decode("ascii"), target, query, tuple(self._headers))
        call.keep = parser.should_keep_alive()
        call.asks_before = ("expect", "100-continue") in self._headers
        self._receiving, self._head, self._looks = call, 0, 0
        if self._call is None and not self._is_full:
            self._begin(call)
        else:
            self._ahead.append(call)
            self._transport.pause_reading()

    def on_body(self, piece: bytes) -> None:
        if self._receiving is not None:
            self._receiving.add(piece)

    def on_message_complete(self) -> None:
        self._head = 0
        if self._receiving is not None:
            self._receiving.end()
            self._receiving = None

    # ---- calls -----------------------------------------------------------------------------------------------------------

    def wants_body(self, call: _Call) -> None:
        """The rest of a body is waited for: a caller that asks before it sends one may send it."""
        if call.asks_before:
            call.asks_before = False
            self._outbox.write(self._transport, _CONTINUE)

    def respond(self, call: _Call, response: wire.Response) -> None:
        """Write an answer, and go on with the call that was sent ahead. Nothing is written for a call that is over."""
        if call is not self._call or self._transport.is_closing():
            return
        self._call = None
        # Who asks before it sends a body, and was not told to, sends none: what follows is not to be taken for one.
        close = not call.keep or call.asks_before or self._is_stopping
        self._outbox.write(self._transport, self._written(call, response, close=close), last=close)
        if close:
            self._ahead.clear()
        elif self._ahead:
            self._go_on()

    def _written(self, call: _Call, response: wire.Response, *, close: bool) -> bytes:
        """An answer's bytes."""
        head = self._heads.head(response.status, response.headers)
        end = "connection: close\r\n\r\n" if close else "\r\n"
        head = f"{head}content-length: {len(response.body)}\r\nx-request-id: {call.id}\r\n{end}"
        return head.encode("latin-1") + (b"" if call.is_head else response.body)

    def _begin(self, call: _Call) -> None:
        self._call = call
        call.task = self.loop.create_task(self._attended(call))
        self._state.tasks.add(call.task)

    async def _attended(self, call: _Call) -> None:
        """A call, attended to; where that fails, the caller is not left waiting."""
        task = call.task
        try:
            await self._attend(call)
        except Exception as error:  # noqa: BLE001 - the last line of defence, and it is logged
            logger().error("defect", request_id=call.id, traceback=where_it_broke(error))
            self._transport.abort()
        finally:
            if task is not None:
                self._state.tasks.discard(task)

    def _go_on(self) -> None:
        """The next of the calls that were sent ahead, if it is their turn."""
        if self._ahead and self._call is None and not self._is_full:
            self._begin(self._ahead.popleft())
        if not self._ahead and not self._transport.is_closing():
            self._transport.resume_reading()

    def _end_of_http(self) -> None:
        """The caller wants to speak something else from here on. It is answered as if it did not, and the connection is closed."""
        call = self._ahead[-1] if self._ahead else self._call
        if call is not None:
            call.keep = False
            call.end()
        self._receiving = None
        self._transport.pause_reading()

    def _refuse(self, status: int, why: str) -> None:
        """What came is no request that can be attended to. Where one is attended to, its caller cannot be told of another."""
        self._transport.pause_reading()
        if self._call is None:
            said = _REFUSED.format(f"{status} {HTTPStatus(status).phrase}", len(why), why)
            self._outbox.write(self._transport, said.encode("ascii"), last=True)
        else:
            self._call.lose()
            self._transport.close()


def _origin(url: bytes) -> bytes:
    """Path and query of a target that is a whole address, or that holds a fragment."""
    try:
        parts = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return url
    path = parts.path or b"/"
    return path + b"?" + parts.query if parts.query else path
