"""HTTP/1.1 to one back: asyncio moves the bytes, httptools (llhttp) reads them, and nothing is between.

    call ─▶ an idle connection, or a new one ─▶ one write ─▶ read to the end of the answer ─▶ idle again, or closed

A request is written once. Only a GET on a connection that the back had closed meanwhile, before a byte of an answer came, is written
again on a new one; a POST never is.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import httptools
import httpx

from translator import __version__
from translator.shell.outbox import outbox_of
from translator.wire import Headers, Request, Response

HEAD: Final = 64 * 1024
"""How many bytes of an answer's head are read."""

AGENT: Final = (("accept-encoding", "identity"), ("user-agent", f"sms-translator/{__version__}"))
"""What is said of ourselves in each request."""

_KNOWN: Final = 4096
"""How many heads are known again: two or three for each account."""

_BAD_SEGMENTS: Final = frozenset({".", ".."})


_SIZES: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers by which the end of a body is known without the end of the connection."""


class NeverLeft(Exception):
    """Nothing of a request reached the back."""


class Broken(Exception):
    """A request may have reached the back, and no whole answer came of it."""


class _Stale(Exception):
    """The back had closed the connection before it read the request."""


class Engine:
    """Connections to one back. How many there are at once is for who calls to bound. `largest` is bytes of an answer's body."""

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
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()

    async def call(self, request: Request, request_id: str, leaves: Callable[[], None]) -> Response:
        """The answer, whole; `leaves` is called as the first byte is about to leave. Raises NeverLeft and Broken."""
        written = self._written(request, request_id)
        connection = self._kept()
        while True:
            is_new = connection is None
            connection = connection or await self._connected()
            leaves()
            try:
                response = await connection.asked(written)
            except BaseException as error:
                connection.close()
                if not isinstance(error, _Stale):
                    raise
                if is_new:
                    raise Broken("the connection was closed before an answer came") from None
                if request.method != "GET":
                    raise Broken("the connection was closed under the request") from None
                connection = None
            else:
                if connection.is_open:
                    self._idle.append(connection)
                return response

    async def aclose(self) -> None:
        """Close what is connected."""
        for connection in list(self._all):
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)

    def _written(self, request: Request, request_id: str) -> bytes:
        """A request's bytes. Raises NeverLeft for one that would be read otherwise than it was meant."""
        lines = self._lines.get(request.headers) or self._lines_of(request.headers)
        path, body = self._prefix + request.path, request.body or b""
        target = f"{path}?{request.query}" if request.query else path
        if not target.isascii() or not target.isprintable() or " " in target:
            raise NeverLeft("the path is not one that can be asked for as it is written")
        if "/." in path and not _BAD_SEGMENTS.isdisjoint(path.split("/")):
            raise NeverLeft("the path is not one that can be asked for as it is written")
        length = f"content-length: {len(body)}\r\n" if body or request.method != "GET" else ""
        head = f"{request.method} {target} HTTP/1.1\r\n{lines}x-request-id: {request_id}\r\n{length}\r\n"
        return head.encode("latin-1") + body

    def _lines_of(self, headers: Headers) -> str:
        """The lines of a head that are the same for all asks of an account: they are made once."""
        if not self._speaks:
            raise NeverLeft("an address that is not http or https")
        every = [("Host", self._named), *headers, *AGENT]
        lines = "".join([f"{name}: {value}\r\n" for name, value in every])
        if lines.count("\n") != len(every) or lines.count("\r") != len(every):
            raise NeverLeft("a header holds the end of a line")
        if len(self._lines) < _KNOWN:
            self._lines[headers] = lines
        return lines

    def _kept(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _connected(self) -> "_Connection":
        context = self._context
        if self._tls and context is None:
            context = self._context = httpx.create_ssl_context()
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self._largest, self._all.discard), self._host, self._port,
                ssl=context if self._tls else None,
            )  # fmt: skip
        except (OSError, UnicodeError) as error:
            raise NeverLeft(type(error).__name__) from None
        self._all.add(connection)
        return connection


class _Connection(asyncio.Protocol):
    """One connection, which has one answer at a time to read."""

    def __init__(self, largest: int, gone: Callable[["_Connection"], None]) -> None:
        self._largest, self._gone = largest, gone
        self._loop = asyncio.get_running_loop()
        self._outbox = outbox_of(self._loop)
        self._parser = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._waiting: asyncio.Future[Response] | None = None
        self.is_open = False

    def asked(self, written: bytes) -> "asyncio.Future[Response]":
        """Write a request; its answer is to come. It fails with Broken and _Stale."""
        self._begin()
        self._waiting = waiting = self._loop.create_future()
        self._outbox.write(self._transport, written, then=self._leave)
        return waiting

    def _leave(self) -> None:
        """The request is written; what came before that is no answer to it."""
        self._has_left = True

    def close(self) -> None:
        """Close at once; what is under way is given up."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._pieces: list[bytes] = []
        self._size = self._head = self._kept = 0
        self._in_body = self._sized = self._has_left = False

    # ---- what the loop calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # nobody asked: whatever it is, the next answer must not be it
            return
        if not self._has_left:
            self._fail(_Stale())  # nor what was said before the request left, which it does not any more
            return
        if not self._in_body:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(Broken("the answer is no answer to what was asked"))
        except httptools.HttpParserError:
            self._fail(Broken("the answer is not HTTP"))
        else:
            if not self._in_body and self._head > HEAD:
                self._fail(Broken("a head larger than is read"))

    def eof_received(self) -> None:
        if self._waiting is None or self._waiting.done():
            self.is_open = False
        if self._waiting is not None and not self._waiting.done() and self._in_body and not self._sized:
            self._finish(reusable=False)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            if self._in_body and not self._sized and error is None:
                self._finish(reusable=False)
            elif self._head or self._in_body:
                self._fail(Broken("the connection was closed within the answer"))
            else:
                self._fail(_Stale())
        self._gone(self)

    # ---- what the parser calls ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins. A second one to one request is begun by nobody we can trust: nothing of it may be left for the next."""
        if self._waiting is None or self._waiting.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody needs."""
        if self._in_body:
            return
        self._kept += len(name) + len(value)
        if self._kept > HEAD:
            self._fail(Broken("a head larger than is read"))
        lower = name.decode("latin-1").lower()
        if lower in _SIZES:
            self._sized = True
        self._headers.append((lower, value.strip(b" \t").decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head of an answer, or of one that only says that the answer is coming."""
        if self._parser.get_status_code() >= 200:
            self._in_body = True

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._size += len(piece)
        if self._size > self._largest:
            self._fail(Broken("a body larger than is read"))
            return
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """The end of an answer; behind one that only said that it is coming, the answer itself begins."""
        if self._in_body:
            self._finish(reusable=self._parser.should_keep_alive())
        else:
            self._headers, self._sized = [], False

    def _finish(self, *, reusable: bool) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            self.close()  # a second answer, to a request that nobody made
            return
        body, self._pieces = b"".join(self._pieces), []  # an idle connection keeps nothing of what it carried
        waiting.set_result(Response(self._parser.get_status_code(), tuple(self._headers), body))
        self._waiting = None
        if not reusable:
            self.close()

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()
