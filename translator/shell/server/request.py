"""One request at the front, of either server protocol: its head, its body as far as it is read, and its response.

           ┌▶ http1.py: our own server protocol
a socket ──┤
           └▶ asgi.py: any ASGI server
"""

import itertools
import re
import secrets
import time
from abc import abstractmethod
from collections.abc import Iterator
from typing import Final

import msgspec

from translator.core.http import messages
from translator.shell.aio.memory_budget import UNKNOWN, Hold
from translator.shell.runtime.effect_runner import RequestContext
from translator.shell.server.work import Work

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DIGITS: Final = 20
"""More digits than any `Content-Length` has that is read."""


def new_ids() -> Iterator[str]:
    """Return ids for requests that carry none: a random half and a number, because random bytes for each would cost a system call."""
    drawn = secrets.token_hex(8)
    return (f"{drawn}{number:016x}" for number in itertools.count(1))


class NoRoom(Exception):
    """The memory budget refuses the account the memory for the body."""


class Gone(Exception):
    """The client disconnected before the response."""


class ReceivedHead(msgspec.Struct, frozen=True, gc=False):
    """The head of a request.

    verb: The method as it was sent.
    target: The path as it was sent, without the query.
    headers: The headers, with names in lower case.
    length: The `Content-Length`, or 0.
    weight: The bytes of the target, the query and the header values.
    id: The request id of the client, or empty.
    """

    verb: str
    target: str
    query: str
    headers: messages.Headers
    length: int
    weight: int
    id: str


def received(verb: str, target: str, query: str, headers: messages.Headers) -> ReceivedHead:
    """Return the head of a request."""
    given, length = "", ""
    weight = len(target) + len(query)
    for name, value in headers:
        weight += len(value)
        if name == "x-request-id":
            given = given or value
        elif name == "content-length":
            length = length or value
    declared = int(length) if length.isascii() and length.isdigit() and len(length) < _DIGITS else 0
    return ReceivedHead(
        verb, target, query, headers, declared, weight, given if given and _REQUEST_ID.fullmatch(given) else ""
    )


class ServerRequest(RequestContext):
    """One request in flight. Each field is written by one module alone, which stands in brackets.

    head: The head [request].
    began: The time at which the head was complete, by the performance counter [request].
    keep: True if the connection may be used again [request].
    work: The task of the handler, and its cancellation [request]. The fields of `Work` are written in `work`.
    account: The name of the authenticated account [handler].
    answered: True if the response was sent although the work goes on [handler].
    id, back, is_sending: See `RequestContext` [effect_runner].
    """

    def __init__(self, head: ReceivedHead, ids: Iterator[str], *, keep: bool = True) -> None:
        self.began = time.perf_counter()
        super().__init__(head.id or next(ids))
        self.head, self.keep, self.work = head, keep, Work()
        self.account = UNKNOWN
        self.answered = False

    @property
    def is_head(self) -> bool:
        """True if the response has no body, because the method is HEAD."""
        return self.head.verb == "HEAD"

    @property
    def method(self) -> str:
        """The method for the log: one of the usual methods, or `other`."""
        return self.head.verb if self.head.verb in _METHODS else "other"

    def request(self, body: bytes | None) -> messages.Request:
        """Return the request for the core. The path is as it was sent, and HEAD becomes GET."""
        head = self.head
        return messages.Request(
            "GET" if head.verb == "HEAD" else head.verb, head.target, head.query, head.headers, body
        )

    @abstractmethod
    async def read(self, most: int, hold: Hold | None = None, *, may_drop: bool = False) -> bytes | None:
        """Return the body, or None as soon as it is larger than `most` bytes. The rest is not read then.

        The memory comes from `hold`, which its creator releases. Raises Gone, and NoRoom if the hold gets no more memory. From then on
        a disconnect cancels the work if `may_drop` says so.
        """

    def skip(self) -> None:
        """Do not read the body. If much of it is still to come, the connection cannot be used again."""
        self.work.stop_reading()

    def close_after(self) -> None:
        """Make the response the last of its connection."""
        self.keep = False

    def peer(self) -> str:
        """Return the client's address, empty if it is unknown."""
        return ""

    def has_connection(self, *, is_shared: bool) -> bool:  # noqa: ARG002 - another server counts its connections itself
        """False if the account has too many connections, and this is one more. `is_shared`: True if there are several accounts."""
        return True

    @abstractmethod
    def respond(self, response: messages.Response, hold: Hold | None = None) -> None:
        """Send the response, or drop it if the client has disconnected.

        hold: The memory of a large response. The callee releases it once the client has read the response.
        """

    def lose(self) -> None:
        """Handle a disconnect."""
        self.work.lose()
