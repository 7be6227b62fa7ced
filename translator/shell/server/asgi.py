"""The request of an ASGI server. It is slower than `http1.py`, but works with every ASGI server.

Names of response headers are capitalised as in `Content-Type`, because published clients look for that spelling. ASGI asks for lower
case, and servers differ: Uvicorn over h11 and Hypercorn write names as given, Uvicorn over httptools in lower case. The two headers that
frame a response are in lower case, because a middleware may look for them and replace them.
"""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

from starlette.types import Receive, Scope, Send

from translator.core.http import messages
from translator.shell.aio.memory_budget import Hold
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.server.limits import LIMITS
from translator.shell.server.request import Gone, NoRoom, ServerRequest, received
from translator.shell.server.request_head import KEPT
from translator.shell.server.response_head import spelt

_KEPT: Final = frozenset(name.encode("ascii") for name in KEPT)
"""The request headers that are kept. ASGI passes their names in lower case."""


class _Client(NamedTuple):
    """The client's end of a request, as the ASGI server gives it."""

    receive: Receive
    send: Send
    address: str


class AsgiCall(ServerRequest):
    """One request of an ASGI server."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, ids: Iterator[str]) -> None:
        target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        headers = tuple(
            [
                (name.decode("latin-1"), value.decode("latin-1").strip(" \t"))
                for name, value in scope["headers"]
                if name in _KEPT
            ]
        )
        super().__init__(received(scope["method"], target, scope["query_string"].decode("latin-1"), headers), ids)
        client = scope.get("client")
        self._client = _Client(receive, send, client[0] if client else "")
        self._leaving: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    async def read(self, most: int, hold: Hold | None = None, *, may_drop: bool = False) -> bytes | None:
        """See `ServerRequest.read`."""
        body = await self._body(most, hold)
        self.work.stop_reading(may_drop=may_drop)
        if may_drop:
            self._leaving = asyncio.get_running_loop().create_task(self._leave())
        return body

    async def _body(self, most: int, hold: Hold | None) -> bytes | None:
        if self.head.length > most:
            return None
        body, paid = bytearray(), 0
        while True:
            message = await self._client.receive()
            if message["type"] == "http.disconnect":
                raise Gone
            body += message.get("body", b"")
            if len(body) > most:
                return None
            if len(body) > LIMITS.free and hold is not None:
                if not hold.grow(len(body) - paid):
                    raise NoRoom
                paid = len(body)
            if not message.get("more_body", False):
                return bytes(body)

    async def _leave(self) -> None:
        while (await self._client.receive())["type"] != "http.disconnect":
            pass
        self.lose()

    def peer(self) -> str:
        """See `ServerRequest.peer`."""
        return self._client.address

    def respond(self, response: messages.Response, hold: Hold | None = None) -> None:
        """See `ServerRequest.respond`."""
        self._telling = asyncio.get_running_loop().create_task(self._tell(response, hold))

    async def _tell(self, response: messages.Response, hold: Hold | None) -> None:
        headers = [(spelt(name).encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        headers.append((b"content-length", b"%d" % len(response.body)))
        headers.append((b"X-Request-Id", self.id.encode("ascii")))
        if not self.keep:
            headers.append((b"connection", b"close"))
        try:
            await self._client.send({"type": "http.response.start", "status": response.status, "headers": headers})
            body = b"" if self.is_head else response.body
            await self._client.send({"type": "http.response.body", "body": body})
        except (RuntimeError, OSError) as error:  # the error of a disconnect depends on the server
            logger().info("gone", method=self.method, request_id=self.id, where=redacted_traceback(error))
        finally:
            if hold is not None:
                hold.release()

    async def over(self) -> None:
        """Wait until the response is sent, and stop waiting for a disconnect."""
        if self._leaving is not None:
            self._leaving.cancel()
        if self._telling is not None:
            await self._telling
