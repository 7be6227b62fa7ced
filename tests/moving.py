"""The proxy of `tests.kept` with an account that moves from an old provider to a new one.

The stage is changed in the store, as the command line does. The process acts on it when a test lets it read: `reread`.
"""

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from tests.kept import Kept, Mortal, Provider, Steps, _public
from tests.receivers import Dialled
from tests.twins import spoken
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.exchange import Limits, exchange
from translator.core.http.formats import json
from translator.core.http.messages import Request
from translator.core.migration import (
    Change,
    MigrationRules,
    MigrationStage,
    advanced,
    released,
    rolled_back,
    with_percent,
)
from translator.shell.delivery.callback_dispatcher import CallbackDispatcher
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.delivery.journal import SendJournal
from translator.shell.delivery.reconciler import Reconciler
from translator.shell.delivery.status_poller import Polling, StatusPoller
from translator.shell.migration.migrations import Migrations, pair_of
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.store import Store, stages

BEHIND = {"restcomm": ("AC1", ""), "properties-v2": ("A1", "P1")}
"""The account and the property at each simulated provider."""

MAKE: dict[str, Callable[[MigrationStage, Change], MigrationStage]] = {
    "advance": advanced,
    "rollback": rolled_back,
    "release-guard": released,
}


class Moving(Kept):
    """A proxy whose account has an old provider beside the new one, `provider`."""

    def __init__(
        self, store: Store, rules: MigrationRules, front: str = "restcomm", old: str = "restcomm", **settings: Any
    ) -> None:
        self._rules, self._old = rules, old
        super().__init__(store, front, **settings)

    def start(self) -> None:
        """A process begins on what is in the store."""
        if not hasattr(self, "old"):
            self.old = Provider(self._old, self.clock)
            back = spoken(self._old, "back")
            there = Endpoint(back, *BEHIND[self._old], "token")
            home = Account(self.entry.front, ConfiguredProvider("old", back), there, shared=False)
            self.entry = self.entry._replace(old=home, migration=self._rules)
        self.steps = self.provider.steps = self.old.steps = Steps()
        store = Mortal(self._real, self.steps)
        accounts, limits, self.meter = Accounts([self.entry]), Limits(), Meter()
        vetting = CallbackUrlPolicy(resolve=_public)
        self.migrations = Migrations(store, accounts, self.meter, self.clock)
        self.journal = SendJournal(store, accounts, vetting, self.receipts, self._patience, clock=self.clock)
        backs = {"provider": self.provider, "old": self.old}
        counted = self.migrations.counted(self.journal)
        self.driver = EffectRunner(backs, SingleFlightCache(), self.meter, counted, self.migrations.stage)
        common = (store, accounts, self.driver, limits)
        self.seeker = Reconciler(
            *common, self._patience, self.meter, tell=self.journal.tell, clock=self.clock, steady=self.clock
        )
        self.tracker = StatusPoller(*common[:3], Polling(), self.meter, clock=self.clock)
        client = Dialled(self.application)
        self.dispatcher = CallbackDispatcher(store, vetting, self.meter, client=client, clock=self.clock, pace=0.0)
        self._accounts, self._limits = accounts, limits

    async def recover(self) -> None:
        """Do what a process does first."""
        await super().recover()
        await self.migrations.prepare(self._accounts)

    async def reread(self) -> None:
        """Read the stage, as the process does every few seconds."""
        await self.migrations.round()

    async def changed(self, action: str, percent: float | None = None) -> MigrationStage | None:
        """Change the stage in the store, as a person does. Raises NotAllowed."""
        pair = pair_of(self.entry)
        there = await self._real.read(partial(stages.present, pairs=[pair], now=self.clock()))

        def make(stage: MigrationStage, now: float) -> MigrationStage:
            by = Change("ann", "a test", now)
            return with_percent(stage, percent, by) if percent is not None else MAKE[action](stage, by)

        return await self._real.write(
            partial(
                stages.change, pair=pair, rules=self._rules, seen=there.stages[pair].generation, action=action, make=make,
                now=self.clock(),
            )
        )  # fmt: skip

    async def post(
        self, text: str, *, to: str = "15550100005", key: str = "", sender: str = "15550100001", **more: Any
    ) -> Any:
        """Send a text, as status and body."""
        hook = "http://a.example/hook"
        if self.front == "restcomm":
            form = {"To": to, "Body": text, "StatusCallback": hook, **more} | ({"From": sender} if sender else {})
            path, media = "/2012-04-24/Accounts/AC1/SMS/Messages.json", "application/x-www-form-urlencoded"
            return await self._posted("AC1", path, media, urlencode(form).encode(), key)
        row = {"To": f"+{to}", "Text": text, "DeliveryReceiptWebhookUri": hook, **more}
        row |= {"From": f"+{sender}"} if sender else {}
        return await self._posted("A1", "/v2/Properties/P1/Messages", "application/json", json.write(row), key)

    async def batch(self, rows: list[dict[str, str]], key: str = "") -> Any:
        """Send several texts in one request of a properties-v2 front, as status and body."""
        body = json.write({"Messages": rows})
        return await self._posted("A1", "/v2/Properties/P1/BatchMessages", "application/json", body, key)

    async def _posted(self, account: str, path: str, media: str, body: bytes, key: str) -> tuple[int, Any]:
        login = b64encode(f"{account}:front-token".encode()).decode()
        headers: list[tuple[str, str]] = [("authorization", f"Basic {login}"), ("content-type", media)]
        headers += [("idempotency-key", key)] if key else []
        steps = exchange(self._accounts, self._limits, Request("POST", path, "", tuple(headers), body), self.clock())
        reply = await self.driver.run(RequestContext("a-request"), steps)
        return reply.response.status, json.read(reply.response.body)

    @property
    def texts(self) -> list[str]:
        """The texts that were sent, at both providers."""
        return self.provider.texts + self.old.texts
