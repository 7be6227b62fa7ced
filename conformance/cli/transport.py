"""Plain HTTP to one address, over one connection that is kept: no redirect is followed, no proxy of the environment is used."""

import ssl
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from conformance.judge.target import Answer, Transport, Unreachable

MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of an answer's body that are looked at."""


def transport(url: str, timeout: float) -> Transport:
    """A transport to the host of a URL. `timeout` is the seconds that an answer may take. It raises Unreachable with the kind of failure.

    A request that changes something has a connection of its own, so that it is never made twice.
    """
    connect = _connecting(url, timeout)
    kept: list[HTTPConnection] = []

    def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        is_safe = method in ("GET", "HEAD", "OPTIONS", "PROPFIND")
        while True:
            is_old = bool(kept) and is_safe
            connection = kept.pop() if is_old else connect()
            try:
                connection.request(method, path, body=body or None, headers=headers)
                answer = connection.getresponse()
                said = answer.read(MOST_BYTES)
            except (OSError, HTTPException) as error:
                connection.close()
                if is_old and not isinstance(error, TimeoutError):
                    continue  # the server has closed what was kept
                raise Unreachable(type(error).__name__) from None
            if is_safe and answer.isclosed() and not answer.will_close:
                kept[:] = [connection]
            else:
                connection.close()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, said)

    return ask


def _connecting(url: str, timeout: float) -> Callable[[], HTTPConnection]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return lambda: HTTPSConnection(host, port, timeout=timeout, context=context)
    return lambda: HTTPConnection(host, port, timeout=timeout)
