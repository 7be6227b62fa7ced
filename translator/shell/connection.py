"""The door for a server of our own: HTTP/1.1 of one caller, read by httptools (llhttp) and handed to the proxy without a layer between.

bytes ─▶ head ─▶ a call, and a task that attends to it ─▶ one write ─▶ the next call, or idle
  └ what is sent ahead waits as bytes: one call of a connection is read and attended to at a time

uvicorn listens, counts and stops; this takes the place of its protocol, which costs as much as half of a send does here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Literal, Protocol

import httptools
from uvicorn.server import ServerState

from translator import wire
from translator.shell.budget import UNKNOWN, Budget, Hold
from translator.shell.call import SMALL, Call
from translator.shell.heads import Heads, refusal
from translator.shell.incoming import Incoming, origin
from translator.shell.log import logger, where_it_broke
from translator.shell.outbox import outbox_of
from translator.shell.request_head import HEAD, RefusalError, RequestHead
from translator.shell.unsent import FULL, Unsent

TURN: Final = 64 * 1024
"""After a read of so many bytes it is the others' turn: a loop may read one connection thirty times over before it looks at another."""

_LARGE: Final = "The head of the request is larger than is read."
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_END: Final = b"\r\n\r\n"
"""Where every head ends, and every body in chunks: the parser takes no other end of a line."""

_NO_ROOM: Final = "This server has no memory left for callers that it does not know."
_TWO: Final = "The request begins where the one before it does not end."
_TUNNEL: Final = "CONNECT"
_BODILESS: Final = frozenset({204, 304})
"""What is answered without a body, and without its length."""


Attend = Callable[[Call], Awaitable[None]]
"""Answers a call, and never raises for what a caller or a back can do."""


class Host(Protocol):
    """What all connections of a server ask for, each time that they need it: it may change while they are open. `ids` makes ids for
    requests without one, `budget` is what memory is taken from. `is_leaving` says that every answer is the last of its connection."""

    attend: Attend
    budget: Budget
    ids: Iterator[str]
    is_leaving: bool


