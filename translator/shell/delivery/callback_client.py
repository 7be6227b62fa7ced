"""The HTTP client for callback receivers. It connects to the checked IP address, sends the given host name, and follows no redirect.

    request ─▶ an idle connection to the same address, name, port and scheme, or a new one ─▶ status, or Undelivered

A receiver may get a callback twice: if it had closed an idle connection, the client writes the request again on a new one.
"""

import asyncio
import contextlib
import ssl
from typing import Final, TypeAlias

import httpx

from translator import __version__
from translator.shell.delivery.callback_connection import Answer, CallbackConnection, Stale, Undelivered
from translator.shell.delivery.callback_url_policy import ResolvedTarget

TIMEOUT: Final = 10.0
"""Seconds for a whole request and response."""

_KEPT: Final = 64
"""The number of idle connections to all receivers together."""

_FRESH: Final = 4.0
"""Seconds for which an idle connection is kept. Many receivers close theirs after 5 s."""

_AGENT: Final = f"user-agent: sms-translator/{__version__}\r\n"
_FORM: Final = "content-type: application/x-www-form-urlencoded; charset=UTF-8\r\n"

Key: TypeAlias = tuple[str, str, int, str]
"""The checked IP address, the host name, the port, and the scheme. Connections with the same key are interchangeable."""


class CallbackClient:
    """Connections to all receivers. The dispatcher bounds their number. `context` replaces the trusted root certificates."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._idle: dict[Key, list[CallbackConnection]] = {}
        self._idle_count = 0
        self._all: set[CallbackConnection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def deliver(self, vetted: ResolvedTarget, method: str, form: str) -> Answer:
        """Send a callback and return the receiver's response. Raises Undelivered."""
        url = vetted.url
        key = vetted.ip, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80), url.scheme
        written = _written(url, method, form)
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._asked(key, written)
        except TimeoutError:
            raise Undelivered("no answer in time") from None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._all):
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)

    async def _asked(self, key: Key, written: bytes) -> Answer:
        kept = self._kept(key)
        if kept is not None:
            with contextlib.suppress(Stale):
                return await self._answered(key, kept, written)
        try:
            return await self._answered(key, await self._connected(key), written)
        except Stale:
            raise Undelivered("no answer: the connection was closed") from None

    async def _answered(self, key: Key, connection: CallbackConnection, written: bytes) -> Answer:
        try:
            answer = await connection.ask(written)
        except BaseException:
            connection.close()
            raise
        self._keep(key, connection)
        return answer

    async def _connected(self, key: Key) -> CallbackConnection:
        ip, host, port, scheme = key
        tls = scheme == "https"
        if tls and self._context is None:
            self._context = httpx.create_ssl_context()
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: CallbackConnection(self._all.discard), ip, port,
                ssl=self._context if tls else None, server_hostname=host if tls else None,
            )  # fmt: skip
        except TimeoutError:
            raise
        except (OSError, UnicodeError, ValueError) as error:
            raise Undelivered(f"no answer: {type(error).__name__}") from None
        self._all.add(connection)
        return connection

    # ---- idle connections ----------------------------------------------------------------------------------------------

    def _kept(self, key: Key) -> CallbackConnection | None:
        kept = self._idle.get(key, [])
        while kept:
            connection = kept.pop()
            self._idle_count -= 1
            if not kept:
                del self._idle[key]
            if connection.is_open:
                return connection
        return None

    def _keep(self, key: Key, connection: CallbackConnection) -> None:
        if not connection.is_open:
            return
        if self._idle_count >= _KEPT:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(key, []).append(connection)
        self._idle_count += 1
        if self._sweeper is None:
            self._sweeper = loop.call_later(_FRESH, self._sweep)

    def _sweep(self) -> None:
        """Close the connections that were idle for `_FRESH` seconds."""
        loop = asyncio.get_running_loop()
        old = loop.time() - _FRESH
        for key, kept in list(self._idle.items()):
            fresh = [connection for connection in kept if connection.is_open and connection.idle_since > old]
            for connection in kept:
                if connection not in fresh:
                    connection.close()
            self._idle_count -= len(kept) - len(fresh)
            if fresh:
                self._idle[key] = fresh
            else:
                del self._idle[key]
        self._sweeper = loop.call_later(_FRESH / 2, self._sweep) if self._idle else None


def _written(url: httpx.URL, method: str, form: str) -> bytes:
    """Return the bytes of a request. Raises Undelivered if a receiver would parse them differently."""
    target, body, lines = url.raw_path.decode("ascii"), "", ""
    if method == "GET":
        path, _, query = target.partition("?")
        target = f"{path}?{query}&{form}" if query else f"{path}?{form}"
    else:
        body, lines = form, f"{_FORM}content-length: {len(form)}\r\n"
    host = url.netloc.decode("ascii")
    if not (target + host).isprintable() or " " in target or " " in host:
        raise Undelivered("the address is not one that can be asked for as it is written")
    head = f"{method} {target} HTTP/1.1\r\nhost: {host}\r\n{_AGENT}accept: */*\r\n{lines}\r\n"
    return (head + body).encode("ascii")
