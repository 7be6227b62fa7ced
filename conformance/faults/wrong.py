"""A server with one fault. It stands before an honest server and changes its requests, responses or callbacks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from conformance.faults.honest import NOW, OTHER_PROPERTY, PROPERTY, TOKENS, Call, Known, Question, Server
from conformance.judge.inbox import Inbox
from conformance.judge.target import Answer, Other, Target

Row = dict[str, Any]
Pairs = list[tuple[str, str]]
RECIPIENT = "+15550100009"


@dataclass
class Fault:
    """The places where a server can differ from an honest one. Each function gets what an honest server would do."""

    asked: Callable[["Wrong", Question], Question] = lambda _server, question: question
    """Changes a request before the server reads it."""
    answered: Callable[["Wrong", Question, Answer], Answer] = lambda _server, _question, answer: answer
    told: Callable[[list[Call]], list[Call]] = lambda calls: calls


@dataclass
class Wrong:
    """One wrong server. `sent` has the SIDs of the messages that were sent, in order."""

    dialect: str
    known: Known
    fault: Fault
    sent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.honest = Server(self.known)
        self.inbox = Inbox("http://receiver.test")

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Return the response to a request. This is the transport of a target."""
        question = Question(method, path, tuple(sorted(headers.items())), body)
        changed = self.fault.asked(self, question)
        answer = self.honest.ask(changed)
        if method == "POST" and answer.is_good:
            self.sent += [str(sid) for sid in _sids(answer.json)]
        return self.fault.answered(self, question, answer)

    def let_pass(self, seconds: float) -> None:
        """Let time pass. The server makes its callbacks."""
        for one in self.fault.told(self.honest.let_pass(float(seconds))):
            encoded = urlencode(one.parameters)
            if one.method == "GET":
                self.inbox.take("GET", f"{one.url}?{encoded}", "", b"")
            else:
                self.inbox.take(one.method, one.url, "application/x-www-form-urlencoded", encoded.encode())


def _sids(body: Any) -> list[Any]:
    if not isinstance(body, dict):
        return []
    message = body.get("Message", body)
    return [message[name] for name in ("sid", "MessageSid") if name in message]


def target(server: Wrong) -> Target:
    """Return the target of a run against this server, with every permission."""
    is_old = server.dialect == "restcomm"
    account, other = ("AC1", "AC2") if is_old else ("A1", "A2")
    return Target(
        dialect=server.dialect, transport=server.ask, account=account, token=TOKENS[account], send_to=RECIPIENT, max_sends=30,
        property_sid="" if is_old else PROPERTY, turn=server.let_pass, inbox=server.inbox, sleep=lambda _: None,
        other=Other(other, TOKENS[other], "" if is_old else OTHER_PROPERTY),
    )  # fmt: skip


# ---- requests and responses ----------------------------------------------------------------------------------------------


def what(server: Wrong, question: Question) -> str:
    """Return the kind of a request: `list`, `get`, `send`, or an empty text for any other."""
    plain = question.path.partition("?")[0].removesuffix("/").removesuffix(".json")
    is_list = plain.endswith("/Messages") and not plain.endswith("/v2/Messages")
    if question.method == "POST":
        return "send" if is_list else ""
    if is_list:
        return "list"
    return "get" if "/Messages/" in plain or "/Messages.json/" in plain else ""


def pairs(question: Question) -> Pairs:
    """Return the parameters of the query, in their order."""
    return parse_qsl(question.path.partition("?")[2], keep_blank_values=True)


def with_pairs(question: Question, given: Pairs) -> Question:
    """Return the same request with another query."""
    plain = question.path.partition("?")[0]
    return question._replace(path=f"{plain}?{urlencode(given)}" if given else plain)


def rewritten(answer: Answer, body: Any) -> Answer:
    """Return the same response with another JSON body."""
    return Answer(answer.status, answer.headers, msgspec.json.encode(body))


def is_json(answer: Answer) -> bool:
    """True if the response is JSON with a body, so that a fault may change it."""
    return "json" in answer.headers.get("content-type", "") and bool(answer.body)


def member_of(server: Wrong) -> str:
    """Return the name of the member of a list that holds its messages."""
    return "messages" if server.dialect == "restcomm" else "Messages"


def sid_of(server: Wrong) -> str:
    """Return the name of the member of a message that holds its SID."""
    return "sid" if server.dialect == "restcomm" else "MessageSid"


__all__ = [
    "NOW", "Call", "Fault", "Known", "Pairs", "Question", "Row", "Wrong", "is_json", "member_of", "pairs", "rewritten", "sid_of", "target",
    "what", "with_pairs",
]  # fmt: skip
