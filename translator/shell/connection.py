"""The door for a server of our own: HTTP/1.1 of one caller, read by httptools (llhttp) and handed to the proxy without a layer between.

bytes ─▶ head ─▶ a call, and a task that attends to it ─▶ one write ─▶ the next call, or idle
                 └ what is sent ahead waits: one call of a connection is attended to at a time

uvicorn listens, counts and stops; this takes the place of its protocol, which costs as much as half of a send does here.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from typing import Any, Final, Protocol

import httptools
from uvicorn.server import ServerState

from translator import wire
from translator.shell.call import Call
from translator.shell.heads import Heads, refusal
from translator.shell.incoming import Incoming, origin
from translator.shell.log import logger, where_it_broke
from translator.shell.outbox import outbox_of

HEAD: Final = 64 * 1024
"""How many bytes of a request's head are read."""

TURN: Final = 64 * 1024
"""After a read of so many bytes it is the others' turn: a loop may read one connection thirty times over before it looks at another."""

_LARGE: Final = "The head of the request is larger than is read."
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_TUNNEL: Final = "CONNECT"
_BODILESS: Final = frozenset({204, 304})
"""What is answered without a body, and without its length."""


class _TooLargeError(Exception):
    """A head is larger than is read."""


Attend = Callable[[Call], Awaitable[None]]
"""Answers a call, and never raises for what a caller or a back can do."""


