"""An open loop of requests: each has a moment at which it is due, whether or not those before it were answered.

A request's time counts from the moment at which it was due. How late this process itself began is measured apart.
"""

import asyncio
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple
from urllib.parse import quote_plus

import httptools

from bench.traffic.figures import Lag, Span

ACCOUNT, TOKEN = "AC00000000000000000000000000000001", "front-token"
PATIENCE: Final = 60.0
"""Seconds after which no answer is waited for any more."""

_CONNECTIONS: Final = 1024


class Answered(NamedTuple):
    """A response: its status, 0 if none came, and its body."""

    status: int
    body: bytes


_NONE: Final = Answered(0, b"")


class _Line(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answered] | None = None
        self._body: list[bytes] = []
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's transport is one
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - a protocol is called so
        self.is_open = False
        self._end(_NONE)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        answer = Answered(self._parser.get_status_code(), b"".join(self._body))
        if not self._parser.should_keep_alive():
            self.is_open = False
            self._transport.close()
        self._end(answer)

    def _end(self, answer: Answered) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def ask(self, request: bytes, patience: float) -> Answered:
        self._body.clear()
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await asyncio.wait_for(self._waiting, patience)
        except TimeoutError:
            self.close()
            return _NONE

    def close(self) -> None:
        self.is_open = False
        self._transport.abort()


class Callers:
    """Connections to one port: kept for the next request, and as many as are needed at once, up to 1,024.

    A client that gets no response within `patience` seconds closes its connection.
    """

    def __init__(self, port: int, patience: float = PATIENCE) -> None:
        self._port, self._patience = port, patience
        self._idle: list[_Line] = []
        self._room = asyncio.Semaphore(_CONNECTIONS)

    async def ask(self, request: bytes) -> Answered:
        """The response to a request; status 0 if none came."""
        async with self._room:
            line = self._kept()
            if line is None:
                try:
                    _, line = await asyncio.get_running_loop().create_connection(_Line, "127.0.0.1", self._port)
                except OSError:
                    return _NONE
            answer = await line.ask(request, self._patience)
            if line.is_open:
                self._idle.append(line)
            return answer

    def _kept(self) -> _Line | None:
        while self._idle:
            line = self._idle.pop()
            if line.is_open:
                return line
        return None

    def close(self) -> None:
        """Close the idle connections."""
        for line in self._idle:
            line.close()
        self._idle.clear()


class Outcome(NamedTuple):
    """The result of one request of a loop: its number, its times, and its response."""

    number: int
    span: Span
    answer: Answered


async def paced(
    rate: float, seconds: float, work: Callable[[int], Awaitable[Answered]], lag: Lag, *, first: int = 1
) -> list[Outcome]:
    """Begin `work(number)` at `rate` a second for `seconds`, also if earlier ones fail. Returns the outcomes, by number."""
    found: list[Outcome] = []
    began = time.time()

    async def one(number: int, due: float) -> None:
        answer = await work(number)
        found.append(Outcome(number, Span(due, time.time()), answer))

    async with asyncio.TaskGroup() as group:
        for at in range(int(rate * seconds)):
            due = began + at / rate
            if (left := due - time.time()) > 0:
                await asyncio.sleep(left)
            lag.add(time.time() - due)
            group.create_task(one(first + at, due))
    return sorted(found)


# ---- the requests ----------------------------------------------------------------------------------------------------


def _request(method: str, path: str, account: str, body: str = "") -> bytes:
    login = b64encode(f"{account}:{TOKEN}".encode()).decode()
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
    return (
        f"{method} /2012-04-24/Accounts/{account}/SMS/Messages{path} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Basic {login}\r\n{form}\r\n{body}"
    ).encode()


def send(number: int, callback: str = "", *, account: str = ACCOUNT, lost: bool = False) -> bytes:
    """A send whose text begins with `m` and its number, with its callback URL. The provider drops the connection of one that is `lost`."""
    text = f"{'lost+' if lost else ''}m{number}+your+parcel+will+arrive+today"
    body = f"From=19876543212&To=6141{number % 10**7:07}&Body={text}"
    return _request("POST", ".json", account, body + (f"&StatusCallback={quote_plus(callback)}" if callback else ""))


def get(sid: str, *, account: str = ACCOUNT) -> bytes:
    """One message."""
    return _request("GET", f"/{sid}.json", account)


def listing(page_size: int, *, account: str = ACCOUNT) -> bytes:
    """The first page of all messages."""
    return _request("GET", f".json?Page=0&PageSize={page_size}", account)
