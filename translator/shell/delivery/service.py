"""The delivery service: the journal that requests write to, and the background workers that work on the store.

request ─▶ SendJournal ─▶ store ─┬▶ Reconciler          searches for unknown sends at the provider
receipt ─▶ a reason to poll ─────┼▶ StatusPoller        polls subscribed messages and queues deliveries
                                 ├▶ CallbackDispatcher  makes the deliveries
                                 ├▶ retention           deletes finished rows
                                 └▶ Migrations          reads the stages of accounts with two providers
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import NamedTuple

from translator.core.accounts import Accounts
from translator.core.exchange import Limits
from translator.shell.aio.clocks import SteadyClock
from translator.shell.config.settings import Settings
from translator.shell.delivery.callback_dispatcher import CallbackDispatcher
from translator.shell.delivery.callback_settings import Dispatching
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.delivery.journal import Patience, SendJournal
from translator.shell.delivery.owed_limit import MOST
from translator.shell.delivery.readiness import Readiness
from translator.shell.delivery.receipt_urls import ReceiptUrls
from translator.shell.delivery.reconciler import Reconciler
from translator.shell.delivery.status_poller import Polling, StatusPoller
from translator.shell.delivery.worker import PeriodicWorker, going_on, retiring
from translator.shell.migration.migrations import EVERY
from translator.shell.migration.renderer import EVERY as RENDER_EVERY
from translator.shell.migration.service import MigrationService
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger
from translator.shell.runtime.effect_runner import EffectRunner
from translator.shell.store import Store, StoreUnavailable, subscriptions
from translator.shell.store.deliveries import Breaker
from translator.shell.store.leases import release
from translator.shell.store.retention import Keep

SHUTDOWN_GRACE_SECONDS = 15.0
"""Seconds after a provider's timeout. An outcome that is not recorded by then will not be recorded."""

_GIVING_BACK = 5.0
"""Seconds that releasing leases may take at shutdown. Leases that are not released expire."""


class DeliverySettings(NamedTuple):
    """The settings of the delivery service."""

    vetting: CallbackUrlPolicy
    receipts: ReceiptUrls
    patience: Patience
    polling: Polling
    keep: Keep
    dispatching: Dispatching = Dispatching()
    owed_max: int = MOST

    @classmethod
    def of(cls, settings: Settings) -> "DeliverySettings":
        """Return the delivery settings of a configuration."""
        server, sends, asked = settings.server, settings.sends, settings.callbacks
        slowest = max(back.timeout for back in settings.backs.values())
        return cls(
            CallbackUrlPolicy(asked.allow, asked.ports),
            ReceiptUrls(server.public_url if server.secrets else "", server.secrets),
            Patience(sends.wait, sends.join, sends.give_up, slowest + SHUTDOWN_GRACE_SECONDS, sends.resend or 0.0),
            Polling(asked.poll, asked.poll_asks, asked.poll_end),
            Keep(asked.keep, poll_end=asked.poll_end),
            Dispatching(
                asked.concurrency, Breaker(asked.breaker_failures, asked.breaker_pause, asked.breaker_pause_max)
            ),
            asked.owed_max,
        )


class _Clocks(NamedTuple):
    """The wall clock, and the clock of the dispatcher and of the status poller, which queues deliveries for it."""

    wall: Callable[[], float]
    due: Callable[[], float]


