"""One request at the front, of either server protocol: its head, its body as far as it is read, and its response.

           ┌▶ http1.py: our own server protocol
a socket ──┤
           └▶ asgi.py: any ASGI server
"""

import asyncio
import itertools
import re
import secrets
import time
from abc import abstractmethod
from collections.abc import Iterator
from typing import Final

from translator.core.http import messages
from translator.shell.aio.memory_budget import UNKNOWN, Hold
from translator.shell.runtime.effect_runner import RequestContext

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
GONE: Final = "gone"
"""The reason of a cancellation because of a disconnect."""


def new_ids() -> Iterator[str]:
    """Return ids for requests that carry none: a random half and a number, because random bytes for each would cost a system call."""
    drawn = secrets.token_hex(8)
    return (f"{drawn}{number:016x}" for number in itertools.count(1))


SMALL: Final = 8 * 1024
"""Heads, bodies and responses up to this number of bytes are free of the memory budget, because the requests in flight are bounded."""


class NoRoom(Exception):
    """The memory budget refuses the account the memory for the body."""


class Gone(Exception):
    """The client disconnected before the response."""


class ServerRequest(RequestContext):
    """One request in flight.

    target: The path as it was sent, without the query.
    headers: The headers, with names in lower case.
    account: The name of the authenticated account.
    weight: The bytes of the target, the query and the header values.
    declares: The `Content-Length`, or 0.
    expects_continue: True if the client waits for a 100 before it sends the body.
    is_read: True if no more of the body will be read.
    late: The fault that the request was cancelled for, or empty.
    answered: True if the response was sent although the work goes on.
    keep: True if the connection may be used again.
    unsent: The memory of a large response. The code that writes the response releases it.
    """

    def __init__(self, verb: str, target: str, query: str, headers: messages.Headers, ids: Iterator[str]) -> None:
        self.began = time.perf_counter()
        self._verb, self.target, self._query, self._headers = verb, target, query, headers
        self.is_head = verb == "HEAD"
        self.method = verb if verb in _METHODS else "other"
        given, length, self.account = "", "", UNKNOWN
        self.expects_continue = False
        self.weight = len(target) + len(query)
        for name, value in headers:
            self.weight += len(value)
            if name == "x-request-id":
                given = given or value
            elif name == "content-length":
                length = length or value
            elif name == "expect":
                self.expects_continue = value.lower() == "100-continue"
        super().__init__(given if given and _REQUEST_ID.fullmatch(given) else next(ids))
        self.declares = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
        self.is_read = self.answered = False
        self.keep = True
        self.late = ""
        self.task: asyncio.Task[None] | None = None
        self.unsent: Hold | None = None

    def request(self, body: bytes | None) -> messages.Request:
        """Return the request for the core. The path is as it was sent, and HEAD becomes GET."""
        return messages.Request("GET" if self.is_head else self._verb, self.target, self._query, self._headers, body)

    @abstractmethod
    async def read(self, most: int, hold: Hold | None = None) -> bytes | None:
        """Return the body, or None as soon as it is larger than `most` bytes. The rest is not read then.

        The memory comes from `hold`, which its creator releases. Raises Gone, and NoRoom if the hold gets no more memory. From then on
        a disconnect cancels a read, but never a send.
        """

    def skip(self) -> None:
        """Do not read the body. If much of it is still to come, the connection cannot be used again."""
        self.is_read = True

    def peer(self) -> str:
        """Return the client's address, empty if it is unknown."""
        return ""

    @abstractmethod
    def respond(self, response: messages.Response) -> None:
        """Send the response, or drop it if the client has disconnected."""

    def cut(self, why: str) -> None:
        """Cancel the work, for this fault."""
        self.late = why
        if self.task is not None:
            self.task.cancel()

    def lose(self) -> None:
        """Handle a disconnect. Cancel a read whose body is complete. Never cancel a send."""
        if self.is_read and self.method != "POST":
            self.cut(GONE)
