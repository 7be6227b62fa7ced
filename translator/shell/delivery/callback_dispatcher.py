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
from typing import Any, Final, Protocol

from translator.shell.aio.clocks import SteadyClock
from translator.shell.aio.retry_after import LONGEST, retry_after
from translator.shell.delivery.callback_budget import PACE, UNPROVEN, CallbackBudget
from translator.shell.delivery.callback_client import CallbackClient
from translator.shell.delivery.callback_connection import Answer, Undelivered
from translator.shell.delivery.callback_log import CallbackLog
from translator.shell.delivery.callback_settings import DEFAULTS, Dispatching
from translator.shell.delivery.callback_slots import CallbackSlot, CallbackSlots
from translator.shell.delivery.callback_url_policy import (
    CallbackUrlPolicy,
    ResolvedTarget,
    UnresolvableHost,
    UrlRejected,
)
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.store import Store, StoreUnavailable, deliveries
from translator.shell.store.deliveries import DEAD, DELIVERED, DUE, Destination, Settled

LEASE: Final = 60.0
"""Seconds of the lease of a delivery. The delivery starts in the first half of the lease and ends before the lease does."""

LOOK: Final = 0.02
"""Seconds between two queries for due deliveries, while there are any."""

_FULL: Final = 0.1  # the same if each destination with due deliveries is at its limit

_JITTER: Final = 0.1
_MEASURE: Final = 10.0  # seconds between two measurements of the backlog

_REPAIR: Final = 60.0
_HORIZON: Final = LONGEST * (1 + _JITTER) + LEASE
"""Seconds within which each delivery is due. A later due time was written before the clock was set back."""


class Client(Protocol):
    """The HTTP client that the dispatcher needs, such as `CallbackClient`. `deliver` raises Undelivered."""

    async def deliver(self, vetted: ResolvedTarget, method: str, form: str) -> Answer: ...

    async def aclose(self) -> None: ...


