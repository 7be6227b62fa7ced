"""The reading side of a connection: bytes to requests, by httptools (llhttp), one request at a time.

read ─▶ up to the end of one request ─▶ parser ─▶ its head, checked ─▶ a call, whose body is what comes next
           └ what is behind that waits as bytes until the request before it is answered
"""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Literal, Protocol

import httptools

from translator.core.http import messages
from translator.shell.aio.memory_budget import UNKNOWN, Hold, MemoryBudget
from translator.shell.server.http1_request import Http1Request, origin
from translator.shell.server.request import SMALL, ServerRequest
from translator.shell.server.request_head import HEAD, LARGE, RefusalError, RequestHead
from translator.shell.server.unsent_bytes import Unsent

_END: Final = b"\r\n\r\n"
"""Where every head ends, and every body in chunks: the parser takes no other end of a line."""

_NO_ROOM: Final = "This server has no memory left for this caller."
_TWO: Final = "The request begins where the one before it does not end."
_TUNNEL: Final = "CONNECT"
_NONE: Final = RequestHead()
"""No head. Nothing is added to it: a message begins with a new one."""

Handler = Callable[[ServerRequest], Awaitable[None]]
"""Answers a call, and never raises for what a caller or a back can do."""


class Host(Protocol):
    """What all connections of a server ask for, each time that they need it: it may change while they are open. `ids` makes ids for
    requests without one, `budget` is what memory is taken from. `is_leaving` says that every answer is the last of its connection, and
    `hint` is what the others say of how long theirs is kept open."""

    handle: Handler
    budget: MemoryBudget
    ids: Iterator[str]
    is_leaving: bool

    @property
    def hint(self) -> str: ...


class Receiver(asyncio.Protocol):
    """What has come over a connection. `loop` is the one that it lives in, `host` who answers."""

    _transport: Any

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self.loop, self.ids, self._host = loop, host.ids, host
        self._parser: Any = httptools.HttpRequestParser(self)
        self._call: Http1Request | None = None  # the one that is attended to
        self._receiving: Http1Request | None = None  # the one whose body comes; it may be answered already
        self._head = RequestHead()
        self._read = 0  # bytes since the last request or piece of a body
        self._last = b""  # the last three of them
        self._rest = b""  # what was sent ahead
        self._hold: Hold | None = None  # the memory for a head that is not whole, or for the rest
        self._unsent = Unsent()
        self._looks = 0  # at this connection, since a request has come
        self._draining = False  # what comes from now on is dropped: no request of it is attended to

    @abstractmethod
    def _begin(self, call: Http1Request) -> None:
        """Attend to a call."""

    @abstractmethod
    def _refuse(self, status: int, why: str) -> None:
        """Tell the caller that what came is no request that can be attended to, and that this is the last of the connection."""

    @abstractmethod
    def _go_on(self) -> None:
        """Read what was sent ahead, if it is its turn."""

    @abstractmethod
    def peer(self) -> str:
        """See `Line`."""

    @abstractmethod
    def send_continue(self, call: Http1Request) -> None:
        """See `Line`."""

    @abstractmethod
    def respond(self, call: Http1Request, response: messages.Response) -> None:
        """See `Line`."""

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
        if self._draining or (parser.should_upgrade() and verb != _TUNNEL):
            return
        if not url.startswith(b"/") or b"#" in url:
            url = origin(url)
        target, _, query = url.decode("latin-1").partition("?")
        call = Http1Request(self, verb, target, query, head.headers)
        is_newest = version == "1.1"
        call.keep = is_newest and parser.should_keep_alive() and verb != _TUNNEL
        call.expects_continue = call.expects_continue and is_newest
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
            self._head = _NONE
            call.end()
            self._draining = self._draining or not call.keep  # it is the last one

    # ---- reading ---------------------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        """Have the parser read up to the end of one request after the other. What is behind one that is attended to waits as it is, and
        so does what is behind an answer that its caller does not read."""
        self._rest = b""
        self._release()
        at = 0
        while at < len(data) and not self._draining:
            if self._is_busy():
                self._wait(data[at:])
                return
            end = self._end_in(data, at)
            is_head, at = self._receiving is None, self._parse(data[at:end]) + at
            if is_head and self._receiving is not None and len(data) - at > SMALL:
                self._rest = data[at:]  # nothing is done for a body before its head was looked at
                self._transport.pause_reading()
                self.loop.call_soon(self._go_on)
                return
        is_within = self._read or self._receiving is not None
        self._last = (self._last + data[-3:])[-3:] if is_within else b""
        if self._read and self._receiving is None and not self._draining:
            self._holds(self._head.held(self._read), "head")

    def _is_busy(self) -> bool:
        """Whether what comes is behind a request that is attended to, or behind an answer that is not read."""
        return self._receiving is None and (self._call is not None or self._unsent.is_full)

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

    def _parse(self, piece: bytes) -> int:
        """Have a piece read, and refuse what cannot be. How long it is."""
        self._read += len(piece)
        try:
            self._feed(piece)
        except httptools.HttpParserCallbackError as error:
            # It is given no name here: the error holds this frame, which would hold the error, and all that was read.
            if not isinstance(error.__context__, RefusalError):
                raise
            self._refuse(error.__context__.status, error.__context__.why)
        except httptools.HttpParserError:
            self._refuse(400, "Invalid HTTP request received.")
        else:
            if self._read > HEAD:
                self._refuse(431, LARGE)
        return len(piece)

    def _feed(self, piece: bytes) -> None:
        """Have the parser read. Nobody is spoken to in another protocol (RFC 9110, 7.8): the head of who asks for one is read once more
        without that, and what follows is HTTP, a body first."""
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            if not self._draining:
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

    def _forget(self) -> None:
        """Nothing more is read: keep nothing of what was. It is never called while the parser reads."""
        self._draining, self._parser = True, None
        self._head, self._rest = RequestHead(), b""
        self._release()

    def _release(self) -> None:
        if self._hold is not None:
            self._hold.release()
            self._hold = None
