"""Plain HTTP to one host over kept connections. It follows no redirect and ignores the proxies of the environment."""

import ssl
from collections import deque
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import click

from conformance.judge.target import Answer, Transport, Unreachable

MOST_BYTES: Final = 16 * 1024 * 1024
"""The bytes that are read of the body of a response."""


def transport(url: str, timeout: float) -> Transport:
    """Return a transport to the host of a URL. It raises Unreachable with the kind of failure.

    `timeout` is the time in seconds that a response may take.
    The connections are closed at the end of the running command. Several threads may use the transport at once.
    """
    asking = _Asking(_connecting(url, timeout))
    if (context := click.get_current_context(silent=True)) is not None:
        context.call_on_close(asking.close)
    return asking


class _Asking:
    """Connections to one host. Each is kept for the next read.

    A request that is not safe to repeat gets a new connection, so that it is never sent twice.
    """

    def __init__(self, connect: Callable[[], HTTPConnection]) -> None:
        self._connect = connect
        self._idle: deque[HTTPConnection] = deque()

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        is_safe = method in ("GET", "HEAD", "OPTIONS", "PROPFIND")
        while True:
            connection = self._kept() if is_safe else None
            is_old = connection is not None
            connection = connection or self._connect()
            try:
                connection.request(method, path, body=body or None, headers=headers)
                answer = connection.getresponse()
                said = answer.read(MOST_BYTES)
            except (OSError, HTTPException) as error:
                connection.close()
                if is_old and not isinstance(error, TimeoutError):
                    continue  # the server has closed the idle connection
                raise Unreachable(type(error).__name__) from None
            if is_safe and answer.isclosed() and not answer.will_close:
                self._idle.append(connection)
            else:
                connection.close()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, said)

    def _kept(self) -> HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def close(self) -> None:
        """Close the idle connections."""
        while (connection := self._kept()) is not None:
            connection.close()


def _connecting(url: str, timeout: float) -> Callable[[], HTTPConnection]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return lambda: HTTPSConnection(host, port, timeout=timeout, context=context)
    return lambda: HTTPConnection(host, port, timeout=timeout)
