"""The server under test. Requests are slow and never more than allowed, and every exchange is recorded."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from conformance.judge.inbox import Inbox
from conformance.judge.memory import Memory


class Unreachable(Exception):
    """The server gives no response."""


class StoppedBySafety(Exception):
    """The run stopped, because the next send would exceed the allowed number."""


@dataclass(frozen=True)
class Answer:
    """A response. Its headers have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """True if the status means success."""
        return 200 <= self.status <= 299

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None if it is not JSON. It is decoded once, so no law may change it."""
        try:
            return msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            return None


class Asked(NamedTuple):
    """One exchange, without credentials, numbers and texts, as a report may show it.

    `whole` is the content of the request and the response, if the operator wants it in reports. It never has the credentials.
    """

    method: str
    path: str
    parameters: tuple[str, ...]
    status: int
    media: str
    size: int
    whole: str = ""
    is_again: bool = False
    """True if the response was already cached by an earlier requirement, so that the server got no request."""
    number: int = 0
    """The same for each exchange that stands for one request."""

    def __str__(self) -> str:
        names = f" with {', '.join(self.parameters)}" if self.parameters else ""
        said = f"{self.method} {self.path}{names}: {self.status} {self.media or 'without a type'}, {self.size} bytes"
        said += ", asked before" if self.is_again else ""
        return f"{said}\n{self.whole}" if self.whole else said


Transport = Callable[[str, str, dict[str, str], bytes], Answer]
"""A function of method, path with query, headers and body that returns the response. Raises Unreachable."""


class Other(NamedTuple):
    """Another account at the same server, with its token, and for properties-v2 a property of its own."""

    account: str
    token: str
    property_sid: str = ""

    def __repr__(self) -> str:
        return "Other(...)"


@dataclass(kw_only=True)
class Target:
    """One account at one server.

    `base`: the path before the dialect's own.
    `rate`: the maximum number of requests a second; 0 means no limit.
    `turn`: lets seconds pass at the simulated provider behind the server.
    `shows`: exchanges are recorded whole, with numbers and texts.
    `other`: another account.
    `inbox`: a receiver for the callbacks of the server.
    `patience`: the maximum number of seconds to wait for callbacks.
    """

    dialect: str
    transport: Transport
    account: str
    token: str
    property_sid: str = ""
    base: str = ""
    rate: float = 0.0
    send_to: str = ""
    sender: str = ""
    """The number that messages are sent from. If it is empty, the number of the document's example is used."""
    max_sends: int = 0
    turn: Callable[[float], None] | None = None
    other: Other | None = None
    inbox: Inbox | None = None
    patience: float = 30.0
    shows: bool = False
    sleep: Callable[[float], None] = time.sleep
    at_once: int = 1
    """The maximum number of reads in flight at once."""
    remembers: bool = False
    """True if an equal GET is answered from the cache, until a message is sent or time passes at the simulated provider."""
    asked: list[Asked] = field(default_factory=list)
    sends: int = 0
    kept: dict[Any, Any] = field(default_factory=dict)
    """The results of laws in this run, by name, so that no send is made twice."""
    awaited: tuple[dict[str, Any], ...] = ()
    """The parameters of each requirement that waits for callbacks. Their sends are made first, and share one wait."""
    server: str = ""
    """The Server header of the last response that had one."""
    _memory: Memory[tuple[Answer, Asked]] = field(default_factory=Memory, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1), repr=False)

    @property
    def messages(self) -> str:
        """The path of the messages."""
        return self.messages_of(self.account, self.property_sid)

    def messages_of(self, account: str, property_sid: str) -> str:
        """Return the path of the messages of an account, or of a property."""
        if self.dialect == "restcomm":
            return f"{self.base}/2012-04-24/Accounts/{account}/SMS/Messages"
        return f"{self.base}/v2/Properties/{property_sid}/Messages"

    @property
    def requests(self) -> int:
        """The number of requests that were sent to the server."""
        return sum(not one.is_again for one in self.asked)

    def get(self, path: str, query: dict[str, Any] | None = None, *, anonymous: bool = False, **headers: str) -> Answer:
        """Send a GET, with the account's credentials unless it is `anonymous`."""
        whole = f"{path}?{urlencode(query)}" if query else path
        return self.ask("GET", whole, b"", anonymous=anonymous, login=None, **headers)

    def ask(
        self, method: str, path: str, body: bytes = b"", *, anonymous: bool = False, login: tuple[str, str] | None = None, **headers: str
    ) -> Answer:  # fmt: skip
        """Send any request, with the account's credentials or those of `login`. Raises StoppedBySafety and Unreachable.

        A POST counts as a send.
        """
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if not anonymous:
            user, token = login or (self.account, self.token)
            given["authorization"] = "Basic " + b64encode(f"{user}:{token}".encode()).decode()
        if method == "POST" or not self.remembers:
            answer, asked = self._exchange(method, path, given, body)
        else:
            key = (method, path, body, tuple(sorted(given.items())))
            (answer, asked), is_again = self._memory.recall(key, lambda: self._exchange(method, path, given, body))
            asked = asked._replace(is_again=is_again)
        self.asked.append(asked)
        return answer

    def _exchange(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[Answer, Asked]:
        if method == "POST":
            self._count_a_send()
        if self.rate:
            self.sleep(1 / self.rate)
        answer = self.transport(method, path, headers, body)
        self.server = answer.headers.get("server", self.server)
        return answer, self._shown(method, path, body, answer)

    def reader(self) -> "Target":
        """Return the same server for another thread. It shares the cache, and may not send."""
        return replace(self, asked=[], max_sends=0)

    def take_over(self, asked: Iterable[Asked]) -> list[Asked]:
        """Record the exchanges of a reader in this target, and return them.

        If several exchanges stand for one request, only the first counts as a request to the server.
        """
        made = {one.number for one in self.asked}
        found = []
        for one in asked:
            found.append(one._replace(is_again=one.number in made))
            made.add(one.number)
        self.asked += found
        return found

    def forget(self) -> None:
        """Empty the cache, because the server may show other messages now."""
        self._memory.forget()

    def let_pass(self, seconds: float) -> None:
        """Let time pass: at the simulated provider if there is one, else in real time."""
        self.forget()
        (self.turn or self.sleep)(seconds)

    def _count_a_send(self) -> None:
        if self.sends >= self.max_sends:
            raise StoppedBySafety(f"{self.max_sends} sends are allowed, and one more would be needed")
        self.sends += 1
        self.forget()

    def _shown(self, method: str, path: str, body: bytes, answer: Answer) -> Asked:
        plain, _, query = path.partition("?")
        shown = plain.replace(self.account, "{account}").replace(self.property_sid or "\0", "{property}")
        if self.other is not None:
            shown = shown.replace(self.other.account, "{other}").replace(
                self.other.property_sid or "\0", "{other property}"
            )
        names = tuple(pair.partition("=")[0] for pair in query.split("&") if pair)
        whole = _whole(method, path, body, answer) if self.shows else ""
        media = answer.headers.get("content-type", "")
        return Asked(method, shown, names, answer.status, media, len(answer.body), whole, number=next(self._numbers))


_SHOWN = 2000
"""The maximum number of characters of a body that a report shows."""


def _whole(method: str, path: str, body: bytes, answer: Answer) -> str:
    """Return an exchange as text, without its credentials."""
    asked = [f"> {method} {path}", *(f"> {line}" for line in body[:_SHOWN].decode("utf-8", "replace").splitlines())]
    heads = [f"< {name}: {value}" for name, value in sorted(answer.headers.items())]
    said = [f"< {line}" for line in answer.body[:_SHOWN].decode("utf-8", "replace").splitlines()]
    return "\n".join([*asked, f"< {answer.status}", *heads, *said])
