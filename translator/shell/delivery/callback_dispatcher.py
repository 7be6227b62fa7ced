"""The dispatcher makes the deliveries that are due: each at least once, those of one message in order.

    due ─▶ leased ─▶ prefetched, or started at once ─▶ URL policy ─▶ request ─┬▶ 2xx: delivered
     ▲                                                                         ├▶ else: due again after the backoff, or dead
     └── one commit records the outcomes and leases more deliveries            ┘

A delivery that ends starts the next one of its destination at once, and wakes the dispatcher. Outcomes that arrive during a commit wait
for the next one. The store holds the circuit breakers, so an idle destination needs no memory here.
"""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial

from translator.shell.delivery.callback_attempts import CallbackAttempts, Client
from translator.shell.delivery.callback_budget import PACE
from translator.shell.delivery.callback_client import CallbackClient
from translator.shell.delivery.callback_log import CallbackLog
from translator.shell.delivery.callback_search import DueSearch
from translator.shell.delivery.callback_settings import DEFAULTS, Dispatching
from translator.shell.delivery.callback_slots import CallbackSlot, CallbackSlots
from translator.shell.delivery.callback_upkeep import JITTER, LEASE, DispatcherUpkeep
from translator.shell.delivery.callback_url_policy import (
    CallbackUrlPolicy,
)
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.store import Store, StoreUnavailable, deliveries
from translator.shell.store.deliveries import Destination, Settled
from translator.shell.store.rows import LeasedDelivery
from translator.shell.store.states import DeliveryState


