"""HTTP as values: what came in, what goes out, and what can happen to an ask. No socket is near."""

from typing import Final, Literal, NamedTuple, TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of lower-case name and value, in order."""


LARGE: Final = 16
"""How many times as large as others the body of an operation may be that holds many things."""


class Request(NamedTuple):
    """A request. `path` is as sent, percent signs and all; `query` is without its question mark.

    `body` is None when it was larger than the server reads."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes | None = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name; None when it is not there."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Response(NamedTuple):
    """An answer, whole."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name; None when it is not there."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Failure(NamedTuple):
    """An ask that brought no answer.

    `never-left`: nothing of it reached the back (refused, no such host, no connection in time). `timeout`: sent, and no
    whole answer in time. `broken`: sent, and the connection failed, or what came is not HTTP or larger than is read.
    """

    kind: Literal["never-left", "timeout", "broken"]
    detail: str = ""


Answer: TypeAlias = Response | Failure
