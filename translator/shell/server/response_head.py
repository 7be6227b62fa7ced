"""Writes and caches response heads."""

from http import HTTPStatus
from typing import Final

from uvicorn.server import ServerState

from translator.core.http import messages

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_HEADS: Final = 256
"""The number of response heads that are cached. The cache is cleared each second, with the `Date` header."""

_REFUSED: Final = (
    "HTTP/1.1 {} {} \r\nContent-Type: text/plain; charset=utf-8\r\n{}Connection: close\r\nContent-Length: {}\r\n\r\n{}"
)
_BUSY: Final = 503
_SPELT: Final = {"www-authenticate": "WWW-Authenticate"}
"""Headers whose capitalisation is not a capital after each hyphen and lower case else."""


def spelt(name: str) -> str:
    """Return a header name in the usual capitalisation. Names have no case, but published clients look for `Content-Type`."""
    return _SPELT.get(name.lower()) or "-".join([part.capitalize() for part in name.split("-")])


def refusal(status: int, why: str) -> bytes:
    """Return the final response to a malformed or rejected request. A 503 has `Retry-After`."""
    later = "Retry-After: 1\r\n" if status == _BUSY else ""
    return _REFUSED.format(status, _PHRASES[status], later, len(why), why).encode("ascii")


FULL_SERVER: Final = refusal(503, "As many connections are open as this server has room for.")
"""The response to a client that has to go because there is no room for its connection."""


class ResponseHeadCache:
    """Response heads: the status line, the server's default headers, and the response's own. They are cached for one second."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._always: list[tuple[bytes, bytes]] = []
        self._kept: dict[tuple[int, messages.Headers], str] = {}

    def head(self, status: int, headers: messages.Headers) -> str:
        """Return the part of a head that several responses share. Raises ValueError if a header holds the end of a line."""
        if self._state.default_headers is not self._always:  # a new second has begun
            self._always = self._state.default_headers
            self._kept.clear()
        known = self._kept.get((status, headers))
        if known is None:
            always = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._always]
            told = [f"{spelt(name)}: {value}" for name, value in (*always, *headers)]
            lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, '')}", *told, ""]
            known = "\r\n".join(lines)
            if known.count("\n") != len(lines) - 1 or known.count("\r") != len(lines) - 1:
                raise ValueError("a header holds the end of a line")
            if len(self._kept) < _HEADS:
                self._kept[status, headers] = known
        return known
