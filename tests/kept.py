"""The proxy with its store, before a simulated provider, by a clock that a test sets.

Nothing runs by itself: a test says when unknown sends are reconciled, statuses are polled, and callbacks are delivered.
The process can die before or after any step (`Crash`), and another one starts on the rows that it had written.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from sqlalchemy import Connection

from conformance.clock import ManualClock
from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount
from conformance.twins.restcomm import RestcommTwin
from tests.receivers import Dialled
from tests.twins import call, spoken
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.effects import Outcome, Recorded
from translator.core.exchange import Limits, exchange
from translator.core.http.formats import json
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.shell.delivery.callback_dispatcher import CallbackDispatcher
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.delivery.journal import Patience, SendJournal
from translator.shell.delivery.receipt_urls import ReceiptUrls
from translator.shell.delivery.reconciler import Reconciler
from translator.shell.delivery.status_poller import Polling, StatusPoller
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.store import Store, StoreUnavailable
from translator.shell.store.interface import Result
from translator.shell.store.sends import Begun, Times

HOOK = "http://a.example/hook"
SECRET = "0123456789abcdef0123456789abcdef"


async def _public(host: str, port: int) -> Sequence[str]:
    return ["93.184.216.34"]


class Crash(BaseException):
    """The process dies here."""


class Steps:
    """Counts the steps of a process, which dies before or after the step of that number."""

    def __init__(self) -> None:
        self.taken = 0
        self.dies_before: int | None = None
        self.dies_after: int | None = None

    def begin(self) -> None:
        self.taken += 1
        if self.dies_before == self.taken:
            raise Crash

    def end(self, number: int) -> None:
        if self.dies_after == number:
            raise Crash


class Mortal:
    """A store whose process may die at each write. It is down while `is_down` says so."""

    def __init__(self, store: Store, steps: Steps) -> None:
        self._store, self._steps = store, steps
        self.is_down: Callable[[], bool] = lambda: False
        self.shared = store.shared

    async def record(self, begun: Sequence[Begun], times: Times) -> list[Recorded]:
        return await self._or_dies(self._store.record(begun, times))

    async def settle(self, outcomes: Sequence[Outcome], now: float) -> None:
        await self._or_dies(self._store.settle(outcomes, now))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        return await self._or_dies(self._store.write(work))

    async def write_behind(self, work: Callable[[Connection], Result]) -> Result:
        return await self._or_dies(self._store.write_behind(work))

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        return await self._store.read(work)

    def trouble(self) -> str:
        return self._store.trouble()

    async def _or_dies(self, writing: Coroutine[Any, Any, Result]) -> Result:
        try:
            if self.is_down():
                raise StoreUnavailable("OperationalError")
            self._steps.begin()
        except (Crash, StoreUnavailable):
            writing.close()
            raise
        number = self._steps.taken
        result = await writing
        self._steps.end(number)
        return result

    async def close(self) -> None:
        await self._store.close()


class Provider:
    """A simulated provider. `fault` says how sends go wrong, `search` is the response to a list."""

    def __init__(self, dialect: str, clock: ManualClock) -> None:
        self.dialect, self.fault, self.asked = dialect, "", 0
        self.search: Response | None = None
        self.steps = Steps()
        if dialect == "restcomm":
            self.twin: Any = RestcommTwin(accounts={"AC1": "token"}, clock=clock)
        else:
            self.twin = PropertiesV2Twin(accounts={"A1": TwinAccount("token", ("P1",))}, clock=clock)

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        self.asked += 1
        self.steps.begin()
        number = self.steps.taken
        fault = self.fault if request.method == "POST" else ""
        if self.search is not None and request.method == "GET" and "Messages" in request.path.rpartition("/")[2]:
            return self.search
        if fault == "never left":
            return Failure("never-left", "ConnectError")
        if fault in ("400", "404", "429"):
            return Response(int(fault))
        answer = call(self.twin.app, request) if fault != "lost on its way" else None
        self.steps.end(number)
        if answer is None or fault == "no answer":
            return Failure("timeout", "deadline")
        if fault == "reset":
            return Failure("broken", "ReadError")
        if fault == "half an answer":
            return Response(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
        return Response(int(fault)) if fault in ("500", "503", "302", "408") else answer

    async def aclose(self) -> None:
        return None

    def another(self, text: str) -> None:
        """Another program with the same account sends the same."""
        login = b64encode(b"A1:token").decode()
        body = json.write({"From": "+15550100001", "To": "+15550100005", "Text": text})
        headers = (("authorization", f"Basic {login}"), ("content-type", "application/json"))
        assert call(self.twin.app, Request("POST", "/v2/Properties/P1/Messages", "", headers, body)).status == 200

    @property
    def texts(self) -> list[str]:
        """The texts that were sent, in order."""
        name = "body" if self.dialect == "restcomm" else "text"
        return [getattr(row, name) for row in self.twin.messages if "inbound" not in str(row.direction).lower()]


class Application(httpx.AsyncBaseTransport):
    """The application that receives callbacks, and the callbacks that it got, in order. `down` makes it fail."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.down = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if self.down:
            return httpx.Response(500)
        query = request.content or request.url.query
        self.told.append(dict(parse_qsl(query.decode())))
        return httpx.Response(200)

    def by_text(self) -> dict[str, list[str]]:
        """Return the statuses that were told of each text, in the order of the callbacks."""
        found: dict[str, list[str]] = {}
        for one in self.told:
            event = one.get("MessageStatus", one.get("Event", "").partition(".")[2])
            found.setdefault(one.get("Body", one.get("Message.Text", "")), []).append(event)
        return found

    def events(self, sid: str) -> list[str]:
        """The statuses of one message, in the order of the callbacks."""
        found = [told for told in self.told if told.get("MessageSid", told.get("Message.Sid")) == sid]
        return [told.get("MessageStatus", told.get("Event", "").partition(".")[2]) for told in found]


