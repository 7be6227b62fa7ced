"""HTTP/1.1 connections to one provider. asyncio moves the bytes, httptools (llhttp) parses them, and no layer is between.

    call ─▶ an idle connection, or a new one ─▶ one write ─▶ read to the end of the response ─▶ idle again, or closed

A request is written once, with one exception: a GET whose idle connection the provider had closed before any byte of a response.
Such a GET is written again on a new connection. A POST is never written again.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import httpx

from translator import __version__
from translator.core.http.messages import Headers, Request, Response
from translator.shell.aio.memory_budget import Hold
from translator.shell.client.http1 import ClientConnection, StaleConnection
from translator.shell.client.read_turns import ReadTurns
from translator.shell.client.response_reader import ResponseError

AGENT: Final = (("accept-encoding", "identity"), ("user-agent", f"sms-translator/{__version__}"))
"""The headers that every provider request has."""

_KNOWN: Final = 4096
"""The size of the cache of header blocks. Each account has two or three."""

_BAD_SEGMENTS: Final = frozenset({".", ".."})


class NotSent(Exception):
    """No byte of the request reached the provider."""


class ConnectionPool:
    """Connections to one provider. The user of the pool bounds their number. `largest` is the limit for a response body, in bytes."""

    def __init__(self, url: str, largest: int, context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        self._speaks, self._host, self._tls = (
            parts.scheme in ("http", "https"),
            parts.hostname or "",
            parts.scheme == "https",
        )
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._named = parts.netloc
        self._lines: dict[Headers, str] = {}
        self._largest = largest
        self._context = context
        self._turns = ReadTurns()
        self._idle: list[ClientConnection] = []
        self._all: set[ClientConnection] = set()

    async def call(
        self, request: Request, request_id: str, leaves: Callable[[], None], hold: Hold | None = None
    ) -> Response:
        """Send a request and return the whole response. Raises NotSent, ResponseError and NoRoom.
        `leaves`: called as the first byte is about to leave.
        `hold`: accounts for the memory of the response."""
        written = self._written(request, request_id)
        connection = self._kept()
        while True:
            is_new = connection is None
            connection = connection or await self._connected()
            leaves()
            try:
                response = await connection.asked(written, hold)
            except BaseException as error:
                connection.close()
                if not isinstance(error, StaleConnection):
                    raise
                if is_new:
                    raise ResponseError("the connection was closed before an answer came") from None
                if request.method != "GET":
                    raise ResponseError("the connection was closed under the request") from None
                connection = None
            else:
                if connection.is_open:
                    self._idle.append(connection)
                return response

    async def aclose(self) -> None:
        """Close all connections."""
        for connection in list(self._all):
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)

    def _written(self, request: Request, request_id: str) -> bytes:
        """Return a request's bytes. Raises NotSent if the path or a header cannot be written as it is meant."""
        lines = self._lines.get(request.headers) or self._lines_of(request.headers)
        path, body = self._prefix + request.path, request.body or b""
        target = f"{path}?{request.query}" if request.query else path
        if not target.isascii() or not target.isprintable() or " " in target:
            raise NotSent("the path is not one that can be asked for as it is written")
        if "/." in path and not _BAD_SEGMENTS.isdisjoint(path.split("/")):
            raise NotSent("the path is not one that can be asked for as it is written")
        length = f"content-length: {len(body)}\r\n" if body or request.method != "GET" else ""
        head = f"{request.method} {target} HTTP/1.1\r\n{lines}x-request-id: {request_id}\r\n{length}\r\n"
        return head.encode("latin-1") + body

    def _lines_of(self, headers: Headers) -> str:
        """Return the header lines that are the same for all requests of an account. They are built once."""
        if not self._speaks:
            raise NotSent("an address that is not http or https")
        every = [("Host", self._named), *headers, *AGENT]
        lines = "".join([f"{name}: {value}\r\n" for name, value in every])
        if lines.count("\n") != len(every) or lines.count("\r") != len(every):
            raise NotSent("a header holds the end of a line")
        if len(self._lines) < _KNOWN:
            self._lines[headers] = lines
        return lines

    def _kept(self) -> ClientConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _connected(self) -> ClientConnection:
        context = self._context
        if self._tls and context is None:
            context = self._context = httpx.create_ssl_context()
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: ClientConnection(self._largest, self._all.discard, self._turns), self._host, self._port,
                ssl=context if self._tls else None,
            )  # fmt: skip
        except (OSError, UnicodeError) as error:
            raise NotSent(type(error).__name__) from None
        self._all.add(connection)
        return connection
