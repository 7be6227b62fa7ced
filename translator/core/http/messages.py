"""HTTP as values: what came in, what goes out, and what can happen to an ask. No socket is near.

They are structs: one is made in a third of the time that a named tuple takes.
"""

from typing import Any, Final, Literal, Self, TypeAlias

import msgspec

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of lower-case name and value, in order."""


LARGE: Final = 16
"""How many times as large as others the body of an operation may be that holds many things."""


class _Headed:
    """What has headers."""

    __slots__ = ()
    headers: Headers

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name; None when it is not there."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Request(msgspec.Struct, _Headed, frozen=True, gc=False):
    """A request. `path` is as sent, percent signs and all; `query` is without its question mark.

    `body` is None when it was larger than the server reads."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes | None = b""

    def replace(self, **changed: Any) -> Self:
        """The same with other values."""
        return msgspec.structs.replace(self, **changed)


class Response(msgspec.Struct, _Headed, frozen=True, gc=False):
    """An answer, whole."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def replace(self, **changed: Any) -> Self:
        """The same with other values."""
        return msgspec.structs.replace(self, **changed)


class Failure(msgspec.Struct, frozen=True, gc=False):
    """An ask that brought no answer.

    `never-left`: nothing of it reached the back (refused, no such host, no connection in time). `timeout`: sent, and no
    whole answer in time. `broken`: sent, and the connection failed, or what came is not HTTP or larger than is read. `no-room`: the
    answer, or what the asker holds already, is more than its account may have in memory now.
    """

    kind: Literal["never-left", "timeout", "broken", "no-room"]
    detail: str = ""


Answer: TypeAlias = Response | Failure
