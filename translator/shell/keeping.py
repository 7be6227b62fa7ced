"""What is kept and owed, put together: the journal that requests write to, and who works off what stands in the store.

request ─▶ Journal ─▶ store ─┬▶ Seeker   what is unknown is looked for at the back
receipt ─▶ "go and look" ────┼▶ Tracker  what somebody waits for is looked at, and becomes calls
                             ├▶ Courier  the calls are made
                             └▶ retention
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import NamedTuple

from translator.accounts import Accounts
from translator.exchange import Limits
from translator.shell.admin import Meter
from translator.shell.background import Loop, going_on, retiring
from translator.shell.courier import GAPS, Courier
from translator.shell.driving import Driver
from translator.shell.journal import Journal, Patience
from translator.shell.receipts import Receipts
from translator.shell.seeker import Seeker
from translator.shell.settings import Settings
from translator.shell.store import Store, StoreDown, calls
from translator.shell.store.claims import release
from translator.shell.store.retention import Keep
from translator.shell.tracker import Polling, Tracker
from translator.shell.vetting import Vetting

_GRACE = 15.0
"""Seconds beyond a back's own time within which the outcome of a send has been written down, or will not be."""

_GIVING_BACK = 5.0
"""Seconds that giving back leases may take: without that they run out by themselves."""


class Keeping(NamedTuple):
    """How long, how often and whom: the settings of everything that is kept and owed."""

    vetting: Vetting
    receipts: Receipts
    patience: Patience
    polling: Polling
    keep: Keep
    gaps: tuple[float, ...] = GAPS

    @classmethod
    def of(cls, settings: Settings) -> "Keeping":
        """What a configuration says."""
        server, sends, asked = settings.server, settings.sends, settings.callbacks
        slowest = max(back.timeout for back in settings.backs.values())
        return cls(
            Vetting(asked.allow, asked.ports),
            Receipts(server.public_url if server.secrets else "", server.secrets),
            Patience(sends.wait, sends.join, sends.give_up, slowest + _GRACE, sends.resend or 0.0),
            Polling(asked.poll, asked.poll_asks, asked.poll_end),
            Keep(asked.keep),
        )


class Keeper:
    """Everything that outlives a request. `journal` is what the requests write to."""

    def __init__(
        self, store: Store, accounts: Accounts, limits: Limits, keeping: Keeping, meter: Meter, *,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._store, self._accounts, self._limits = store, accounts, limits
        self._keeping, self._meter, self._clock = keeping, meter, clock
        self._look: Callable[[], None] = lambda: None
        self._loops: dict[str, Loop] = {}
        self.journal = self._journal()

    def _journal(self) -> Journal:
        keeping = self._keeping
        return Journal(
            self._store, self._accounts, keeping.vetting, keeping.receipts, keeping.patience, clock=self._clock
        )

    def change(self, accounts: Accounts, limits: Limits, keeping: Keeping) -> None:
        """Keep and work off what this says from now on: `journal` is another one, and who works sees it from its next round on."""
        self._keeping.vetting.become(keeping.vetting)
        self._accounts, self._limits = accounts, limits
        self._keeping = keeping._replace(vetting=self._keeping.vetting, gaps=self._keeping.gaps)
        wake, self.journal = self.journal.wake, self._journal()
        self.journal.wake = wake

    def use(self, driver: Driver) -> None:
        """Let who works ask the backs of this driver, from the next round on."""
        keeping, common = self._keeping, (self._store, self._accounts, driver, self._limits)
        self._seeker = Seeker(*common, keeping.patience, self._meter, clock=self._clock)
        self._tracker = Tracker(*common, keeping.polling, self._meter, wake=self._owe, clock=self._clock)
        if "tracker" in self._loops:
            self._loops["tracker"].pace(rest=keeping.polling.poll, gap=keeping.polling.poll)
            self._look()

    async def is_well(self) -> bool:
        """Whether the store answers."""
        try:
            await self._store.read(lambda connection: connection.exec_driver_sql("SELECT 1"))
        except StoreDown:
            return False
        return True

    async def take_receipt(self, path: str) -> bool:
        """A back has called us about a send: whoever waits to be told of it is looked for now. Whether we had signed the path."""
        send = self._keeping.receipts.send_of(path)
        if send is None:
            return False
        with contextlib.suppress(StoreDown):  # polling finds what this would have told
            if await self._store.write(partial(calls.look_now, send=send, now=self._clock())):
                self._look()
        return True

    async def _seek(self) -> bool:
        return await self._seeker.round()

    async def _track(self) -> bool:
        return await self._tracker.round()

    def _owe(self) -> None:
        self._loops["courier"].wake()

    @contextlib.asynccontextmanager
    async def going_on(self, driver: Driver) -> AsyncIterator[None]:
        """Work off what is owed while the block runs, let the calls under way end, and give back what was taken and is not done."""
        keeping = self._keeping
        self.use(driver)
        courier = Courier(self._store, keeping.vetting, self._meter, gaps=keeping.gaps, clock=self._clock)
        calling = Loop("courier", courier.round, rest=1.0)
        seeking = Loop("seeker", self._seek, rest=1.0)
        tracking = Loop("tracker", self._track, rest=keeping.polling.poll, gap=keeping.polling.poll)
        self._loops = {"courier": calling, "seeker": seeking, "tracker": tracking}
        self.journal.wake, self._look = seeking.wake, tracking.wake
        await self._seeker.recover()
        try:
            async with going_on(
                [*self._loops.values(), retiring(self._store, lambda: self._keeping.keep, self._meter)]
            ):
                yield
        finally:
            await courier.aclose()
            await self._give_back()

    async def _give_back(self) -> None:
        """Let others take at once what this process has taken and will not do. Where the store is down, its leases run out."""
        with contextlib.suppress(StoreDown, TimeoutError):
            async with asyncio.timeout(_GIVING_BACK):
                await self._store.write(partial(release, now=self._clock()))
