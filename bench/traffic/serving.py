"""HTTP/1.1 for the simulated provider and the simulated receivers: an asyncio protocol over httptools, which costs little."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import httptools
import msgspec

from bench.traffic.figures import Lag

TICK: Final = 0.02
"""Seconds between two looks at how late this process is."""

_REASONS: Final = {200: b"OK", 400: b"Bad Request", 401: b"Unauthorized", 403: b"Forbidden", 404: b"Not Found"}


class Asked(NamedTuple):
    """A request: its method, its path without the query, its query, its headers with names in lower case, and its body."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes


class Said(NamedTuple):
    """A response, which leaves after `delay` seconds. With `drop` the connection ends without one; with `hang` nothing happens.

    `raw` is written as it is, head included, in place of a response.
    """

    status: int = 200
    body: bytes = b"{}"
    delay: float = 0.0
    drop: bool = False
    hang: bool = False
    raw: bytes = b""


Handler = Callable[[Asked], Said]


class Connection(asyncio.Protocol):
    """One connection; its requests are answered in turn."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._parser = httptools.HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self._url, self._body, self._headers = b"", b"", dict[bytes, bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's transport is one

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, _, query = self._url.partition(b"?")
        method = self._parser.get_method().decode()
        said = self._handler(Asked(method, path.decode("latin-1"), query, self._headers, self._body))
        keep = self._parser.should_keep_alive()
        self._begin()
        if said.hang:
            return
        if said.delay:
            asyncio.get_running_loop().call_later(said.delay, self._answer, said, keep)
        else:
            self._answer(said, keep)

    def _answer(self, said: Said, keep: bool) -> None:
        if self._transport.is_closing():
            return
        if said.drop:
            self._transport.abort()
            return
        if said.raw:
            self._transport.write(said.raw)
            return
        challenge = b'WWW-Authenticate: Basic realm="provider"\r\n' if said.status == 401 else b""
        self._transport.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"
            % (said.status, _REASONS.get(said.status, b"Other"), challenge, len(said.body), said.body)
        )
        if not keep:
            self._transport.close()


async def _tick(lag: Lag) -> None:
    while True:
        before = time.monotonic()
        await asyncio.sleep(TICK)
        lag.add(time.monotonic() - before - TICK)


async def serve(handler: Handler, lag: Lag) -> None:
    """Serve at a free port of loopback, print the port, and end with the standard input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler), "127.0.0.1", 0, backlog=4096)
    ticking = asyncio.create_task(_tick(lag))
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    ticking.cancel()
    server.close()


def read_json(body: bytes) -> dict[str, Any]:
    """A JSON object; an empty one if there is none."""
    try:
        found = msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
