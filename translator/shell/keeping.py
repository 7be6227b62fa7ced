"""What is kept and owed, put together: the journal that requests write to, and who works off what stands in the store.

request ─▶ Journal ─▶ store ─┬▶ Seeker   what is unknown is looked for at the back
receipt ─▶ "go and look" ────┼▶ Tracker  what somebody waits for is looked at, and becomes calls
                             ├▶ Courier  the calls are made
                             └▶ retention
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
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
from translator.shell.store import Store, StoreDown, watches
from translator.shell.store.retention import Keep
from translator.shell.tracker import Polling, Tracker
from translator.shell.vetting import Vetting

_GRACE = 15.0
"""Seconds beyond a back's own time within which the outcome of a send has been written down, or will not be."""


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
        self._look: Callable[[Sequence[tuple[str, int]]], Awaitable[None]] = _nobody_looks
        self.journal = Journal(store, accounts, keeping.vetting, keeping.receipts, keeping.patience, clock=clock)

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
            await self._look(await self._store.write(partial(watches.look_now, send=send, now=self._clock())))
        return True

    @contextlib.asynccontextmanager
    async def going_on(self, driver: Driver) -> AsyncIterator[None]:
        """Work off what is owed while the block runs, and let the calls under way end."""
        keeping, common = self._keeping, (self._store, self._accounts, driver, self._limits)
        seeker = Seeker(
            *common, keeping.patience, self._meter, timeout=max(0.0, keeping.patience.answer - _GRACE),
            tell=self.journal.tell, clock=self._clock,
        )  # fmt: skip
        courier = Courier(self._store, keeping.vetting, self._meter, gaps=keeping.gaps, clock=self._clock)
        calling = Loop("courier", courier.round, rest=1.0)
        tracker = Tracker(*common[:3], keeping.polling, self._meter, wake=calling.wake, clock=self._clock)
        seeking = Loop("seeker", seeker.round, rest=1.0)
        tracking = Loop("tracker", tracker.begin, rest=keeping.polling.poll, gap=keeping.polling.poll)
        tracker.hurry = tracking.wake
        self.journal.wake, self._look = seeking.wake, tracker.hasten
        seeker.wake = seeking.wake
        await seeker.recover()
        try:
            async with going_on([seeking, tracking, calling, retiring(self._store, keeping.keep, self._meter)]):
                yield
        finally:
            await seeker.aclose()
            await tracker.aclose()
            await courier.aclose()


async def _nobody_looks(_: Sequence[tuple[str, int]]) -> None:
    """Before anything goes on, nobody does."""
