"""The head of a request as it comes in: what is kept of it, and what RFC 9112 wants refused of it.

line, header, header ... ─▶ counted ─▶ kept, where somebody reads it ─▶ checked once it is whole
"""

import re
from typing import Final

from translator.core import exchange

HEAD: Final = 64 * 1024
"""How many bytes of a request's head are read."""

HEADERS: Final = 100
"""How many headers are read, trailers included."""

_DIGITS: Final = 19
"""No length of a body is written with more."""

_OURS: Final = frozenset({"connection", "content-length", "expect", "host", "transfer-encoding", "x-request-id"})
"""The headers that a connection reads itself."""

KEPT: Final = exchange.HEADERS | _OURS
"""The headers that are kept. The others are counted and dropped."""

_SPELLINGS: Final = {
    spelling.encode("ascii"): name for name in sorted(KEPT) for spelling in (name, name.title(), name.upper())
}

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]{0,5})?", re.ASCII)
"""A host of a URI (RFC 3986, 3.2.2), and a port. It is empty where the target has none (RFC 9110, 7.2)."""

_ONCE: Final = frozenset({"authorization", "host", "transfer-encoding"})
"""What is not said twice. The parser refuses two lengths."""

_NEWEST: Final = "1.1"

_MANY: Final = "The request has more headers than are read."
LARGE: Final = "The head of the request is larger than is read."
_VERSION: Final = "The request is neither of HTTP/1.1 nor of HTTP/1.0."
_NO_HOST: Final = "A request has one Host header, and that names a host."
_FRAMING: Final = "The only transfer coding is chunked, in HTTP/1.1, and a length has at most 19 digits."
_TWICE: Final = "A request has one Authorization header."


class RefusalError(Exception):
    """What came is no request that can be attended to. `status` and `why` are what its caller is told."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class RequestHead:
    """A head. `size` counts the bytes of all names and values, `kept` those of the names and values that are kept."""

    __slots__ = ("_fields", "_headers", "_twice", "kept", "size", "url")

    def __init__(self) -> None:
        self.url = b""
        self.size = self.kept = self._fields = 0
        self._headers: dict[str, str] = {}
        self._twice = ""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that are kept, each once."""
        return tuple(self._headers.items())

    def add(self, name: bytes, value: bytes) -> None:
        """One more header. Raises RefusalError where it is one too many."""
        self.count(name, value)
        known = _SPELLINGS.get(name) or _SPELLINGS.get(name.lower())
        if known is not None:
            told = value.decode("latin-1").rstrip(" \t")
            self.kept += len(value)
            if known in self._headers:
                self._again(known, told)
            else:
                self._headers[known] = told

    def count(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody needs. Raises RefusalError where it is one too many."""
        self._fields += 1
        self.size += len(name) + len(value)
        if self._fields > HEADERS:
            raise RefusalError(431, _MANY)

    def _again(self, name: str, told: str) -> None:
        """A header that was there before: the first one that says anything is read, and all of what a connection is told."""
        before = self._headers[name]
        if name in _ONCE:
            self._twice = self._twice or name
        elif name == "connection":
            self._headers[name] = f"{before}, {told}"
        elif not before:
            self._headers[name] = told

    def held(self, read: int) -> int:
        """How many bytes a head takes of which so many bytes were read: what is kept, and the header that has not ended yet."""
        return len(self.url) + self.kept + max(read - len(self.url) - self.size - 4 * self._fields, 0)

    def check(self, version: str, read: int) -> None:
        """Raises RefusalError for a head of that version, of so many bytes, that HTTP does not allow, or that is too large."""
        if read > HEAD:
            raise RefusalError(431, LARGE)
        told = self._headers
        if version not in ("1.0", _NEWEST):
            raise RefusalError(400, _VERSION)
        host = told.get("host")
        if self._twice == "host" or (version == _NEWEST if host is None else _HOST.fullmatch(host) is None):
            raise RefusalError(400, _NO_HOST)
        coding = told.get("transfer-encoding")
        if coding is not None and (
            self._twice == "transfer-encoding" or version != _NEWEST or coding.lower() != "chunked"
        ):
            raise RefusalError(400, _FRAMING)
        if len(told.get("content-length", "")) > _DIGITS:
            raise RefusalError(400, _FRAMING)
        if self._twice:
            raise RefusalError(400, _TWICE)

    def without_upgrade(self, method: str, version: str) -> bytes:
        """The same head as bytes, with what is kept of it: a wish for another protocol is not."""
        lines = [
            f"{method} {self.url.decode('latin-1')} HTTP/{version}",
            *map(": ".join, self._headers.items()),
            "",
            "",
        ]
        return "\r\n".join(lines).encode("latin-1")
