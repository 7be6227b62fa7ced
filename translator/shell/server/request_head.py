"""The head of a request: keeps the headers that are used, and rejects the heads that RFC 9112 forbids.

line, header, header ... ─▶ counted ─▶ kept if it is used ─▶ checked once the head is complete
"""

import re
from typing import Final, NamedTuple

from translator.core import exchange
from translator.shell.server.limits import LIMITS

_OURS: Final = frozenset({"connection", "content-length", "expect", "host", "transfer-encoding", "x-request-id"})
"""The headers that the server protocol itself reads."""

KEPT: Final = exchange.HEADERS | _OURS
"""The headers that are kept. The others are counted and dropped."""

_SPELLINGS: Final = {
    spelling.encode("ascii"): name for name in sorted(KEPT) for spelling in (name, name.title(), name.upper())
}

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]{0,5})?", re.ASCII)
"""A host of a URI (RFC 3986, 3.2.2), and a port. It is empty if the target has no host (RFC 9110, 7.2)."""

_ONCE: Final = frozenset({"authorization", "host", "transfer-encoding"})
"""The headers that may appear only once. The parser itself refuses a second `Content-Length`."""

_HEAD: Final = LIMITS.head
_HEADERS: Final = LIMITS.headers
_NEWEST: Final = "1.1"

_MANY: Final = "The request has more headers than are read."
LARGE: Final = "The head of the request is larger than is read."
_VERSION: Final = "The request is neither of HTTP/1.1 nor of HTTP/1.0."
_NO_HOST: Final = "A request has one Host header, and that names a host."
_FRAMING: Final = "The only transfer coding is chunked, in HTTP/1.1, and a length has at most 19 digits."
_TWICE: Final = "A request has one Authorization header."


class Refusal(NamedTuple):
    """The status of the response to a malformed request, and why it is rejected."""

    status: int
    why: str


NO_MEMORY: Final = Refusal(503, "This server has no memory left for this caller.")
TWO_REQUESTS: Final = "The request begins where the one before it does not end."


class RefusalError(Exception):
    """The request is malformed. `status` and `why` go into the response."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class RequestHead:
    """A request head. `size` is the bytes of all header names and values. `kept` is the bytes of the values that are kept."""

    __slots__ = ("_fields", "_headers", "_twice", "kept", "size", "url")

    def __init__(self) -> None:
        self.url = b""
        self.size = self.kept = self._fields = 0
        self._headers: dict[str, str] = {}
        self._twice = ""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The kept headers, each once."""
        return tuple(self._headers.items())

    @property
    def waits_for_continue(self) -> bool:
        """True if the client waits for a 100 before it sends the body (RFC 9110, 10.1.1)."""
        return self._headers.get("expect", "").lower() == "100-continue"

    def add(self, name: bytes, value: bytes) -> None:
        """Add a header. Raises RefusalError if there are too many."""
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
        """Count a header or a trailer. Trailers are not used. Raises RefusalError if there are too many."""
        self._fields += 1
        self.size += len(name) + len(value)
        if self._fields > _HEADERS:
            raise RefusalError(431, _MANY)

    def _again(self, name: str, told: str) -> None:
        """Handle a repeated header. The first value that is not empty counts, but all values of `Connection` are joined."""
        before = self._headers[name]
        if name in _ONCE:
            self._twice = self._twice or name
        elif name == "connection":
            self._headers[name] = f"{before}, {told}"
        elif not before:
            self._headers[name] = told

    def held(self, read: int) -> int:
        """The bytes of memory that an incomplete head takes after `read` bytes: the kept part, and the header that has not ended yet."""
        return len(self.url) + self.kept + max(read - len(self.url) - self.size - 4 * self._fields, 0)

    def check(self, version: str, read: int) -> None:
        """Raise RefusalError if HTTP does not allow a head of this `version`, or if its `read` bytes are too many."""
        if read > _HEAD:
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
        if len(told.get("content-length", "")) > LIMITS.length_digits:
            raise RefusalError(400, _FRAMING)
        if self._twice:
            raise RefusalError(400, _TWICE)

    def without_upgrade(self, method: str, version: str) -> bytes:
        """Return the head as bytes with the kept headers only, so without `Upgrade`."""
        lines = [
            f"{method} {self.url.decode('latin-1')} HTTP/{version}",
            *map(": ".join, self._headers.items()),
            "",
            "",
        ]
        return "\r\n".join(lines).encode("latin-1")
