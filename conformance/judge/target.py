"""The server that is judged: asked slowly, never more than allowed, and remembered in what it was asked last."""

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
    """The server gives no answer at all."""


class StoppedBySafety(Exception):
    """Going on would break a rule that whoever runs the judge relies on: more sends than allowed."""


@dataclass(frozen=True)
class Answer:
    """An answer: headers by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status <= 299

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None where it is not. It is read once: nobody may change it."""
        try:
            return msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            return None


class Asked(NamedTuple):
    """One exchange, without credentials, numbers and texts: what a report may show. `whole` is what was sent and answered, where whoever
    runs the judge wants that shown; never the credentials."""

    method: str
    path: str
    parameters: tuple[str, ...]
    status: int
    media: str
    size: int
    whole: str = ""
    is_again: bool = False
    """Whether the answer was there already from an earlier requirement, and the server was not asked again."""
    number: int = 0
    """The same for each exchange that stands for one request."""

    def __str__(self) -> str:
        names = f" with {', '.join(self.parameters)}" if self.parameters else ""
        said = f"{self.method} {self.path}{names}: {self.status} {self.media or 'without a type'}, {self.size} bytes"
        said += ", asked before" if self.is_again else ""
        return f"{said}\n{self.whole}" if self.whole else said


Transport = Callable[[str, str, dict[str, str], bytes], Answer]
"""Method, path with query, headers, body, to the answer. Raises Unreachable."""


class Other(NamedTuple):
    """Another account at the same server, with its token, and for properties-v2 a property of its own."""

    account: str
    token: str
    property_sid: str = ""

    def __repr__(self) -> str:
        return "Other(...)"


@dataclass(kw_only=True)
class Target:
    """One account at one server. `base` is the path before the dialect's own, `rate` requests a second at most (0: no limit), `turn` lets
    time pass at a twin behind it; with `shows` exchanges are remembered whole, numbers and texts included. `other` is another account,
    `inbox` a receiver that the server can call, `patience` the seconds that are waited for its calls."""

    dialect: str
    transport: Transport
    account: str
    token: str
    property_sid: str = ""
    base: str = ""
    rate: float = 0.0
    send_to: str = ""
    sender: str = ""
    """The number that messages are sent from; the one of the document's example where it is empty."""
    max_sends: int = 0
    turn: Callable[[float], None] | None = None
    other: Other | None = None
    inbox: Inbox | None = None
    patience: float = 30.0
    shows: bool = False
    sleep: Callable[[float], None] = time.sleep
    at_once: int = 1
    """The most reads that may be under way at once."""
    remembers: bool = False
    """Whether a GET that was asked before is answered from memory, until a message is sent or time passes at the twin."""
    asked: list[Asked] = field(default_factory=list)
    sends: int = 0
    kept: dict[Any, Any] = field(default_factory=dict)
    """What laws have done in this run, by name, so that none does it again."""
    awaited: tuple[dict[str, Any], ...] = ()
    """What each requirement of this run that waits for calls is told: their sends are made first, and waited for together."""
    server: str = ""
    """The Server header of the last answer that had one."""
    _memory: Memory[tuple[Answer, Asked]] = field(default_factory=Memory, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1), repr=False)

    @property
    def messages(self) -> str:
        """The path of the messages."""
        return self.messages_of(self.account, self.property_sid)

    def messages_of(self, account: str, property_sid: str) -> str:
        """The path of the messages of an account, or of a property."""
        if self.dialect == "restcomm":
            return f"{self.base}/2012-04-24/Accounts/{account}/SMS/Messages"
        return f"{self.base}/v2/Properties/{property_sid}/Messages"

    @property
    def requests(self) -> int:
        """How many requests the server was sent."""
        return sum(not one.is_again for one in self.asked)

    def get(self, path: str, query: dict[str, Any] | None = None, *, anonymous: bool = False, **headers: str) -> Answer:
        """A GET, with the account's credentials unless it is to be `anonymous`."""
        whole = f"{path}?{urlencode(query)}" if query else path
        return self.ask("GET", whole, b"", anonymous=anonymous, login=None, **headers)

    def ask(
        self, method: str, path: str, body: bytes = b"", *, anonymous: bool = False, login: tuple[str, str] | None = None, **headers: str
    ) -> Answer:  # fmt: skip
        """Any request, with the account's credentials or those of `login`. A POST is a send. Raises StoppedBySafety and Unreachable."""
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
        """The same server for another thread: it shares what is remembered, and may not send."""
        return replace(self, asked=[], max_sends=0)

    def take_over(self, asked: Iterable[Asked]) -> list[Asked]:
        """Exchanges of a reader, as if they had been made here and now: only the first of one request is none that was asked before."""
        made = {one.number for one in self.asked}
        found = []
        for one in asked:
            found.append(one._replace(is_again=one.number in made))
            made.add(one.number)
        self.asked += found
        return found

    def forget(self) -> None:
        """What the server shows may have changed: nothing is answered from memory any more."""
        self._memory.forget()

    def let_pass(self, seconds: float) -> None:
        """Time passes: at the twin behind the server where there is one, else on the wall."""
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
"""How many characters of a body are shown."""


def _whole(method: str, path: str, body: bytes, answer: Answer) -> str:
    """An exchange as it was, without its credentials."""
    asked = [f"> {method} {path}", *(f"> {line}" for line in body[:_SHOWN].decode("utf-8", "replace").splitlines())]
    heads = [f"< {name}: {value}" for name, value in sorted(answer.headers.items())]
    said = [f"< {line}" for line in answer.body[:_SHOWN].decode("utf-8", "replace").splitlines()]
    return "\n".join([*asked, f"< {answer.status}", *heads, *said])
