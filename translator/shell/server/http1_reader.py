"""The reading side of a connection: parses bytes to requests with httptools (llhttp), one request at a time.

read ─▶ up to the end of one request ─▶ parser ─▶ its head, checked ─▶ a request, whose body comes next
           └ later bytes wait until the request before them is answered
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
"""The end of every head and of every chunked body. The parser accepts no other line ending."""

_NO_ROOM: Final = "This server has no memory left for this caller."
_TWO: Final = "The request begins where the one before it does not end."
_TUNNEL: Final = "CONNECT"
_NONE: Final = RequestHead()
"""An empty head. It is never changed, because each message starts with a new one."""

Handler = Callable[[ServerRequest], Awaitable[None]]
"""Answers a request. It never raises for an error of a client or a provider."""


class Host(Protocol):
    """The part of a server that its connections share. They read it each time, because it may change while they are open.

    handle: Answers a request.
    budget: The memory budget.
    ids: Makes ids for requests that carry none.
    is_leaving: True if every response is the last of its connection.
    hint: The `Keep-Alive` header of the other responses.
    """

    handle: Handler
    budget: MemoryBudget
    ids: Iterator[str]
    is_leaving: bool

    @property
    def hint(self) -> str: ...


class Receiver(asyncio.Protocol):
    """The input of a connection. `loop` is its event loop. `host` has the server's settings and handler."""

    _transport: Any

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self.loop, self.ids, self._host = loop, host.ids, host
        self._parser: Any = httptools.HttpRequestParser(self)
        self._call: Http1Request | None = None  # the active request
        self._receiving: Http1Request | None = None  # has an incomplete body; may be answered already
        self._head = RequestHead()
        self._read = 0  # bytes since the last request or body piece ended
        self._last = b""  # the last three of them
        self._rest = b""  # pipelined input
        self._hold: Hold | None = None  # the memory for an incomplete head, or for the pipelined input
        self._unsent = Unsent()
        self._looks = 0  # idle sweeps since the last request
        self._draining = False  # all further input is dropped

    @abstractmethod
    def _begin(self, call: Http1Request) -> None:
        """Start handling a request."""

    @abstractmethod
    def _refuse(self, status: int, why: str) -> None:
        """Reject a malformed request with the final response of the connection."""

    @abstractmethod
    def _go_on(self) -> None:
        """Read pipelined requests if no request is active."""

    @abstractmethod
    def peer(self) -> str:
        """See `Line`."""

    @abstractmethod
    def send_continue(self, call: Http1Request) -> None:
        """See `Line`."""

    @abstractmethod
    def respond(self, call: Http1Request, response: messages.Response) -> None:
        """See `Line`."""

    # ---- called by the parser --------------------------------------------------------------------------------------------

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
        """Check the head of a request, and start handling it."""
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
        if call is not None:  # otherwise the head is parsed again, see `_feed`
            self._head = _NONE
            call.end()
            self._draining = self._draining or not call.keep  # the last request of the connection

    # ---- reading ---------------------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        """Feed the parser with one request after the other. Bytes after an active request wait unparsed. So do bytes after a response
        that the client does not read."""
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
                self._rest = data[at:]  # the handler sees the head before the body is parsed
                self._transport.pause_reading()
                self.loop.call_soon(self._go_on)
                return
        is_within = self._read or self._receiving is not None
        self._last = (self._last + data[-3:])[-3:] if is_within else b""
        if self._read and self._receiving is None and not self._draining:
            self._holds(self._head.held(self._read), "head")

    def _is_busy(self) -> bool:
        """True if the next bytes follow an active request, or a response that the client does not read."""
        return self._receiving is None and (self._call is not None or self._unsent.is_full)

    def _end_in(self, data: bytes, at: int) -> int:
        """Return the index up to which the parser may read: the end of the present request if `data` has it, else the end of `data`."""
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
        """Parse a piece and reject it if it is malformed. Returns its length."""
        self._read += len(piece)
        try:
            self._feed(piece)
        except httptools.HttpParserCallbackError as error:
            # The error is bound to no local name: the error refers to this frame, so a name would form a cycle that keeps the input.
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
        """Feed the parser. Upgrade requests are ignored (RFC 9110, 7.8): llhttp stops after such a head, so the head is parsed again
        without the `Upgrade` header. The input after it is HTTP, the body first."""
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            if not self._draining:
                before = self._parser
                head = self._head.without_upgrade(before.get_method().decode("ascii"), before.get_http_version())
                self._parser = httptools.HttpRequestParser(self)
                self._parser.feed_data(head)

    def _wait(self, rest: bytes) -> None:
        """Pause reading, and keep the pipelined input."""
        self._transport.pause_reading()
        self._rest = rest
        self._holds(len(rest), "ahead")

    def _holds(self, size: int, kind: Literal["head", "ahead"]) -> None:
        """Take memory for waiting input. If the budget has none left, reject the request and end the connection."""
        if size <= SMALL:
            return
        self._hold = self._host.budget.take(UNKNOWN if self._call is None else self._call.account, kind, size)
        if self._hold is None:
            self._rest = b""
            self._refuse(503, _NO_ROOM)

    def _forget(self) -> None:
        """Stop reading and free all input. It is never called while the parser runs."""
        self._draining, self._parser = True, None
        self._head, self._rest = RequestHead(), b""
        self._release()

    def _release(self) -> None:
        if self._hold is not None:
            self._hold.release()
            self._hold = None
