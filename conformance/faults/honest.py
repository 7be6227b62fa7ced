"""The honest servers, in process: no socket, no waiting. An answer to the same question in the same state is worked out once."""

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from starlette.types import ASGIApp

from conformance.clock import ManualClock
from conformance.judge.target import Answer
from conformance.twins import properties_v2, restcomm

NOW: Final = 1_790_000_000.0
PROPERTY: Final = properties_v2.DEFAULT_PROPERTY
OTHER_PROPERTY: Final = "S0987654321ZYXWV0987654321ZYXWV0"
TOKENS: Final = {"AC1": "token-one", "AC2": "token-two", "A1": "token-one", "A2": "token-two"}
"""Accounts and their tokens: of each dialect the one that is judged, and another."""

MARKUP: Final = "Fish & chips <3"
"""A text that came in, and that has to be written otherwise in markup."""

_WORDS: Final = ("authorization", "accept", "content-type")


class Question(NamedTuple):
    """A request as a server takes it."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Call(NamedTuple):
    """A call that a server makes: of a status callback, or a webhook."""

    method: str
    url: str
    parameters: tuple[tuple[str, str], ...]


class Instance(Protocol):
    """One running server."""

    clock: ManualClock
    app: ASGIApp

    def due(self) -> list[Call]:
        """The calls that it has to make by now, and has not made."""
        ...


class _Restcomm:
    def __init__(self, **knobs: Any) -> None:
        self.clock = ManualClock(NOW - 300)
        self._twin = restcomm.RestcommTwin(
            accounts={"AC1": TOKENS["AC1"], "AC2": TOKENS["AC2"]}, clock=self.clock, **knobs
        )
        self._twin.load(restcomm.seeded_messages("AC1", 80, 1, NOW - 600))
        self._twin.load(restcomm.seeded_messages("AC2", 12, 2, NOW - 600)[-12:])
        self._twin.receive("AC1", sender="15550100077", recipient="19876543212", body=MARKUP)
        self.clock.advance(300)
        self.app: ASGIApp = self._twin.app

    def due(self) -> list[Call]:
        return [Call(one.method, one.url, one.parameters) for one in self._twin.due_callbacks()]


class _PropertiesV2:
    def __init__(self, **knobs: Any) -> None:
        self.clock = ManualClock(NOW - 300)
        accounts = {
            "A1": properties_v2.TwinAccount(TOKENS["A1"], (PROPERTY,)),
            "A2": properties_v2.TwinAccount(TOKENS["A2"], (OTHER_PROPERTY,)),
        }
        self._twin = properties_v2.PropertiesV2Twin(accounts=accounts, clock=self.clock, **knobs)
        self._twin.load(properties_v2.seeded_messages("A1", PROPERTY, 210, 1, NOW - 600))
        self._twin.load(properties_v2.seeded_messages("A2", OTHER_PROPERTY, 12, 2, NOW - 600, documented=False))
        self._twin.receive(property_sid=PROPERTY, sender="+15550100077", recipient="+19876543212", text=MARKUP)
        self.clock.advance(300)
        self.app: ASGIApp = self._twin.app
        self._told: set[str] = set()

    def due(self) -> list[Call]:
        """The webhooks of delivery receipts, which the twin keeps and does not call itself."""
        calls = []
        for row in self._twin.messages:
            url = row.options.get("DeliveryReceiptWebhookUri", "")
            if url and row.status in ("Delivered", "Failed") and row.sid not in self._told:
                self._told.add(row.sid)
                parameters = (
                    ("Action", "Webhook"), ("Event", "Message.DeliveryReceiptReceived"), ("Account.Sid", row.account_sid),
                    ("Property.Sid", row.property_sid), ("Message.Sid", row.sid), ("Message.From", row.sender),
                    ("Message.To", row.recipient), ("Message.Text", row.text),
                )  # fmt: skip
                calls.append(Call(row.options.get("DeliveryReceiptWebhookMethod", "POST"), url, parameters))
        return calls


HONEST: Final[dict[str, Callable[..., Instance]]] = {"restcomm": _Restcomm, "properties-v2": _PropertiesV2}

Effect = Question | float
"""What changes a server: a request that does, or seconds that pass."""


@dataclass
class Known:
    """What is known of one honest server: answers and calls, by what happened before and what is asked."""

    make: Callable[[], Instance]
    fresh: Instance | None = None
    """One to which nothing has happened yet, for what is asked before that: reads change nothing."""
    answers: dict[tuple[tuple[Effect, ...], Question], Answer] = field(default_factory=dict)
    calls: dict[tuple[Effect, ...], list[Call]] = field(default_factory=dict)


class Server:
    """One honest server, from its beginning. It is only stood up where an answer is not known yet."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._past: tuple[Effect, ...] = ()
        self._instance: Instance | None = None
        self._lived = 0

    def ask(self, question: Question) -> Answer:
        """The answer. A POST changes the server."""
        asked = question._replace(
            headers=tuple(sorted((name, value) for name, value in question.headers if name in _WORDS))
        )
        answer = self._known.answers.get((self._past, asked))
        if answer is None:
            is_new = not self._past and question.method != "POST"
            instance = self._new() if is_new else self._caught_up()
            answer = self._known.answers[self._past, asked] = call(instance.app, asked)
            self._lived += question.method == "POST"
        if question.method == "POST":
            self._past = (*self._past, asked)
        return answer

    def let_pass(self, seconds: float) -> list[Call]:
        """Time passes; the calls that the server makes in it."""
        self._past = (*self._past, seconds)
        if self._past not in self._known.calls:
            self._known.calls[self._past] = self._caught_up().due()
        return self._known.calls[self._past]

    def _new(self) -> Instance:
        if self._known.fresh is None:
            self._known.fresh = self._known.make()
        return self._known.fresh

    def _caught_up(self) -> Instance:
        """The running server, in the state that it has after its past."""
        if self._instance is None:
            self._instance, self._lived = self._known.make(), 0
        for effect in self._past[self._lived :]:
            if isinstance(effect, float):
                self._instance.clock.advance(effect)
                if self._past[: self._lived + 1] != self._past:
                    self._instance.due()
            else:
                call(self._instance.app, effect)
            self._lived += 1
        return self._instance


def call(app: ASGIApp, question: Question) -> Answer:
    """What an ASGI application answers, which has to do so without waiting for anything."""
    plain, _, query = question.path.partition("?")
    sent: list[MutableMapping[str, Any]] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": question.method, "scheme": "http",
        "path": plain, "raw_path": plain.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in question.headers],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": question.body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    running: Iterator[Any] = app(scope, receive, send).__await__()
    for _ in running:
        raise AssertionError("the server waits for something")
    start = next(message for message in sent if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answer(
        start["status"], {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}, body
    )