class CallbackDispatcher:
    """Runs one round at a time, see `worker`. `client` replaces the sockets, for tests. `rouse` starts another round. A `pace` of 0.0
    removes the delay between two rounds."""

    def __init__(
        self, store: Store, vetting: CallbackUrlPolicy, meter: Meter, rules: Dispatching = DEFAULTS, *,
        client: Client | None = None, clock: Callable[[], float] = time.time, pace: float = PACE,
    ) -> None:  # fmt: skip
        self._store, self._rules, self._clock = store, rules, clock
        self._places = CallbackSlots(rules.concurrency)
        self._attempts = CallbackAttempts(vetting, self._places, client or CallbackClient(), clock)
        self._search = DueSearch(store, clock, self._places, pace)
        self._settled: list[Settled] = []
        self._running: set[asyncio.Task[None]] = set()
        self._commit: asyncio.Future[bool] | None = None
        self._upkeep = DispatcherUpkeep(store, meter, clock)
        self._log = CallbackLog(meter)
        self._is_closing = False

    @property
    def rouse(self) -> Callable[[], None]:
        """Starts another round."""
        return self._search.rouse

    @rouse.setter
    def rouse(self, rouse: Callable[[], None]) -> None:
        self._search.rouse = rouse

    def change(self, rules: Dispatching) -> None:
        """Follow these rules from the next round on."""
        self._rules = rules
        self._places.each = rules.concurrency

    def wake(self) -> None:
        """Start a round, because a new delivery is due."""
        self._search.next_at = 0.0
        self.rouse()

    async def round(self) -> bool:
        """Record outcomes, lease as many deliveries as there are slots for, and start them. True if another round has work at once."""
        at = asyncio.get_running_loop().time()
        await self._upkeep.run(at)
        room = {one.destination: self._places.room(one.destination) for one in self._settled}
        if self._places.free > 0 and not self._is_closing:
            await self._search.run(room, at)
        if self._is_closing:
            room = {}
        if not self._settled and not room:
            return False
        settled, self._settled = self._settled, []
        self._commit = asyncio.ensure_future(self._turn(settled, room))
        return await asyncio.shield(self._commit)  # `aclose` has to know the leased rows, cancelled or not

    async def _turn(self, settled: list[Settled], room: dict[Destination, int]) -> bool:
        until = asyncio.get_running_loop().time() + LEASE / 2
        turn = partial(
            deliveries.turn, settled=settled, room=room, now=self._clock(), lease=LEASE, breaker=self._rules.breaker
        )
        try:
            taken = await self._store.write(turn)
        except Exception:
            self._settled[:0] = settled  # the outcomes are final, and are recorded when the store answers again
            raise
        for one, is_held in zip(settled, taken.held, strict=True):
            if is_held:
                self._log.note(one, taken.sids.get(one.delivery.id, ""))
        for row in taken.rows:
            self._places.hold(row, until)
        for place in self._places:
            self._begin(place)
        self._places.forget_idle()
        return bool(taken.rows or self._settled)

    async def until_quiet(self, *, most: int = 1000) -> None:
        """Run rounds until no delivery is due and none is in progress."""
        for _ in range(most):
            begun = await self.round()
            if self._running:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            elif not begun and not self._settled:
                return

    async def aclose(self) -> None:
        """Release the leases of deliveries that have not started, let the others end, record them, and close the connections."""
        self._is_closing = True
        self._search.close()
        if self._commit is not None:
            await asyncio.gather(self._commit, return_exceptions=True)
        for place in self._places:
            self._put_back(place)
        if self._running:
            await asyncio.wait(self._running, timeout=LEASE / 4)
        try:
            await self.round()
        except StoreUnavailable as error:
            logger().warning(
                "store-down", why=str(error)
            )  # the leases expire, and the deliveries are repeated: at least once
        finally:
            await self._attempts.aclose()

    # ---- one delivery --------------------------------------------------------------------------------------------------

    def _begin(self, place: CallbackSlot) -> None:
        """Start as many deliveries of a destination as it has free slots."""
        while not self._is_closing and (next_one := self._places.begin(place)) is not None:
            row, until = next_one
            task = asyncio.create_task(self._deliver(place, row, until))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _put_back(self, place: CallbackSlot) -> None:
        """Release the prefetched deliveries of a destination, so that any replica can lease them."""
        now = self._clock()
        self._settled += [
            Settled(row, DeliveryState.DUE, "", now, counts=False, begun=now, ended=now)
            for row in self._places.let_go(place)
        ]

    async def _deliver(self, place: CallbackSlot, row: LeasedDelivery, until: float) -> None:
        """Make one delivery. Skip it if half of the lease has passed, because another replica might own it before it ends."""
        loop = asyncio.get_running_loop()
        at, begun = loop.time(), self._clock()
        answered = counts = False
        why, wait = "not begun in time", 0.0
        try:
            if at < until:
                why, wait, counts = await self._attempts.make(row, until)
                answered = not why
        except Exception as error:  # noqa: BLE001 - any other error is logged
            logger().error("defect", loop="dispatcher", traceback=redacted_traceback(error))
            why, counts = "defect", True
        finally:
            self._places.end(place, loop.time() - at, answered=answered)
        self._settled.append(self._outcome(row, why, wait, begun=begun, counts=counts))
        if counts and not answered:
            self._search.budget.failed()
        if not answered or self._places.is_tight(place):
            self._put_back(place)
        self._begin(place)
        if answered:
            self.rouse()
        else:
            self._search.schedule(loop.time())  # thousands of failures are recorded together, a few times a second

    def _outcome(self, row: LeasedDelivery, why: str, wait: float, *, begun: float, counts: bool) -> Settled:
        """Return the outcome to be recorded for a delivery that has ended."""
        now = self._clock()
        if counts and not why:
            return Settled(row, DeliveryState.DELIVERED, "", None, counts=True, begun=begun, ended=now)
        if counts and row.attempts >= len(self._rules.gaps):
            return Settled(row, DeliveryState.DEAD, why, None, counts=True, begun=begun, ended=now)
        due_at = now + 1.0
        if counts:
            gap = self._rules.gaps[row.attempts] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - jitter is no secret
            due_at = now + max(gap, wait)
        return Settled(row, DeliveryState.DUE, why, due_at, counts=counts, begun=begun, ended=now)
