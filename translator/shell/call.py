"""One request at the front: what ASGI says of it, its body as far as that is read, and its answer put on the wire."""

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Final

from starlette.types import Receive, Scope, Send

from translator import wire
from translator.shell.driving import Errand

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def new_ids() -> Iterator[str]:
    """Ids for requests that bring none: a random half and a number, since to draw lots for each takes a system call for each."""
    drawn = secrets.token_hex(8)
    return (f"{drawn}{number:016x}" for number in itertools.count(1))


class Gone(Exception):
    """The caller has left before it could be answered."""


class Call(Errand):
    """One request on its way. `login` is what it says of who it is, which nobody has looked at yet; `is_read` says that as much of its body
    was read as will be; `late` is the fault for which the work on it was cut short, empty while it is not; `answered` says that its caller
    has been told already, although the work goes on."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, ids: Iterator[str]) -> None:
        self.began = time.perf_counter()
        self._scope, self._receive, self._send = scope, receive, send
        self._headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
        verb = scope["method"]
        self._is_head = verb == "HEAD"
        self.method = verb if verb in _METHODS else "other"
        given, length, self.login = "", "", ""
        for name, value in self._headers:
            if name == "authorization":
                self.login = self.login or value
            elif name == "x-request-id":
                given = given or value
            elif name == "content-length":
                length = length or value
        super().__init__(given if _REQUEST_ID.fullmatch(given) else next(ids))
        self._declares = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
        self.path: str = scope["path"]
        self.is_read = False
        self.keep = True
        self.late = ""
        self.answered = False
        self.task: asyncio.Task[None] | None = None
        self.leaving: asyncio.Task[None] | None = None

    def request(self, body: bytes | None) -> wire.Request:
        """The request as the core takes it: the path as sent, and HEAD as the GET that it is without the body."""
        scope = self._scope
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        method = "GET" if self._is_head else scope["method"]
        return wire.Request(method, path, scope["query_string"].decode("latin-1"), self._headers, body)

    async def read(self, most: int, larger: Callable[[], int]) -> bytes | None:
        """The body, or None as soon as it is larger than `most`, or than `larger()` where it is larger than that: the rest of it is not
        read. Raises Gone."""
        if self._declares > most and self._declares > (most := larger()):
            return None
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > most and size > (most := larger()):
                return None
            if not message.get("more_body", False):
                return b"".join([*pieces, piece]) if pieces else piece
            pieces.append(piece)

    async def leave(self) -> None:
        """Return when the caller is gone. Only for a request whose body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def respond(self, response: wire.Response) -> None:
        """Answer. Raises RuntimeError or OSError where the caller has hung up meanwhile: transports say so in their own ways."""
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers
            if name != "content-length"
        ]
        headers.append((b"content-length", b"%d" % len(response.body)))
        headers.append((b"x-request-id", self.id.encode("ascii")))
        if not self.keep:
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": response.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"" if self._is_head else response.body})

    # ---- the work on it, cut short ---------------------------------------------------------------------------------------

    def cut(self, why: str) -> None:
        """Give the work up, for this fault."""
        self.late = why
        if self.task is not None:
            self.task.cancel()
