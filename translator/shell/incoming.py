"""A call that comes over a connection of our own protocol: its body is what was received of it so far."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

import httptools

from translator import wire
from translator.shell.call import Call, Gone


class Line(Protocol):
    """What a call needs of its connection."""

    loop: asyncio.AbstractEventLoop
    ids: Iterator[str]

    def peer(self) -> str: ...

    def wants_body(self, call: "Incoming") -> None: ...

    def respond(self, call: "Incoming", response: wire.Response) -> None: ...


class Incoming(Call):
    """One request of a connection."""

    def __init__(self, line: Line, verb: str, target: str, query: str, headers: wire.Headers) -> None:
        super().__init__(verb, target, query, headers, line.ids)
        self._line = line
        self._pieces: list[bytes] = []
        self._size = 0
        self._news: asyncio.Future[None] | None = None
        self._is_lost = self._is_whole = False

    async def read(self, most: int, larger: Callable[[], int]) -> bytes | None:
        """See `Call.read`."""
        while not (too_large := self._exceeds(most, larger)) and not self._is_whole:
            self._line.wants_body(self)
            self._news = self._line.loop.create_future()
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
        """All of it has come: leave to send it is not needed any more."""
        self._is_whole = True
        self.asks_before = False
        self._tell()

    def lose(self) -> None:
        """See `Call.lose`."""
        self._is_lost = self._is_whole = True
        self._tell()
        super().lose()

    def peer(self) -> str:
        """See `Call.peer`."""
        return self._line.peer()

    def respond(self, response: wire.Response) -> None:
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