class Kept:
    """A proxy with its store, provider and application."""

    def __init__(
        self, store: Store, front: str = "restcomm", *, wait: float = 0.0, public_url: str = "", give_up: float = 86400.0,
        resend: float = 0.0, **settings: Any,
    ) -> None:  # fmt: skip
        self.front = front
        self.clock = ManualClock(1_790_000_000)
        self.provider = Provider("properties-v2" if front == "restcomm" else "restcomm", self.clock)
        self.application = Application()
        self.receipts = ReceiptUrls(public_url, (SECRET,))
        self._real, self._patience = store, Patience(wait=wait, give_up=give_up, answer=30.0, resend=resend)
        back = spoken(self.provider.dialect, "back", **settings)
        fronts, behind = (("AC1", ""), ("A1", "P1")) if front == "restcomm" else (("A1", "P1"), ("AC1", ""))
        self.entry = Account(
            Endpoint(spoken(front), *fronts, "front-token"),
            ConfiguredProvider("provider", back),
            Endpoint(back, *behind, "token"),
            shared=False,
        )
        self.steps = Steps()
        self.start()

    def start(self) -> None:
        """Start a process on the rows of the store."""
        self.steps = self.provider.steps = Steps()
        store = Mortal(self._real, self.steps)
        accounts, limits, self.meter = Accounts([self.entry]), Limits(), Meter()
        vetting = CallbackUrlPolicy(resolve=_public)
        self.journal = SendJournal(store, accounts, vetting, self.receipts, self._patience, clock=self.clock)
        self.driver = EffectRunner({"provider": self.provider}, SingleFlightCache(), self.meter, self.journal)
        common = (store, accounts, self.driver, limits)
        self.seeker = Reconciler(
            *common, self._patience, self.meter, tell=self.journal.tell, clock=self.clock, steady=self.clock
        )
        self.tracker = StatusPoller(*common[:3], Polling(), self.meter, clock=self.clock)
        client = Dialled(self.application)
        self.dispatcher = CallbackDispatcher(store, vetting, self.meter, client=client, clock=self.clock, pace=0.0)
        self._accounts, self._limits = accounts, limits

    async def recover(self) -> None:
        """Recover the rows of earlier processes, as a process does first."""
        await self.seeker.recover()

    # ---- the requests of the application ---------------------------------------------------------------------------

    async def send(self, text: str, *, hook: str = HOOK, key: str = "", sender: str = "15550100001") -> tuple[int, Any]:
        """A send, as status and body."""
        if self.front == "restcomm":
            form = {"From": sender, "To": "15550100005", "Body": text, **({"StatusCallback": hook} if hook else {})}
            body, media = urlencode(form).encode(), "application/x-www-form-urlencoded"
            path, account = "/2012-04-24/Accounts/AC1/SMS/Messages.json", "AC1"
        else:
            members = {"From": f"+{sender}", "To": "+15550100005", "Text": text}
            members |= {"DeliveryReceiptWebhookUri": hook} if hook else {}
            body, media, path, account = (
                json.write(members),
                "application/json",
                "/v2/Properties/P1/Messages",
                "A1",
            )
        login = b64encode(f"{account}:front-token".encode()).decode()
        headers: list[tuple[str, str]] = [("authorization", f"Basic {login}"), ("content-type", media)]
        if key:
            headers.append(("idempotency-key", key))
        request = Request("POST", path, "", tuple(headers), body)
        steps = exchange(self._accounts, self._limits, request, self.clock())
        reply = await self.driver.run(RequestContext("a-request"), steps)
        return reply.response.status, json.read(reply.response.body)

    @staticmethod
    def sid(body: Any) -> str:
        """The SID in the answer to a send."""
        return str(body["sid"] if "sid" in body else body["Message"]["MessageSid"])

    # ---- background work ---------------------------------------------------------------------------------------------

    async def work_off(self, seconds: float = 0.0) -> None:
        """Time passes, and everything that is due is done."""
        self.clock.advance(seconds)
        for _ in range(6):
            done = await self.seeker.round()
            await self.seeker.finished()
            done |= await self.tracker.round()
            await self.dispatcher.until_quiet()
            if not done:
                return
