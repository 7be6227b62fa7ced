"""One request at the front, whichever door it came through: what is known of it, its body as far as that is read, its answer.

           ┌▶ connection.py: our own protocol, for a server of one application
a socket ──┤
           └▶ asgi.py: whatever serves an ASGI application
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
"""Why the work on a request is cut short where its caller has left."""


def new_ids() -> Iterator[str]:
    """Ids for requests that bring none: a random half and a number, since to draw lots for each takes a system call for each."""
    drawn = secrets.token_hex(8)
    return (f"{drawn}{number:016x}" for number in itertools.count(1))


SMALL: Final = 8 * 1024
"""A head, a body or an answer up to so many bytes takes nothing from the memory budget: how many requests are under way is bounded."""


class NoRoom(Exception):
    """The account may not have the memory that the body takes."""


class Gone(Exception):
    """The caller has left before it could be answered."""


class ServerRequest(RequestContext):
    """One request on its way. `target` is as it was sent, without what follows the question mark, which is `query`; the names of `headers`
    are lower case. `account` is who it was found to come from; `weight` the bytes of its head; `declares` the size of its body, where it
    says that; `expects_continue` that its caller waits for leave to send that; `is_read` says that as much of its body was read as will be;
    `late` is the fault for which the work on it was cut short, empty while it is not; `answered` says that its caller has been told
    already, although the work goes on; `keep` that the connection may be used again; `unsent` is the memory for a large answer, which
    whoever writes that releases."""

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
        """The request as the core takes it: the path as sent, and HEAD as the GET that it is without the body."""
        return messages.Request("GET" if self.is_head else self._verb, self.target, self._query, self._headers, body)

    @abstractmethod
    async def read(self, most: int, hold: Hold | None = None) -> bytes | None:
        """The body, or None as soon as it is larger than `most`: the rest of it is not read. `hold` is what the memory for it is taken
        from, and whoever made it releases it. Raises Gone, and NoRoom where the hold has no more. From then on a read whose caller leaves
        is cut short, and a send is not."""

    def skip(self) -> None:
        """Nothing of its body is read. Where much of that is still to come, the connection is of no further use."""
        self.is_read = True

    def peer(self) -> str:
        """The address that it came from; empty where that is not known."""
        return ""

    @abstractmethod
    def respond(self, response: messages.Response) -> None:
        """Answer, or drop the answer where nobody waits for it any more."""

    def cut(self, why: str) -> None:
        """Give the work up, for this fault."""
        self.late = why
        if self.task is not None:
            self.task.cancel()

    def lose(self) -> None:
        """Its caller has left. What was read and asks for nothing but an answer is given up; a send is driven to its end."""
        if self.is_read and self.method != "POST":
            self.cut(GONE)
