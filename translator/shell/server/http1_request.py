"""A call that comes over a connection of our own protocol: its body is what was received of it so far."""

import asyncio
from collections.abc import Iterator
from typing import Final, Protocol

import httptools

from translator.core.http import messages
from translator.shell.aio.memory_budget import Hold
from translator.shell.server.request import SMALL, Gone, NoRoom, ServerRequest

DRAINED: Final = 64 * 1024
"""So many bytes of a body that nobody reads are waited for, so that its connection can be used again. Behind a larger one it is closed."""


class Line(Protocol):
    """What a call needs of its connection."""

    loop: asyncio.AbstractEventLoop
    ids: Iterator[str]

    def peer(self) -> str: ...

    def send_continue(self, call: "Http1Request") -> None: ...

    def respond(self, call: "Http1Request", response: messages.Response) -> None: ...


class Http1Request(ServerRequest):
    """One request of a connection. `came` is how many bytes of its body have come, read or not."""

    def __init__(self, line: Line, verb: str, target: str, query: str, headers: messages.Headers) -> None:
        super().__init__(verb, target, query, headers, line.ids)
        self._line = line
        self._body: bytes | bytearray = b""
        self._paid = self.came = 0
        self._news: asyncio.Future[None] | None = None
        self._is_lost = self._is_whole = False

    async def read(self, most: int, hold: Hold | None = None) -> bytes | None:
        """See `Call.read`."""
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
        """Take the memory for what has come. Raises NoRoom."""
        if self.came > SMALL and hold is not None:
            if not hold.grow(self.came - self._paid):
                self.skip()
                raise NoRoom
            self._paid = self.came

    def skip(self) -> None:
        """See `Call.skip`."""
        self.is_read, self._body = True, b""
        if not self._is_whole and not 0 < self.declares - self.came <= DRAINED:
            self.keep = False

    def add(self, piece: bytes) -> None:
        """A piece of the body has come; one that nobody reads is dropped."""
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
        """All of it has come: leave to send it is not needed any more."""
        self._is_whole = True
        self.expects_continue = False
        self._tell()

    def lose(self) -> None:
        """See `Call.lose`."""
        self._is_lost = self._is_whole = True
        self._tell()
        super().lose()

    def peer(self) -> str:
        """See `Call.peer`."""
        return self._line.peer()

    def respond(self, response: messages.Response) -> None:
        """See `Call.respond`."""
        self._line.respond(self, response)

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


def origin(url: bytes) -> bytes:
    """Path and query of a target that is a whole address, or that holds a fragment."""
    try:
        parts = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return url
    path = parts.path or b"/"
    return path + b"?" + parts.query if parts.query else path