class CallbackDispatcher:
    """Runs one round at a time, see `worker`. `client` replaces the sockets, for tests. `rouse` starts another round. A `pace` of 0.0
    removes the delay between two rounds."""

    def __init__(
        self, store: Store, vetting: CallbackUrlPolicy, meter: Meter, rules: Dispatching = DEFAULTS, *,
        client: Client | None = None, clock: Callable[[], float] = time.time, pace: float = PACE,
    ) -> None:  # fmt: skip
        self._store, self._vetting, self._meter, self._rules, self._clock = store, vetting, meter, rules, clock
        self._client = client or CallbackClient()
        self._pace = pace
        self._places = CallbackSlots(rules.concurrency)
        self._settled: list[Settled] = []
        self._running: set[asyncio.Task[None]] = set()
        self._commit: asyncio.Future[bool] | None = None
        self._after = dict.fromkeys(deliveries.STANDINGS, "")
        self._look_at = self._measure_at = self._repair_at = 0.0
        self._budget, self._turns = CallbackBudget(pace), 0
        self._alarm: asyncio.TimerHandle | None = None
        self._log = CallbackLog(meter)
        self._is_closing = False
        self.rouse: Callable[[], None] = lambda: None

    def change(self, rules: Dispatching) -> None:
        """Follow these rules from the next round on."""
        self._rules = rules
        self._places.each = rules.concurrency

    def wake(self) -> None:
        """Start a round, because a new delivery is due."""
        self._look_at = 0.0
        self.rouse()

    async def round(self) -> bool:
        """Record outcomes, lease as many deliveries as there are slots for, and start them. True if another round has work at once."""
        at = asyncio.get_running_loop().time()
        await self._keep_time(at)
        room = {one.destination: self._places.room(one.destination) for one in self._settled}
        if self._places.free > 0 and not self._is_closing:
            if at >= self._look_at:
                await self._look(room, at)
            else:
                self._look_again(at)
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
                self._log.note(one, taken.sids.get(one.row["id"], ""))
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
        if self._alarm is not None:
            self._alarm.cancel()
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
            await self._client.aclose()

    # ---- due deliveries ------------------------------------------------------------------------------------------------

    async def _look(self, room: dict[Destination, int], at: float) -> None:
        """Add the due destinations that have free slots: first the proven ones, then a few of the others."""
        unproven = self._budget.left(at)
        standings = deliveries.STANDINGS if unproven else (deliveries.PROVEN,)
        busy, now = len(self._places), self._clock()
        self._look_at = at + LOOK * (self._pace > 0)
        most = [busy + (self._places.free if standing == deliveries.PROVEN else UNPROVEN) for standing in standings]
        looked = await self._store.read(
            lambda connection: [
                deliveries.find_due(connection, standing, now, many, self._after[standing])
                for standing, many in zip(standings, most, strict=True)
            ]
        )
        due = [found for found, _ in looked]
        self._after.update(zip(standings, [after for _, after in looked], strict=True))
        settled = len(room)
        self._places.choose(due[0], self._places.free, room)
        before = len(room)
        self._turns += 1
        for turn in range(len(due) - 1):  # the other standings take turns in coming first
            found = due[1 + (self._turns + turn) % (len(due) - 1)]
            self._places.choose(found, unproven + before - len(room), room)
        if len(room) > before:
            self._budget.begun(at)
        if any(due):
            if len(room) == settled:
                self._look_at = at + _FULL * (self._pace > 0)
            self._look_again(at)

    def _look_again(self, at: float) -> None:
        """Schedule another query, because deliveries may be due that were not started."""
        if self._alarm is None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_at(max(self._look_at, min(self._budget.again_at, at + PACE)), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.rouse()

    async def _keep_time(self, at: float) -> None:
        """From time to time follow the database's clock, repair due times after the clock was set back, and measure the backlog."""
        if at >= self._repair_at:
            is_first = not self._repair_at
            if self._store.shared and isinstance(self._clock, SteadyClock):
                self._clock.set_by(await self._store.read(deliveries.database_time))
            now = self._clock()
            if late := await self._store.read(partial(deliveries.too_late, now=now, horizon=_HORIZON)):
                await self._store.write(partial(deliveries.hasten, late=late, now=now, horizon=_HORIZON))
            if is_first and not self._store.shared and (left := await self._store.read(deliveries.leased)):
                await self._store.write(partial(deliveries.release, at=left, now=now))
            self._repair_at = at + _REPAIR  # after the store was down, the repair runs as soon as the store answers
        if at >= self._measure_at:
            self._measure_at = at + _MEASURE
            now = self._clock()
            waits, paused = await self._store.read(
                lambda connection: (deliveries.lag(connection, now), deliveries.paused(connection))
            )
            self._meter.show("callback_lag_seconds", waits)
            self._meter.show("destinations_paused", paused)

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
            Settled(row, DUE, "", now, counts=False, begun=now, ended=now) for row in self._places.let_go(place)
        ]

    async def _deliver(self, place: CallbackSlot, row: dict[str, Any], until: float) -> None:
        """Make one delivery. Skip it if half of the lease has passed, because another replica might own it before it ends."""
        loop = asyncio.get_running_loop()
        at, begun = loop.time(), self._clock()
        answered = counts = False
        why, wait = "not begun in time", 0.0
        try:
            if at < until:
                why, wait, counts = await self._tell(row, until)
                answered = not why
        except Exception as error:  # noqa: BLE001 - any other error is logged
            logger().error("defect", loop="dispatcher", traceback=redacted_traceback(error))
            why, counts = "defect", True
        finally:
            self._places.end(place, loop.time() - at, answered=answered)
        self._settled.append(self._outcome(row, why, wait, begun=begun, counts=counts))
        if counts and not answered:
            self._budget.failed()
        if not answered or self._places.is_tight(place):
            self._put_back(place)
        self._begin(place)
        if answered:
            self.rouse()
        else:
            self._look_again(loop.time())  # thousands of failures are recorded together, a few times a second

    async def _tell(self, row: dict[str, Any], until: float) -> tuple[str, float, bool]:
        """Send one callback. Returns the reason of a failure or "", the receiver's `Retry-After` in seconds, and if it counts as a try."""
        try:
            vetted = await self._vetting.resolve_target(row["address"], row["entry"])
            where = f"{vetted.ip} {vetted.destination.rpartition(':')[2]}"
            begins = asyncio.timeout_at(until)
            async with begins, self._places.address(where, row["entry"]):
                begins.reschedule(None)
                answer = await self._client.deliver(vetted, row["method"], row["form"])
        except UrlRejected as error:
            return f"forbidden: the address {error}; {error.remedy}".removesuffix("; "), 0.0, True
        except UnresolvableHost:
            return "the name does not resolve", 0.0, True
        except Undelivered as error:
            return str(error), 0.0, True
        except (TimeoutError, OSError):
            return "too many calls to one address", 0.0, False
        if 200 <= answer.status <= 299:
            return "", 0.0, True
        return f"answered {answer.status}", retry_after(answer.retry_after, self._clock()), True

    def _outcome(self, row: dict[str, Any], why: str, wait: float, *, begun: float, counts: bool) -> Settled:
        """Return the outcome to be recorded for a delivery that has ended."""
        now = self._clock()
        if counts and not why:
            return Settled(row, DELIVERED, "", None, counts=True, begun=begun, ended=now)
        if counts and row["tries"] >= len(self._rules.gaps):
            return Settled(row, DEAD, why, None, counts=True, begun=begun, ended=now)
        due_at = now + 1.0
        if counts:
            gap = self._rules.gaps[row["tries"]] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter is no secret
            due_at = now + max(gap, wait)
        return Settled(row, DUE, why, due_at, counts=counts, begun=begun, ended=now)
