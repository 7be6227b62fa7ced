"""An account with two simulated providers behind the exchange, and what each of them alone would show.

Steps that run concurrently are driven in rounds: the requests that both providers have to answer at the same time are one round.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from tests.listing import BACKS, FRONTS, NOW, PATH, PROPERTY, V2, Provider, ask, old_provider, old_sid, row_of
from tests.naive import Sms
from tests.twins import World, call
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.effects import (
    CacheGet,
    CacheIncrement,
    Concurrently,
    EffectGenerator,
    MigrationState,
    ProviderRequests,
    SingleFlight,
    unjournalled,
)
from translator.core.errors import TranslatorError
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Answer, Request
from translator.core.mapping import overlay
from translator.core.mapping.load import raw_tables
from translator.core.migration import MigrationStage

KINDS = ("ascending", "descending", "unknown", "pages")
"""How a provider lists: properties-v2 by index in these orders, or restcomm in numbered pages."""
FRONT_OF = {"seed": FRONTS["seed"], "open-source": FRONTS["open-source"], "v2": V2}
V2_PATH = f"/v2/Properties/{PROPERTY}/Messages"


def _old_back(size: int) -> Dialect:
    raw = overlay(raw_tables()["restcomm.toml"], "back", {}, "test")
    return dialect("restcomm.toml", {**raw, "paging": {**raw["paging"], "slice": size}})


OLD_BACKS = {size: _old_back(size) for size in (1, 2, 3, 7, 200)}


class Home:
    """A simulated provider of one kind. `stock` are its messages in the order in which they came."""

    def __init__(self, kind: str, stock: Iterable[Sms], *, size: int = 200, most: int = 200) -> None:
        self.kind, self.stock = kind, list(stock)
        self.fault: Callable[[Request], Answer | None] = lambda _: None
        if kind == "pages":
            self.twin: Any = old_provider(self.stock, page_size_max=most)
            self.back, self.account, self.property = OLD_BACKS[size], "AC9", ""
        else:
            self.twin = Provider(self.stock, kind, most).twin
            self.back, self.account, self.property = BACKS[size, kind], "A1", PROPERTY

    def __call__(self, request: Request) -> Answer:
        return self.fault(request) or call(self.twin.app, request)

    def add(self, some: Sequence[Sms]) -> None:
        """Messages come."""
        self.stock += some
        if self.kind == "pages":
            self.twin.load(old_provider(list(some)).messages)
        else:
            self.twin.load([row_of(sms) for sms in some])

    def sids(self, stock: Sequence[Sms] | None = None) -> list[str]:
        """The SIDs as a restcomm front shows them."""
        return [
            old_sid(sms) if self.kind == "pages" else sms.sid for sms in self.stock if stock is None or sms in stock
        ]


class TwoHomes:
    """An account whose new and old provider are simulated. `rounds` has for each round the requests of it, each with its provider."""

    def __init__(
        self, front: str, new: Home, old: Home, *, limits: Limits | None = None, in_flight: int = 3, late: bool = False
    ) -> None:
        self.front, self.new, self.old, self.late = front, new, old, late
        own = ("A1", PROPERTY) if front == "v2" else ("AC1", "")
        side = Endpoint(FRONT_OF[front], *own, "front-token")
        self.homes = {"new": new, "old": old}
        accounts = [
            Account(
                side, ConfiguredProvider(name, home.back, in_flight), Endpoint(home.back, home.account, home.property, "back-token"),
                shared=False,
            )
            for name, home in self.homes.items()
        ]  # fmt: skip
        self.entry = accounts[0]._replace(old=accounts[1])
        self.limits = limits or Limits()
        self.memory: dict[tuple[Hashable, ...], Any] = {}
        self.rounds: list[list[tuple[str, Request]]] = []
        self.between: Callable[[], None] = lambda: None

    @property
    def asks(self) -> int:
        """The number of requests to both providers since `rounds` was cleared."""
        return sum(map(len, self.rounds))

    def asked(self, name: str) -> int:
        """Return the number of requests to one provider since `rounds` was cleared."""
        return sum(back == name for some in self.rounds for back, _ in some)

    def play(self, request: Request, now: float = NOW) -> Reply:
        """The whole exchange."""
        reply: Reply = self.drive(exchange(Accounts([self.entry]), self.limits, request, now))
        return reply

    def drive(self, steps: EffectGenerator) -> Any:
        """Run steps to their result."""
        running = self._perform(steps)
        try:
            some = next(running)
            while True:
                self.rounds.append([(want.back, request) for want in some for request in want.requests])
                some = running.send(self._answers(some))
        except StopIteration as done:
            return done.value

    def _answers(self, some: list[ProviderRequests]) -> list[tuple[Answer, ...]]:
        answers = []
        for want in some[::-1] if self.late else some:
            answered = []
            for request in want.requests[::-1] if self.late else want.requests:
                answered.append(self.homes[want.back](request))
                self.between()
            answers.append(tuple(answered[::-1] if self.late else answered))
        return answers[::-1] if self.late else answers

    def _perform(self, steps: EffectGenerator) -> Generator[list[ProviderRequests], list[tuple[Answer, ...]], Any]:
        go_on: Callable[[], Any] = lambda: next(steps)  # noqa: E731
        while True:
            try:
                want = go_on()
            except StopIteration as done:
                return done.value
            sent: Any = None
            try:
                if isinstance(want, ProviderRequests):
                    [sent] = yield [want]
                elif isinstance(want, CacheGet):
                    sent = self.memory.get(want.key)
                elif isinstance(want, CacheIncrement):
                    self.memory[want.key] = self.memory.get(want.key, 0) + 1
                elif isinstance(want, SingleFlight):
                    sent, kept = yield from self._perform(want.steps(self.memory.get(want.key)))
                    if kept is not None and kept.life > 0:
                        self.memory[want.key] = kept.value
                elif isinstance(want, Concurrently):
                    sent = yield from self._at_once(want.steps)
                elif isinstance(want, MigrationState):
                    sent = MigrationStage("new", is_crossed=True)
                else:
                    sent = unjournalled(want)
            except TranslatorError as error:
                go_on = lambda error=error: steps.throw(error)  # type: ignore[misc]  # noqa: E731
            else:
                go_on = lambda sent=sent: steps.send(sent)  # type: ignore[misc]  # noqa: E731

    def _at_once(
        self, steps: Sequence[EffectGenerator]
    ) -> Generator[list[ProviderRequests], list[tuple[Answer, ...]], tuple[Any, ...]]:
        running = {at: self._perform(one) for at, one in enumerate(steps)}
        results: dict[int, Any] = {}
        wants: dict[int, list[ProviderRequests]] = {}

        def go_on(at: int, send: Callable[[], list[ProviderRequests]]) -> None:
            try:
                wants[at] = send()
            except StopIteration as done:
                results[at] = done.value

        for at, one in running.items():
            go_on(at, lambda one=one: next(one))  # type: ignore[misc]
        while wants:
            some, at_whom = [], []
            for at, want in wants.items():
                some += want
                at_whom += [at] * len(want)
            answers = yield some
            wants.clear()
            for at in dict.fromkeys(at_whom):
                own = [answer for answer, whose in zip(answers, at_whom, strict=True) if whose == at]
                go_on(at, lambda at=at, own=own: running[at].send(own))  # type: ignore[misc]
        return tuple(results[at] for at in range(len(steps)))

    # ------------------------------------------------------------------------------------------ what each alone would show

    def alone(self, home: Home) -> list[dict[str, Any]]:
        """The rows of one provider, oldest first, as the front shows them if the account has only that one."""
        own = ("A1", PROPERTY) if self.front == "v2" else ("AC1", "")
        world = World(
            FRONT_OF[self.front], home.back, lambda request: call(home.twin.app, request), accounts=(own[0], home.account),
            properties=(own[1], home.property),
        )  # fmt: skip
        if self.front == "v2":
            reply = world.play(v2_ask({"Date_From": 0, "Date_To": int(NOW) + 10_000}), NOW)
            rows: list[dict[str, Any]] = json.loads(reply.response.body)["Messages"]
        else:
            reply = world.play(ask({"SortBy": "DateCreated:asc", "PageSize": 9999}), NOW)
            rows = json.loads(reply.response.body)["messages"]
        assert len(rows) == len(home.stock)
        return rows

    def union(self) -> list[dict[str, Any]]:
        """The rows of both, oldest first, and those of the old provider first within a second."""
        return sorted([*self.alone(self.old), *self.alone(self.new)], key=created_of)


def created_of(row: dict[str, Any]) -> int:
    """The second of a shown row."""
    if "Created" in row:
        return int(row["Created"])
    return int(parsedate_to_datetime(row["date_created"]).timestamp())


def as_sms(row: dict[str, Any]) -> Sms:
    """A row of a restcomm front as the plain reading of the document takes it."""
    return Sms(
        row["sid"], created_of(row), row["from"], row["to"], row.get("body", ""), row["status"], row["direction"]
    )


def v2_ask(asked: dict[str, Any]) -> Request:
    """A search at a properties-v2 front."""
    token = b64encode(b"A1:front-token").decode()
    return Request("GET", V2_PATH, urlencode(asked), (("authorization", f"Basic {token}"),))


def at(second: int) -> str:
    """An instant as a restcomm query has it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


__all__ = ["KINDS", "PATH", "Home", "TwoHomes", "as_sms", "at", "created_of", "v2_ask"]
