"""A request of our own server protocol. It collects the body as it is received."""

import asyncio
from collections.abc import Iterator
from typing import Final, Protocol

import httptools

from translator.core.http import messages
from translator.shell.aio.memory_budget import Hold
from translator.shell.server.host import Host
from translator.shell.server.limits import LIMITS
from translator.shell.server.request import Gone, NoRoom, ReceivedHead, ServerRequest

_FREE: Final = LIMITS.free


class RequestConnection(Protocol):
    """The part of a connection that a request needs."""

    loop: asyncio.AbstractEventLoop
    host: Host

    def peer(self) -> str: ...

    def makes_room(self) -> bool: ...

    def send_continue(self) -> None: ...

    def respond(self, call: "Http1Request", response: messages.Response, hold: Hold | None) -> None: ...


class Http1Body:
    """The body of a request as it is received.

    came: The number of bytes received, read or dropped.
    paid: The number of bytes that the memory budget has granted.
    waits_for_continue: True if the client waits for a 100 before it sends the body (RFC 9110, 10.1.1).
    """

    __slots__ = ("_bytes", "_event", "came", "is_dropped", "is_lost", "is_whole", "paid", "waits_for_continue")

    def __init__(self, *, waits_for_continue: bool) -> None:
        self._bytes: bytes | bytearray = b""
        self._event: asyncio.Future[None] | None = None
        self.came = self.paid = 0
        self.is_dropped = self.is_lost = self.is_whole = False
        self.waits_for_continue = waits_for_continue

    def add(self, piece: bytes) -> None:
        """Add a piece, or drop it if the body is not read."""
        self.came += len(piece)
        if self.is_dropped:
            return
        if not self._bytes:
            self._bytes = piece
        elif isinstance(self._bytes, bytearray):
            self._bytes += piece
        else:
            self._bytes = bytearray(self._bytes)
            self._bytes += piece
        self._wake()

    def end(self) -> None:
        """Mark the body as complete. A 100 Continue is not needed any more."""
        self.is_whole = True
        self.waits_for_continue = False
        self._wake()

    def lose(self) -> None:
        """Mark the body as complete, because the client disconnected and no more of it will come."""
        self.is_lost = self.is_whole = True
        self._wake()

    def take(self) -> bytes:
        """Return the bytes, keep none, and drop those that are still to come."""
        self.is_dropped = True
        taken, self._bytes = self._bytes, b""
        return bytes(taken)

    def next(self, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[None]":
        """Return a future that is done when more of the body comes."""
        self._event = loop.create_future()
        return self._event

    def _wake(self) -> None:
        if self._event is not None and not self._event.done():
            self._event.set_result(None)


class Http1Request(ServerRequest):
    """One request of a connection. `body` is its body, which this module alone writes."""

    def __init__(
        self, line: RequestConnection, head: ReceivedHead, ids: Iterator[str], *, keep: bool, waits_for_continue: bool
    ) -> None:
        super().__init__(head, ids, keep=keep)
        self._line = line
        self.body = Http1Body(waits_for_continue=waits_for_continue)

    async def read(self, most: int, hold: Hold | None = None, *, may_drop: bool = False) -> bytes | None:
        """See `ServerRequest.read`."""
        body, declared = self.body, self.head.length
        while not (too_large := max(declared, body.came) > most) and not body.is_whole:
            self._pay(hold)
            if body.waits_for_continue:
                body.waits_for_continue = False
                self._line.send_continue()
            await body.next(self._line.loop)
        if body.is_lost:
            raise Gone
        if too_large:
            self.skip()
            return None
        self._pay(hold)
        self.work.stop_reading(may_drop=may_drop)
        return body.take()

    def _pay(self, hold: Hold | None) -> None:
        """Take memory for the received bytes. Raises NoRoom."""
        body = self.body
        if body.came > _FREE and hold is not None:
            if not hold.grow(body.came - body.paid):
                self.skip()
                raise NoRoom
            body.paid = body.came

    @property
    def to_come(self) -> int:
        """The bytes of the body that are still to come, or 0 if its length is not known before its end."""
        return self.head.length - self.body.came if self.head.length else 0

    def skip(self) -> None:
        """See `ServerRequest.skip`."""
        super().skip()
        self.body.take()
        if not self.body.is_whole and not 0 < self.head.length - self.body.came <= LIMITS.dropped_body:
            self.close_after()

    def lose(self) -> None:
        """See `ServerRequest.lose`."""
        self.body.lose()
        super().lose()

    def peer(self) -> str:
        """See `ServerRequest.peer`."""
        return self._line.peer()

    def has_connection(self, *, is_shared: bool) -> bool:
        """See `ServerRequest.has_connection`."""
        return self._line.host.shares.belongs(self._line, self.account, is_shared=is_shared)

    def respond(self, response: messages.Response, hold: Hold | None = None) -> None:
        """See `ServerRequest.respond`."""
        self._line.respond(self, response, hold)


def origin(url: bytes) -> bytes:
    """Convert a target to origin-form (RFC 9112, 3.2.1): path and query of a target that is a whole URL or has a fragment."""
    try:
        parts = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return url
    path = parts.path or b"/"
    return path + b"?" + parts.query if parts.query else path
