"""HTTP as values: requests, responses, and the failures of a provider request. It uses no socket.

They are structs, because creating one takes a third of the time of a named tuple.
"""

from typing import Any, Final, Literal, Self, TypeAlias

import msgspec

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of lower-case name and value, in order."""


LARGE: Final = 16
"""The factor by which the body of a large operation may exceed the usual limit. A large operation carries many messages."""


class _Headed:
    """A base class for values with headers."""

    __slots__ = ()
    headers: Headers

    def header(self, name: str) -> str | None:
        """Return the first value of a header by its lower-case name, or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Request(msgspec.Struct, _Headed, frozen=True, gc=False):
    """A request. `path` is as sent, still percent-encoded. `query` has no question mark.

    `body` is None if it was larger than the server reads.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes | None = b""

    def replace(self, **changed: Any) -> Self:
        """Return a copy with other values."""
        return msgspec.structs.replace(self, **changed)


class Response(msgspec.Struct, _Headed, frozen=True, gc=False):
    """A whole response."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def replace(self, **changed: Any) -> Self:
        """Return a copy with other values."""
        return msgspec.structs.replace(self, **changed)


class Failure(msgspec.Struct, frozen=True, gc=False):
    """A provider request without an answer.

    `never-left`: nothing of it reached the provider (refused, no such host, no connection in time). `timeout`: it was sent, and no whole
    answer came in time. `broken`: it was sent, and the connection failed, or the answer is not HTTP or is larger than the limit.
    `no-room`: the answer and the earlier answers still held exceed the memory that the account may use now.
    """

    kind: Literal["never-left", "timeout", "broken", "no-room"]
    detail: str = ""


Answer: TypeAlias = Response | Failure
