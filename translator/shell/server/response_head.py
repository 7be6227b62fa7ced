"""The beginnings of answers, as bytes would have them."""

from http import HTTPStatus
from typing import Final

from uvicorn.server import ServerState

from translator.core.http import messages

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_HEADS: Final = 256
"""How many beginnings of answers are kept for the second that they hold."""

_REFUSED: Final = (
    "HTTP/1.1 {} {} \r\nContent-Type: text/plain; charset=utf-8\r\n{}Connection: close\r\nContent-Length: {}\r\n\r\n{}"
)
_BUSY: Final = 503
_SPELT: Final = {"www-authenticate": "WWW-Authenticate"}
"""Headers that are not spelt with a capital behind each hyphen and small letters else."""


def spelt(name: str) -> str:
    """A header's name as old servers wrote it. Its case means nothing, and published clients look for `Content-Type` all the same."""
    return _SPELT.get(name.lower()) or "-".join([part.capitalize() for part in name.split("-")])


def refusal(status: int, why: str) -> bytes:
    """The whole answer to what is no request, which is the last of its connection. A 503 says when to come back."""
    later = "Retry-After: 1\r\n" if status == _BUSY else ""
    return _REFUSED.format(status, _PHRASES[status], later, len(why), why).encode("ascii")


class ResponseHeadCache:
    """How answers begin: the status, what the server says in each, and their own headers. Kept for the second that a date holds."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._always: list[tuple[bytes, bytes]] = []
        self._kept: dict[tuple[int, messages.Headers], str] = {}

    def head(self, status: int, headers: messages.Headers) -> str:
        """Everything of a head that more than one answer has. Raises ValueError for a header that would be read as two."""
        if self._state.default_headers is not self._always:  # it is another second
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
