"""A simulated provider behind the exchange, in process. Provider requests become ASGI calls that end without an event loop, since it
waits for nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator, Hashable, MutableMapping
from functools import cache
from typing import Any

from conformance.clock import ManualClock
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.effects import ProviderRequests, run_without_shell
from translator.core.exchange import Limits, Reply, exchange
from translator.core.http.messages import Answer, Request, Response
from translator.core.losses import Losses
from translator.core.mapping import overlay
from translator.core.mapping.load import raw_tables
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.runtime.single_flight_cache import BYTES, SingleFlightCache

App = Callable[[Any, Any, Any], Awaitable[None]]


def spoken(name: str, side: str = "front", **settings: Any) -> Dialect:
    """The dialect of that name with these settings laid over its table. A dialect does not change, so each is compiled once."""
    return _compiled(name, side, json.dumps(settings, sort_keys=True))


@cache
def _compiled(name: str, side: str, settings: str) -> Dialect:
    file, raw = next((file, raw) for file, raw in raw_tables().items() if raw["dialect"]["name"] == name)
    return dialect(file, overlay(raw, side, json.loads(settings), "test"))


def call(app: App, request: Request) -> Response:
    """The response of an ASGI application. It has to answer without waiting for anything."""
    sent: list[MutableMapping[str, Any]] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method, "scheme": "http",
        "path": request.path, "raw_path": request.path.encode(), "query_string": request.query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in request.headers],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": request.body or b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    running = app(scope, receive, send).__await__()
    try:
        next(running)
    except StopIteration:
        start = next(message for message in sent if message["type"] == "http.response.start")
        body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        headers = tuple((name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"])
        return Response(start["status"], headers, body)
    raise AssertionError("the twin waits for something")


class World:
    """One account whose back is a simulated provider. `asked` are the batches of provider requests, one batch for each round."""

    def __init__(
        self, front: Dialect, back: Dialect, app: Callable[[Request], Answer], *, limits: Limits | None = None,
        in_flight: int = 3, accounts: tuple[str, str] = ("AC1", "A1"), properties: tuple[str, str] = ("", ""),
        reversed_batches: bool = False, tokens: tuple[str, str] = ("front-token", "back-token"), beside: "World | None" = None,
    ) -> None:  # fmt: skip
        """`beside` is the world of another account of the same proxy: both share one cache."""
        self.entry = Account(
            Endpoint(front, accounts[0], properties[0], tokens[0]),
            ConfiguredProvider("provider", back, in_flight),
            Endpoint(back, accounts[1], properties[1], tokens[1]),
            shared=False,
        )
        self.limits = limits or Limits()
        self.memory: dict[tuple[Hashable, ...], Any] = beside.memory if beside else {}
        self.asked: list[tuple[Request, ...]] = []
        self.answer, self._reversed = app, reversed_batches

    @property
    def asks(self) -> int:
        """The number of requests that the back got since `asked` was cleared."""
        return sum(len(batch) for batch in self.asked)

    def play(self, request: Request, now: float, losses: Losses | None = None) -> Reply:
        """Play the whole exchange against the simulated provider."""
        running: Generator[ProviderRequests, tuple[Answer, ...], Reply] = run_without_shell(
            exchange(Accounts([self.entry]), self.limits, request, now, losses), self.memory
        )
        try:
            ask = next(running)
            while True:
                self.asked.append(ask.requests)
                ask = running.send(self.answers(ask.requests))
        except StopIteration as done:
            reply: Reply = done.value
            return reply

    def answers(self, requests: tuple[Request, ...]) -> tuple[Answer, ...]:
        """The back's responses to one batch, the last request first if the batches are reversed."""
        if self._reversed:
            return tuple([self.answer(asked) for asked in requests[::-1]][::-1])
        return tuple([self.answer(asked) for asked in requests])


class Shelled:
    """A world whose effects the shell performs: its effect runner, and its cache by a clock that a test moves. Requests are counted in
    `world`."""

    def __init__(self, world: World, clock: ManualClock, limits: Limits, most: int = BYTES) -> None:
        self.world, self.clock, self._limits = world, clock, limits
        self._driver = EffectRunner({"provider": self}, SingleFlightCache(most, clock=clock), Meter())

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        self.world.asked.append((request,))
        [answer] = self.world.answers((request,))
        return answer

    async def aclose(self) -> None:
        pass

    def play(self, request: Request) -> Reply:
        """Play the whole exchange, at the instant that the clock says. Earlier requests are no longer in `asked`."""
        self.world.asked.clear()
        steps = exchange(Accounts([self.world.entry]), self._limits, request, self.clock())
        reply: Reply = asyncio.run(self._driver.run(RequestContext("test"), steps))
        return reply
