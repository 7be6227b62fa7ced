"""Sends, inbound messages, passing time, faults and restarts in any order: after each of them the laws of any SMS service hold.

The tests run over a simulated provider alone, over the proxy in both directions, and over a proxy before a proxy.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from conformance.clients import Client, PropertiesV2Client, RestcommClient
from conformance.clock import ManualClock
from conformance.judge.target import Answer, Target
from conformance.laws import LAWS, Sent, World
from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount
from conformance.twins.restcomm import RestcommTwin
from tests.effort import examples
from tests.twins import World as Proxied
from tests.twins import call, spoken
from translator.core.http.messages import Answer as BackAnswer
from translator.core.http.messages import Failure, Request, Response

TOKEN = "token"
PROPERTY = "P1"
ACCOUNT = {"restcomm": "AC1", "properties-v2": "A1"}
DIALECTS = {name: spoken(name) for name in ACCOUNT}
Ask = Callable[[Request], BackAnswer]


class Provider:
    """A simulated provider that may fail: `fault` says how the next send goes wrong."""

    def __init__(self, dialect: str, clock: ManualClock) -> None:
        self.fault = ""
        self.receive: Callable[[str], object]
        if dialect == "restcomm":
            old = RestcommTwin(accounts={"AC1": TOKEN}, clock=clock)
            self._app: Any = old.app
            self.receive = lambda text: old.receive("AC1", sender="15550100001", recipient="19876543212", body=text)
        else:
            new = PropertiesV2Twin(accounts={"A1": TwinAccount(TOKEN, (PROPERTY,))}, clock=clock)
            self._app = new.app
            self.receive = lambda text: new.receive(
                property_sid=PROPERTY, sender="+15550100001", recipient="+19876543212", text=text
            )

    def __call__(self, request: Request) -> BackAnswer:
        fault = self.fault if request.method == "POST" else ""
        self.fault = "" if fault else self.fault
        if fault == "never left":
            return Failure("never-left", "ConnectError")
        if fault == "refused":
            return Response(400)
        answer = call(self._app, request)
        if fault == "answer lost":
            return Failure("timeout", "deadline")
        return Response(500) if fault == "failed after it was sent" else answer


class Service(RuleBasedStateMachine):
    """One service; `roads` are the dialects from the front to the provider."""

    roads: ClassVar[tuple[str, ...]] = ()

    @initialize()
    def stand_up(self) -> None:
        self.clock = ManualClock(1_790_000_000)
        self.world, self.texts = World(), 0
        self.provider = Provider(self.roads[-1], self.clock)
        self.restart()

    @rule()
    def restart(self) -> None:
        """The proxies forget everything that they remembered."""
        ask: Ask = self.provider
        for front, back in list(zip(self.roads, self.roads[1:], strict=False))[::-1]:
            proxied = Proxied(
                DIALECTS[front], DIALECTS[back], ask, accounts=(ACCOUNT[front], ACCOUNT[back]), tokens=(TOKEN, TOKEN),
                properties=tuple(PROPERTY if name == "properties-v2" else "" for name in (front, back)),  # type: ignore[arg-type]
            )  # fmt: skip
            ask = self._through(proxied)
        self.client = self._client(ask)

    def _through(self, proxied: Proxied) -> Ask:
        return lambda request: proxied.play(request, self.clock()).response

    def _client(self, ask: Ask) -> Client:
        def transport(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
            plain, _, query = path.partition("?")
            answer = ask(
                Request(method, plain, query, tuple((name.lower(), value) for name, value in headers.items()), body)
            )
            if isinstance(answer, Failure):  # a provider alone: its caller sees the line go dead
                return Answer(599, {}, b"")
            return Answer(answer.status, dict(answer.headers), answer.body)

        front = self.roads[0]
        target = Target(
            dialect=front, transport=transport, account=ACCOUNT[front], token=TOKEN, max_sends=10**9,
            property_sid=PROPERTY if front == "properties-v2" else "",
        )  # fmt: skip
        return RestcommClient(target) if front == "restcomm" else PropertiesV2Client(target)

    @rule(fault=st.sampled_from(["", "", "", "never left", "refused", "answer lost", "failed after it was sent"]))
    def send(self, fault: str) -> None:
        self.texts += 1
        text = f"text {self.texts}"
        self.provider.fault = fault
        sid = self.client.send("15550100005", text)
        self.provider.fault = ""
        assert (sid is not None) == (fault == "")
        if sid is not None:
            self.world.sent[sid] = Sent("15550100005", text)
        elif fault in ("answer lost", "failed after it was sent"):
            self.world.unsure.append(text)

    @rule()
    def receive(self) -> None:
        self.texts += 1
        self.provider.receive(f"in {self.texts}")
        self.world.received.append(f"in {self.texts}")

    @rule(seconds=st.sampled_from([1, 2, 7, 400]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(law=st.sampled_from(LAWS))
    def holds(self, law: Callable[[Client, World], Any]) -> None:
        assert list(law(self.client, self.world)) == []

    def teardown(self) -> None:
        if getattr(self, "client", None) is not None:
            for law in LAWS:
                assert list(law(self.client, self.world)) == [], law.__doc__


def _case(*roads: str) -> Any:
    machine: Any = type("Machine", (Service,), {"roads": roads})
    case = machine.TestCase
    case.settings = settings(max_examples=examples(30), stateful_step_count=20)
    return case


TestTheOldTwin = _case("restcomm")
TestTheNewTwin = _case("properties-v2")
TestRestcommBeforePropertiesV2 = _case("restcomm", "properties-v2")
TestPropertiesV2BeforeRestcomm = _case("properties-v2", "restcomm")
TestAProxyBeforeAProxy = _case("restcomm", "properties-v2", "restcomm")
TestTheOtherProxyBeforeAProxy = _case("properties-v2", "restcomm", "properties-v2")
