"""What is kept and owed, put together: the journal that requests write to, and who works off what stands in the store.

request ─▶ Journal ─▶ store ─┬▶ Seeker   what is unknown is looked for at the back
receipt ─▶ "go and look" ────┼▶ Tracker  what somebody waits for is looked at, and becomes calls
                             ├▶ CallbackDispatcher  the calls are made
                             └▶ retention
"""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import NamedTuple

from translator.accounts import Accounts
from translator.exchange import Limits
from translator.shell.admin import Meter
from translator.shell.background import Loop, going_on, retiring
from translator.shell.clocks import SteadyClock
from translator.shell.dispatcher import CallbackDispatcher, Dispatching
from translator.shell.driving import Driver
from translator.shell.journal import Journal, Patience
from translator.shell.receipts import Receipts
from translator.shell.seeker import Seeker
from translator.shell.settings import Settings
from translator.shell.store import Store, StoreDown, calls
from translator.shell.store.deliveries import Breaker
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
    dispatching: Dispatching = Dispatching()

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
            Dispatching(
                asked.concurrency, Breaker(asked.breaker_failures, asked.breaker_pause, asked.breaker_pause_max)
            ),
        )


class Keeper:
    """Everything that outlives a request. `journal` is what the requests write to."""

    def __init__(
        self, store: Store, accounts: Accounts, limits: Limits, keeping: Keeping, meter: Meter, *,
        clock: Callable[[], float] = time.time, due_clock: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._store, self._accounts, self._limits = store, accounts, limits
        self._keeping, self._meter, self._clock = keeping, meter, clock
        # Of the dispatcher, and of whoever queues deliveries for it.
        self._due_clock = due_clock or (SteadyClock() if clock is time.time else clock)
        self._look: Callable[[], None] = lambda: None
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
            if await self._store.write(partial(calls.look_now, send=send, now=self._clock())):
                self._look()
        return True

    @contextlib.asynccontextmanager
    async def going_on(self, driver: Driver) -> AsyncIterator[None]:
        """Work off what is owed while the block runs, and let the calls under way end."""
        keeping, common = self._keeping, (self._store, self._accounts, driver, self._limits)
        seeker = Seeker(*common, keeping.patience, self._meter, clock=self._clock)
        dispatcher = CallbackDispatcher(
            self._store, keeping.vetting, self._meter, keeping.dispatching, clock=self._due_clock
        )
        calling = Loop("dispatcher", dispatcher.round, rest=1.0)
        dispatcher.rouse = calling.wake
        tracker = Tracker(*common, keeping.polling, self._meter, wake=dispatcher.wake, clock=self._due_clock)
        seeking = Loop("seeker", seeker.round, rest=1.0)
        tracking = Loop("tracker", tracker.round, rest=keeping.polling.poll, gap=keeping.polling.poll)
        self.journal.wake, self._look = seeking.wake, tracking.wake
        await seeker.recover()
        try:
            async with going_on([seeking, tracking, calling, retiring(self._store, keeping.keep, self._meter)]):
                yield
        finally:
            await dispatcher.aclose()
