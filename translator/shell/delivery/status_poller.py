"""The status poller reads the status of subscribed messages from the providers, and queues deliveries.

Each provider account (`place` in the code) has its own task, so a provider that stalls delays no other. `polling_round` is one poll.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from translator.core.accounts import Accounts
from translator.core.status_polling import SettlingAges
from translator.shell.delivery.poll_settings import Kit, Polling
from translator.shell.delivery.polling_round import PollingRound
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.runtime.effect_runner import EffectRunner
from translator.shell.store import Store, StoreUnavailable, subscriptions

__all__ = ["Polling", "StatusPoller"]

_SIDE_BY_SIDE: Final = 32
"""The number of provider accounts of one provider that are polled at once."""

_REMINDED: Final = 3600.0
"""Seconds between two warnings about subscriptions that cannot be polled."""

_EARLY: Final = 0.9
_HASTE: Final = 0.1
"""Fractions of `poll`. A round less than `_EARLY` after the last one polls only messages with news, `_HASTE` after the news came."""


class StatusPoller:
    """The background worker that polls, see `worker`.

    wake: Called when deliveries are due.
    hurry: Called when a round has to start early.
    wall: The clock that sends are recorded by, if it is not `clock`.
    """

    def __init__(
        self, store: Store, accounts: Accounts, driver: EffectRunner, polling: Polling, meter: Meter, *,
        wake: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.time, wall: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._kit = Kit(store, driver, polling, meter, clock, wake, wall or clock)
        self._accounts = accounts
        self._entries = accounts.by_place
        self._places: dict[str, PollingRound] = {}
        self._endings: dict[str, SettlingAges] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._side_by_side: dict[str, asyncio.Semaphore] = {}
        self._reminded = self._began = -_REMINDED
        self._hurrying: asyncio.TimerHandle | None = None
        self.hurry: Callable[[], None] = lambda: None

    async def round(self) -> bool:
        """Poll every provider account, and wait for the end of all polls. True if there were any."""
        await self.begin()
        tasks = list(self._tasks.values())
        await asyncio.gather(*tasks)
        return bool(tasks)

    async def begin(self) -> bool:
        """Start a poll of every provider account that has none in progress. If a full round is too early, only those with news are
        polled. True if there was anything to poll. Raises StoreUnavailable."""
        now = self._kit.clock()
        hasty = [place for place, looking in self._places.items() if looking.has_front]
        early = 0 <= now - self._began < self._kit.polling.poll * _EARLY
        if not (hasty and early):
            self._began = now
            places = await self._kit.store.read(subscriptions.open_places)
            await self._remind(now)
            self._forget(places)
            hasty = [place for place in places if place in self._entries]
        for place in hasty:
            if place not in self._tasks:
                self._tasks[place] = asyncio.create_task(self._look(place), name=f"poller-{place}")
                self._tasks[place].add_done_callback(partial(self._done, place))
        return bool(hasty)

    async def hasten(self, rows: Sequence[tuple[str, int]]) -> None:
        """Poll these subscriptions first and soon, because their messages may have changed. Each row is a place and an id."""
        by_place: dict[str, list[int]] = {}
        for place, id_ in rows:
            by_place.setdefault(place, []).append(id_)
        for place, ids in by_place.items():
            if place in self._entries:
                await self._looking(place).hasten(ids)
        if self._hurrying is None:
            pause = self._kit.polling.poll * _HASTE
            self._hurrying = asyncio.get_running_loop().call_later(pause, self._hurry)

    def learn_from(self, before: "StatusPoller") -> None:
        """Take over the ages at which the messages of each provider settle. They do not depend on the configuration."""
        self._endings = dict(before._endings)

    async def finish(self) -> None:
        """Start no more polls, and wait for those in progress."""
        if self._hurrying is not None:
            self._hurrying.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def aclose(self) -> None:
        """Cancel the polls in progress. Their rows are free when the lease expires, and at the next start."""
        if self._hurrying is not None:
            self._hurrying.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hurry(self) -> None:
        self._hurrying = None
        self.hurry()

    def _looking(self, place: str) -> PollingRound:
        looking = self._places.get(place)
        if looking is None:
            entry = self._entries[place]
            endings = self._endings.setdefault(entry.back.name, SettlingAges())
            looking = self._places[place] = PollingRound(place, entry, self._accounts, self._kit, endings)
        return looking

    async def _look(self, place: str) -> None:
        looking = self._looking(place)
        try:
            async with self._side_by_side.setdefault(looking.back, asyncio.Semaphore(_SIDE_BY_SIDE)):
                await looking.round()
        except StoreUnavailable as error:
            logger().warning("store-down", loop="status-poller", why=str(error))
        except Exception as error:  # noqa: BLE001 - any other error is logged
            logger().error("defect", loop="status-poller", traceback=redacted_traceback(error))

    def _done(self, place: str, _: "asyncio.Task[None]") -> None:
        self._tasks.pop(place, None)
        backlogs: Counter[str] = Counter()
        for looking in self._places.values():
            backlogs[looking.back] += looking.backlog
        self._kit.meter.show_polling(backlogs)

    def _forget(self, places: Sequence[str]) -> None:
        """Drop the provider accounts that have no more subscriptions."""
        for place in set(self._places).difference(places, self._tasks):
            self._places[place].backlog = 0
            if not self._places[place].has_front:
                del self._places[place]

    async def _remind(self, now: float) -> None:
        """Warn about subscriptions that cannot be polled, because their provider account or their account is no longer configured.
        They are never polled at another provider account."""
        if 0 <= now - self._reminded < _REMINDED:
            return
        self._reminded = now
        stranded: Counter[str] = Counter()
        oldest: dict[str, float] = {}
        for one in await self._kit.store.read(partial(subscriptions.waiting_counts, now=now)):
            if one.provider_account not in self._entries or one.account not in self._accounts.by_name:
                back = one.provider_account.partition("/")[0]
                stranded[back] += one.many
                oldest[back] = max(oldest.get(back, 0.0), one.oldest)
        for back, many in stranded.items():
            logger().warning("poll-stranded", back=back, waiting=many, oldest=round(oldest[back]))
        self._kit.meter.show_polling({}, stranded)