class DeliveryService:
    """The work that outlives a request. Requests write to `journal`."""

    def __init__(
        self, store: Store, accounts: Accounts, limits: Limits, keeping: DeliverySettings, meter: Meter, *,
        clock: Callable[[], float] = time.time, due_clock: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._store, self._accounts, self._limits = store, accounts, limits
        self._keeping, self._meter = keeping, meter
        self._clock = _Clocks(clock, due_clock or (SteadyClock() if clock is time.time else clock))
        self._dispatcher: CallbackDispatcher | None = None
        self._loops: dict[str, PeriodicWorker] = {}
        self._seeker: Reconciler | None = None
        self._tracker: StatusPoller | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self.journal = SendJournal(store, accounts, keeping.vetting, keeping.receipts, keeping.patience, clock=clock)
        self.journal.links.owed.most, meter.callbacks_refused = keeping.owed_max, self.journal.links.owed.refusals
        self.readiness = Readiness(store, self.journal)
        self.migrations = MigrationService(store, accounts, limits, meter, clock)

    def change(self, accounts: Accounts, limits: Limits, keeping: DeliverySettings) -> None:
        """Use another configuration. This replaces `journal`. The background workers follow from their next round on."""
        self._keeping.vetting.become(keeping.vetting)
        self._accounts, self._limits = accounts, limits
        self.migrations.change(accounts, limits)
        dispatching = keeping.dispatching._replace(gaps=self._keeping.dispatching.gaps)
        self._keeping = keeping._replace(vetting=self._keeping.vetting, dispatching=dispatching)
        if self._dispatcher is not None:
            self._dispatcher.change(dispatching)
        self.journal.links.owed.most = keeping.owed_max
        self.journal = self.journal.successor(accounts, keeping.receipts, keeping.patience)

    def use(self, driver: EffectRunner) -> None:
        """Let the background workers use the providers of this driver from the next round on. They keep what they have learnt."""
        keeping, before = self._keeping, self._tracker
        timeout = max(0.0, keeping.patience.answer - SHUTDOWN_GRACE_SECONDS)
        if self._seeker is None:
            self._seeker = Reconciler(
                self._store, self._accounts, driver, self._limits, keeping.patience, self._meter,
                timeout=timeout, tell=self.journal.tell, wake=self._wake("reconciler"), clock=self._clock.wall,
            )  # fmt: skip
        else:
            self._seeker.change(self._accounts, driver, self._limits, keeping.patience, timeout)
        self._tracker = StatusPoller(
            self._store, self._accounts, driver, keeping.polling, self._meter,
            wake=self._owe, clock=self._clock.due, wall=self._clock.wall,
        )  # fmt: skip
        self._tracker.hurry = self._wake("status-poller")
        if before is not None:
            self._tracker.learn_from(before)
            self._end(before)
        if "status-poller" in self._loops:
            self._loops["status-poller"].pace(rest=keeping.polling.poll, gap=keeping.polling.poll)
            self._loops["status-poller"].wake()

    def _end(self, tracker: StatusPoller) -> None:
        """Let the polls of a replaced poller finish."""
        task = asyncio.create_task(tracker.finish())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _wake(self, name: str) -> Callable[[], None]:
        """Return a function that wakes a background worker if it runs."""

        def wake() -> None:
            loop = self._loops.get(name)
            if loop is not None:
                loop.wake()

        return wake

    async def take_receipt(self, path: str) -> bool:
        """Poll a send now because of a delivery receipt. True if the signature of the path is right."""
        send = self._keeping.receipts.send_of(path)
        if send is None:
            return False
        with contextlib.suppress(StoreUnavailable):  # the next poll finds the same status
            rows = await self._store.write(partial(subscriptions.check_now, send=send, now=self._clock.wall()))
            if self._tracker is not None:
                await self._tracker.hasten(rows)
        return True

    def _owe(self) -> None:
        """Wake the dispatcher, because a new delivery is due."""
        if self._dispatcher is not None:
            self._dispatcher.wake()

    async def _seek(self) -> bool:
        return self._seeker is not None and await self._seeker.round()

    async def _track(self) -> bool:
        return self._tracker is not None and await self._tracker.begin()

    @contextlib.asynccontextmanager
    async def going_on(self, driver: EffectRunner) -> AsyncIterator[None]:
        """Run the background workers during the block. Then let deliveries in progress end, and release the leases of the rest."""
        keeping, links = self._keeping, self.journal.links
        dispatcher = self._dispatcher = CallbackDispatcher(
            self._store, keeping.vetting, self._meter, keeping.dispatching, clock=self._clock.due
        )
        poll = keeping.polling.poll
        self._loops = {
            "dispatcher": PeriodicWorker("dispatcher", dispatcher.round, rest=1.0),
            "reconciler": PeriodicWorker("reconciler", self._seek, rest=1.0),
            "status-poller": PeriodicWorker("status-poller", self._track, rest=poll, gap=poll),
            "deferred-writes": PeriodicWorker("deferred-writes", links.leftovers.write, rest=1.0),
        }
        dispatcher.rouse = self._wake("dispatcher")
        self.use(driver)
        links.wake, links.leftovers.wake = self._wake("reconciler"), self._wake("deferred-writes")
        loops = self.readiness.loops = list(self._loops.values())
        retention = retiring(self._store, lambda: self._keeping.keep, self._meter, self._is_looked_at)
        try:
            stages = PeriodicWorker("stages", self.migrations.stages.round, rest=EVERY)
            renders = PeriodicWorker("renders", self.migrations.renderer.round, rest=RENDER_EVERY)
            async with going_on([*loops, retention, stages, renders], first=self._recovered):
                yield
        finally:
            await self._stop()
            await dispatcher.aclose()
            with contextlib.suppress(StoreUnavailable):
                await links.leftovers.write()
            await self.readiness.aclose()
            await self._give_back()

    def _is_looked_at(self, place: str) -> bool:
        """True if a configured account uses this provider account."""
        return place in self._accounts.by_place

    async def _recovered(self) -> bool:
        """Take over the intents of the previous process. Before that nothing may be recorded, because it would be taken over as well."""
        links = self.journal.links
        try:
            if self._seeker is not None:
                await self._seeker.recover()
            await self.migrations.stages.prepare(self._accounts)
        except StoreUnavailable as error:
            links.closed = str(error)
            logger().warning("store-down", loop="recovery", why=str(error))
            return False
        links.closed = ""
        return True

    async def _stop(self) -> None:
        """Cancel the provider requests of the background workers."""
        for worker in (self._seeker, self._tracker):
            if worker is not None:
                await worker.aclose()
        for task in self._ending:
            task.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _give_back(self) -> None:
        """Release the leases of this process, so that other replicas can take the rows at once. If the store is down, they expire."""
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(_GIVING_BACK):
                await self._store.write(release)
                await self.migrations.aclose()
