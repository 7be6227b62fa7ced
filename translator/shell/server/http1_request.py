"""A request of our own server protocol. It collects the body as it is received."""

import asyncio
from collections.abc import Iterator
from typing import Final, Protocol

import httptools

from translator.core.http import messages
from translator.shell.aio.memory_budget import Hold
from translator.shell.server.request import SMALL, Gone, NoRoom, ServerRequest

DRAINED: Final = 64 * 1024
"""Bytes of an unread body that are received and dropped, so that the connection can be used again. After a larger one it is closed."""


class Line(Protocol):
    """The part of a connection that a request needs."""

    loop: asyncio.AbstractEventLoop
    ids: Iterator[str]

    def peer(self) -> str: ...

    def send_continue(self, call: "Http1Request") -> None: ...

    def respond(self, call: "Http1Request", response: messages.Response) -> None: ...


class Http1Request(ServerRequest):
    """One request of a connection. `came` is the number of body bytes received, read or dropped."""

    def __init__(self, line: Line, verb: str, target: str, query: str, headers: messages.Headers) -> None:
        super().__init__(verb, target, query, headers, line.ids)
        self._line = line
        self._body: bytes | bytearray = b""
        self._paid = self.came = 0
        self._news: asyncio.Future[None] | None = None
        self._is_lost = self._is_whole = False

    async def read(self, most: int, hold: Hold | None = None) -> bytes | None:
        """See `ServerRequest.read`."""
        while not (too_large := max(self.declares, self.came) > most) and not self._is_whole:
            self._pay(hold)
            self._line.send_continue(self)
            self._news = self._line.loop.create_future()
            await self._news
        if self._is_lost:
            raise Gone
        if too_large:
            self.skip()
            return None
        self._pay(hold)
        self.is_read = True
        body, self._body = self._body, b""
        return bytes(body)

    def _pay(self, hold: Hold | None) -> None:
        """Take memory for the received bytes. Raises NoRoom."""
        if self.came > SMALL and hold is not None:
            if not hold.grow(self.came - self._paid):
                self.skip()
                raise NoRoom
            self._paid = self.came

    def skip(self) -> None:
        """See `ServerRequest.skip`."""
        self.is_read, self._body = True, b""
        if not self._is_whole and not 0 < self.declares - self.came <= DRAINED:
            self.keep = False

    def add(self, piece: bytes) -> None:
        """Add a piece of the body, or drop it if the body is not read."""
        self.came += len(piece)
        if self.is_read:
            return
        if not self._body:
            self._body = piece
        elif isinstance(self._body, bytearray):
            self._body += piece
        else:
            self._body = bytearray(self._body)
            self._body += piece
        self._tell()

    def end(self) -> None:
        """Mark the body as complete. A 100 Continue is not needed any more."""
        self._is_whole = True
        self.expects_continue = False
        self._tell()

    def lose(self) -> None:
        """See `ServerRequest.lose`."""
        self._is_lost = self._is_whole = True
        self._tell()
        super().lose()

    def peer(self) -> str:
        """See `ServerRequest.peer`."""
        return self._line.peer()

    def respond(self, response: messages.Response) -> None:
        """See `ServerRequest.respond`."""
        self._line.respond(self, response)

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


def origin(url: bytes) -> bytes:
    """Convert a target to origin-form (RFC 9112, 3.2.1): path and query of a target that is a whole URL or has a fragment."""
    try:
        parts = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return url
    path = parts.path or b"/"
    return path + b"?" + parts.query if parts.query else path