class Connection(asyncio.Protocol):
    """One connection of a caller. `loop` is the one that it lives in, `host` who answers, and what `heads` tells is the same for all
    connections of a server, whose `state` says which are open."""

    def __init__(self, host: Host, heads: Heads, state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self.loop, self.ids = loop, host.ids
        self._host, self._heads, self._state = host, heads, state
        self._outbox = outbox_of(loop)
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._call: Incoming | None = None
        self._receiving: Incoming | None = None
        self._head = RequestHead()
        self._read = 0  # bytes since the last request or piece of a body
        self._last = b""  # the last three of them
        self._rest = b""  # what was sent ahead
        self._hold: Hold | None = None  # the memory for a head that is not whole, or for the rest
        self._unsent = Unsent()
        self._farewell = b""
        self._looks = self._left = 0
        self._is_deaf = False  # what comes from now on is dropped: no request of it is attended to
        self._is_stopping = False

    # ---- what the loop and the server call -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.set_write_buffer_limits(FULL, 0)
        self._state.connections.add(self)  # type: ignore[arg-type]  # what the server does with one is here

    def connection_lost(self, _: Exception | None) -> None:
        self._state.connections.discard(self)
        # Each holds the other, and so do this and a call: what is in a ring stays until the collector of garbage comes by.
        self._is_deaf, self._parser = True, None
        self._head, self._rest = RequestHead(), b""
        self._release()
        self._unsent.release()
        call, self._call, self._receiving = self._call, None, None
        if call is not None:
            call.lose()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._take(self._rest + data if self._rest else data)
        if len(data) >= TURN and not self._transport.is_closing():
            self._transport.pause_reading()
            self.loop.call_soon(self._go_on)

    def pause_writing(self) -> None:
        self._unsent.fill(self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._unsent.drain()
        self._go_on()

    def shutdown(self) -> None:
        """The server stops: this is closed as soon as what is under way has been answered."""
        self._is_stopping = True
        self._is_deaf = self._is_deaf or bool(self._rest)
        self._rest = b""
        if self._call is None:
            self._outbox.flush()
            self._transport.close()

    def grow_old(self, most: int) -> None:
        """One more look has found it. After `most` of them without a call, and without an answer on its way, it is closed."""
        before, self._left = self._left, self._transport.get_write_buffer_size()
        self._looks = 0 if self._call is not None or self._left < before else self._looks + 1
        if self._unsent.is_slow(self._left) or (self._looks > most and self._left):
            self._transport.abort()
        elif self._looks > most:
            self._transport.close()

    # ---- what the parser calls -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._head = RequestHead()

    def on_url(self, piece: bytes) -> None:
        self._head.url += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._receiving is None:
            self._head.add(name, value)
        else:  # a trailer
            self._head.count(name, value)

    def on_headers_complete(self) -> None:
        """The head of a request has come: it is attended to."""
        parser, head, version = self._parser, self._head, self._parser.get_http_version()
        head.check(version, self._read)
        if self._call is not None:
            raise RefusalError(400, _TWO)
        verb, url = parser.get_method().decode("ascii"), head.url
        if self._is_deaf or (parser.should_upgrade() and verb != _TUNNEL):
            return
        if not url.startswith(b"/") or b"#" in url:
            url = origin(url)
        target, _, query = url.decode("latin-1").partition("?")
        call = Incoming(self, verb, target, query, head.headers)
        is_newest = version == "1.1"
        call.keep = is_newest and parser.should_keep_alive() and verb != _TUNNEL
        call.asks_before = call.asks_before and is_newest
        self._receiving, self._read, self._looks = call, 0, 0
        self._begin(call)

    def on_body(self, piece: bytes) -> None:
        self._read = 0
        if self._receiving is not None:
            self._receiving.add(piece)

    def on_message_complete(self) -> None:
        self._read = 0
        call, self._receiving = self._receiving, None
        if call is not None:  # else its head is read once more
            self._head = RequestHead()
            call.end()
            self._is_deaf = self._is_deaf or not call.keep  # it is the last one

    # ---- reading ---------------------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        """Have the parser read up to the end of one request after the other. What is behind one that is attended to waits as it is, and
        so does what is behind an answer that its caller does not read."""
        self._rest = b""
        self._release()
        at = 0
        while at < len(data) and not self._is_deaf:
            if self._receiving is None and (self._call is not None or self._unsent.is_full):
                self._wait(data[at:])
                return
            end = self._end_in(data, at)
            self._parse(data[at:end])
            at = end
        is_within = self._read or self._receiving is not None
        self._last = (self._last + data[-3:])[-3:] if is_within else b""
        if self._read and self._receiving is None and not self._is_deaf:
            self._holds(self._head.held(self._read), "head")

    def _end_in(self, data: bytes, at: int) -> int:
        """How far the parser may read: no further than to the end of one request, if that is in it."""
        receiving = self._receiving
        if receiving is not None and receiving.declares:
            return min(at + receiving.declares - receiving.came, len(data))
        if self._last and at == 0:
            end = (self._last + data[:3]).find(_END)
            if end >= 0:
                return end + len(_END) - len(self._last)
        end = data.find(_END, at)
        return len(data) if end < 0 else end + len(_END)

    def _parse(self, piece: bytes) -> None:
        self._read += len(piece)
        try:
            self._feed(piece)
        except httptools.HttpParserCallbackError as error:
            refusal_ = error.__context__
            if not isinstance(refusal_, RefusalError):
                raise
            self._refuse(refusal_.status, refusal_.why)
        except httptools.HttpParserError:
            self._refuse(400, "Invalid HTTP request received.")
        else:
            if self._read > HEAD:
                self._refuse(431, _LARGE)

    def _feed(self, piece: bytes) -> None:
        """Have the parser read. Nobody is spoken to in another protocol (RFC 9110, 7.8): the head of who asks for one is read once more
        without that, and what follows is HTTP, a body first."""
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            if not self._is_deaf:
                before = self._parser
                head = self._head.without_upgrade(before.get_method().decode("ascii"), before.get_http_version())
                self._parser = httptools.HttpRequestParser(self)
                self._parser.feed_data(head)

    def _wait(self, rest: bytes) -> None:
        """Read no more, and keep what was read ahead."""
        self._transport.pause_reading()
        self._rest = rest
        self._holds(len(rest), "ahead")

    def _holds(self, size: int, kind: Literal["head", "ahead"]) -> None:
        """Take the memory for what waits here. Where there is none left, this is the last of this connection."""
        if size <= SMALL:
            return
        self._hold = self._host.budget.take(UNKNOWN if self._call is None else self._call.account, kind, size)
        if self._hold is None:
            self._rest = b""
            self._refuse(503, _NO_ROOM)

    def _release(self) -> None:
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def _refuse(self, status: int, why: str) -> None:
        """What came is no request that can be attended to. It is told so behind the answer to the one before it, and is the last."""
        if self._is_deaf:
            return
        self._is_deaf = True
        broken, self._receiving = self._receiving, None
        self._farewell = refusal(status, why)
        if broken is not None and broken is not self._call:
            self._farewell = b""  # it was answered before its body was whole
        elif broken is not None and not broken.is_read:
            self._call = None
            broken.lose()
        if self._call is None:
            self._end(self._farewell)

    def peer(self) -> str:
        """The address of the caller; empty where there is none."""
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else ""

    # ---- calls -----------------------------------------------------------------------------------------------------------

    def wants_body(self, call: Incoming) -> None:
        """The rest of a body is waited for: a caller that asks before it sends one may send it."""
        if call.asks_before:
            call.asks_before = False
            self._outbox.write(self._transport, _CONTINUE)

    def respond(self, call: Incoming, response: wire.Response) -> None:
        """Write an answer, and go on with what was sent ahead. Nothing is written for a call that is over."""
        hold, call.unsent = call.unsent, None
        if call is not self._call or self._transport.is_closing():
            if hold is not None:
                hold.release()
            return
        if hold is not None:
            self._unsent.keep(hold)
        # Who asks before it sends a body, and was not told to, sends none: what follows is not to be taken for one.
        close = not call.keep or call.asks_before or self._is_stopping or self._host.is_leaving
        head = self._head_of(call, response, close=close)
        body = b"" if call.is_head or response.status in _BODILESS else response.body
        self._call = None
        if close:
            self._end(head, body)
        else:
            self._outbox.write(self._transport, head, body)
        if hold is not None:
            self.loop.call_soon(self._unsent.settle)
        if self._rest and not self._is_deaf:
            self._go_on()
        elif self._is_deaf and not close:
            self._end(self._farewell)

    def _head_of(self, call: Incoming, response: wire.Response, *, close: bool) -> bytes:
        """An answer's bytes, up to its body."""
        begin = self._heads.head(response.status, response.headers)
        length = "" if response.status in _BODILESS else f"content-length: {len(response.body)}\r\n"
        end = "connection: close\r\n\r\n" if close else "\r\n"
        return f"{begin}{length}x-request-id: {call.id}\r\n{end}".encode("latin-1")

    def _end(self, head: bytes, body: bytes = b"") -> None:
        """Say the last of this connection. Only our side of it is closed (RFC 9112, 9.6): a close in the face of a caller that is still
        writing would take the answer from it. What it writes is dropped, until it closes as well or has been idle for long enough."""
        self._is_deaf = True
        self._rest = b""
        self._release()
        transport = self._transport
        ends_half = transport.can_write_eof() and not self._is_stopping
        self._outbox.write(transport, head, body, transport.write_eof if ends_half else transport.close)
        transport.resume_reading()

    def _begin(self, call: Incoming) -> None:
        self._call = call
        call.task = self.loop.create_task(self._attended(call))
        self._state.tasks.add(call.task)

    async def _attended(self, call: Incoming) -> None:
        """A call, attended to; however that ends, the caller is not left waiting."""
        task = call.task
        try:
            await self._host.attend(call)
        except Exception as error:  # noqa: BLE001 - the last line of defence, and it is logged
            logger().error("defect", request_id=call.id, traceback=where_it_broke(error))
        finally:
            if task is not None:
                self._state.tasks.discard(task)
            if call is self._call:
                self._call = None
                self._outbox.flush()
                self._transport.abort()

    def _go_on(self) -> None:
        """The next of the requests that were sent ahead, if it is its turn."""
        if self._rest and self._call is None and not self._unsent.is_full and not self._is_deaf:
            self._take(self._rest)
        if not self._rest and not self._transport.is_closing():
            self._transport.resume_reading()
