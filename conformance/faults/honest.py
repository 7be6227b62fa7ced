"""The honest servers, in process, without sockets or waiting. The response to an equal request in an equal state is computed once."""

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
"""The accounts and their tokens. Each dialect has the account under test, and another one."""

MARKUP: Final = "Fish & chips <3"
"""The text of a received message. Markup has to escape some of its characters."""

_WORDS: Final = ("authorization", "accept", "content-type")


class Question(NamedTuple):
    """A request to a server."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Call(NamedTuple):
    """A request that a server makes: a status callback or a delivery receipt."""

    method: str
    url: str
    parameters: tuple[tuple[str, str], ...]


class Instance(Protocol):
    """One running server."""

    clock: ManualClock
    app: ASGIApp

    def due(self) -> list[Call]:
        """Return the callbacks that are due and have not been made."""
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
        """Return the webhooks of delivery receipts. The simulated provider stores them and does not make them itself."""
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
"""A change of a server: a request that has an effect, or a number of seconds that pass."""


@dataclass
class Known:
    """The known responses and callbacks of one honest server, by its history and by the request."""

    make: Callable[[], Instance]
    fresh: Instance | None = None
    """A server without history. It answers the reads that come before any change, because reads change nothing."""
    answers: dict[tuple[tuple[Effect, ...], Question], Answer] = field(default_factory=dict)
    calls: dict[tuple[Effect, ...], list[Call]] = field(default_factory=dict)


class Server:
    """One honest server, from its start. It is created only for a response that is not known yet."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._past: tuple[Effect, ...] = ()
        self._instance: Instance | None = None
        self._lived = 0

    def ask(self, question: Question) -> Answer:
        """Return the response. A POST changes the server."""
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
        """Let time pass, and return the callbacks that the server makes meanwhile."""
        self._past = (*self._past, seconds)
        if self._past not in self._known.calls:
            self._known.calls[self._past] = self._caught_up().due()
        return self._known.calls[self._past]

    def _new(self) -> Instance:
        if self._known.fresh is None:
            self._known.fresh = self._known.make()
        return self._known.fresh

    def _caught_up(self) -> Instance:
        """Return the running server, in the state that its history gives it."""
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
    """Return the response of an ASGI application, which must not wait for anything."""
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