class Host(Protocol):
    """What all connections of a server ask for, each time that they need it: it may change while they are open. `ids` makes ids for
    requests without one. `is_leaving` says that every answer is the last of its connection."""

    attend: Attend
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
        self._ahead: deque[Incoming] = deque()
        self._headers: list[tuple[str, str]] = []
        self._url = self._farewell = b""
        # Bytes since the last request or piece of a body, of the reads after that with its end; of this read; of that with the end.
        self._head = self._now = self._before = 0
        self._looks = self._unsent = 0
        self._is_deaf = False  # what comes from now on is dropped: no request of it is attended to
        self._is_stopping = self._is_full = False

    # ---- what the loop and the server call -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._state.connections.add(self)  # type: ignore[arg-type]  # what the server does with one is here

    def connection_lost(self, _: Exception | None) -> None:
        self._state.connections.discard(self)
        # Each holds the other, and so do this and a call: what is in a ring stays until the collector of garbage comes by.
        self._is_deaf, self._parser = True, None
        self._ahead.clear()
        self._headers, self._url = [], b""
        call, self._call, self._receiving = self._call, None, None
        if call is not None:
            call.lose()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._now = len(data)
        self._head += self._now
        try:
            self._feed(data)
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _TooLargeError):
                raise
            self._refuse(431, _LARGE)
        except httptools.HttpParserError:
            self._refuse(400, "Invalid HTTP request received.")
        else:
            if self._head > HEAD:
                self._refuse(431, _LARGE)
        if self._now >= TURN and not self._transport.is_closing():
            self._transport.pause_reading()
            self.loop.call_soon(self._go_on)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._go_on()

    def shutdown(self) -> None:
        """The server stops: this is closed as soon as what is under way has been answered."""
        self._is_stopping = True
        self._is_deaf = self._is_deaf or bool(self._ahead)
        self._ahead.clear()
        if self._call is None:
            self._outbox.flush()
            self._transport.close()

    def grow_old(self, most: int) -> None:
        """One more look has found it. After `most` of them without a call, and without an answer on its way, it is closed."""
        before, self._unsent = self._unsent, self._transport.get_write_buffer_size()
        self._looks = 0 if self._call is not None or self._unsent < before else self._looks + 1
        if self._looks > most:
            if self._unsent:
                self._transport.abort()
            else:
                self._transport.close()

    # ---- what the parser calls -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._headers, self._url = [], b""

    def on_url(self, piece: bytes) -> None:
        self._url += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._receiving is None:  # else a trailer, which nobody needs
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        """The head of a request has come: it is attended to, or waits until the one before it is answered."""
        parser, url = self._parser, self._url
        if self._head + self._before > HEAD and len(url) + sum(map(len, chain.from_iterable(self._headers))) > HEAD:
            raise _TooLargeError
        verb, is_newest = parser.get_method().decode("ascii"), parser.get_http_version() == "1.1"
        if self._is_deaf or (parser.should_upgrade() and verb != _TUNNEL):
            return
        if not url.startswith(b"/") or b"#" in url:
            url = origin(url)
        target, _, query = url.decode("latin-1").partition("?")
        call = Incoming(self, verb, target, query, tuple(self._headers))
        call.keep = is_newest and parser.should_keep_alive() and verb != _TUNNEL
        call.asks_before = call.asks_before and is_newest
        self._receiving, self._head, self._looks = call, 0, 0
        if self._call is None and not self._is_full:
            self._begin(call)
        else:
            self._ahead.append(call)
            self._transport.pause_reading()

    def on_body(self, piece: bytes) -> None:
        self._head = 0
        if self._receiving is not None:
            self._receiving.add(piece)

    def on_message_complete(self) -> None:
        self._head, self._before = 0, self._now
        call, self._receiving = self._receiving, None
        if call is not None:
            call.end()
            self._is_deaf = self._is_deaf or not call.keep  # it is the last one

    # ---- reading ---------------------------------------------------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        """Have the parser read. Nobody is spoken to in another protocol (RFC 9110, 7.8): the head of who asks for one is read once more
        without that, and what follows is HTTP, a body first."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = memoryview(data)[upgrade.args[0] :]
        else:
            return
        while not self._is_deaf:
            head = self._head_without_upgrade()
            self._parser = httptools.HttpRequestParser(self)
            self._parser.feed_data(head)
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        start = f"{self._parser.get_method().decode('ascii')} {self._url.decode('latin-1')} HTTP/{self._parser.get_http_version()}"
        lines = [f"{name}: {value}" for name, value in self._headers if name != "upgrade"]
        return "\r\n".join([start, *lines, "", ""]).encode("latin-1")

    def _refuse(self, status: int, why: str) -> None:
        """What came is no request that can be attended to. It is told so behind the answers to those before it, and is the last."""
        if self._is_deaf:
            return
        self._is_deaf = True
        broken, self._receiving = self._receiving, None
        self._farewell = refusal(status, why)
        if broken is not None and self._ahead:
            self._ahead.pop()  # it is the one that came last
        elif broken is not None and broken is not self._call:
            self._farewell = b""  # it was answered before its body was whole
        elif broken is not None and not broken.is_read:
            self._call = None
            broken.lose()
        if self._call is None and not self._ahead:
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
        """Write an answer, and go on with the call that was sent ahead. Nothing is written for a call that is over."""
        if call is not self._call or self._transport.is_closing():
            return
        # Who asks before it sends a body, and was not told to, sends none: what follows is not to be taken for one.
        close = not call.keep or call.asks_before or self._is_stopping or self._host.is_leaving
        head = self._head_of(call, response, close=close)
        body = b"" if call.is_head or response.status in _BODILESS else response.body
        self._call = None
        if close:
            self._end(head, body)
            return
        self._outbox.write(self._transport, head, body)
        if self._ahead:
            self._go_on()
        elif self._is_deaf:
            self._end(self._farewell)

    def _head_of(self, call: Incoming, response: wire.Response, *, close: bool) -> bytes:
        """An answer's bytes, up to its body."""
        begin = self._heads.head(response.status, response.headers)
        length = "" if response.status in _BODILESS else f"Content-Length: {len(response.body)}\r\n"
        end = "Connection: close\r\n\r\n" if close else "\r\n"
        return f"{begin}{length}X-Request-Id: {call.id}\r\n{end}".encode("latin-1")

    def _end(self, head: bytes, body: bytes = b"") -> None:
        """Say the last of this connection. Only our side of it is closed (RFC 9112, 9.6): a close in the face of a caller that is still
        writing would take the answer from it. What it writes is dropped, until it closes as well or has been idle for long enough."""
        self._is_deaf = True
        self._ahead.clear()
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
        """The next of the calls that were sent ahead, if it is their turn."""
        if self._ahead and self._call is None and not self._is_full:
            self._begin(self._ahead.popleft())
        if not self._ahead and not self._transport.is_closing():
            self._transport.resume_reading()
