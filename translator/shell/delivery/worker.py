"""Background workers: reconciliation, status polling, deliveries and retention.

Each worker repeats a round: at once while there is work, otherwise when it is woken or its time has come. A round that fails is
logged and tried again. A failure loses no row of the store.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

from sqlalchemy import Connection

from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.store import Store, StoreUnavailable, delivery_admin, pending, sends
from translator.shell.store.retention import Keep, Over, Retirement
from translator.shell.store.states import DeliveryState, SendState

_AGAIN: Final = 1.0
"""Seconds after which a failed round is tried again."""

_RETIRE: Final = 10.0
"""Seconds between two retention rounds."""

_COUNT: Final = 30.0
"""Seconds between two counts of the backlog."""

_PAGE: Final = 1000
"""Rows of a table that one retention round reads."""

_FEWEST: Final = 20
_WANTED: Final = 0.004
"""`_FEWEST` is the least number of rows that one transaction deletes. `_WANTED` is the number of seconds that it should take."""

_PAUSES: Final = 2.0
"""The pause after a deletion, as a multiple of its duration. The deleted pages are then copied into the file in smaller parts, and a
send waits less for the disk. With 1.0, 11,600 rows a second were deleted and a send waited up to 196 ms (docs/traffic.md)."""


class PeriodicWorker:
    """Runs rounds one after another: `rest` seconds apart if there is no work, `gap` seconds apart if there is."""

    def __init__(self, name: str, round_: Callable[[], Awaitable[bool]], *, rest: float, gap: float = 0.0) -> None:
        self.name, self._round, self._rest, self._gap = name, round_, rest, gap
        self.why = ""
        """The reason why the last round failed, empty if it did not."""
        self._woken = asyncio.Event()

    def pace(self, *, rest: float, gap: float) -> None:
        """Change the delays from the next round on."""
        self._rest, self._gap = rest, gap

    def wake(self) -> None:
        """Start a round, because there is work."""
        self._woken.set()

    async def run(self) -> None:
        """Run until cancelled, even if a round swallows the cancellation."""
        task = asyncio.current_task()
        while task is None or not task.cancelling():
            self._woken.clear()
            try:
                rest = self._gap if await self._round() else self._rest
                self.why = ""
            except StoreUnavailable as error:
                self.why = f"the store does not answer: {error}"
                logger().warning("store-down", loop=self.name, why=str(error))
                rest = _AGAIN
            except Exception as error:  # noqa: BLE001 - any other error is logged
                self.why = f"the {self.name} fails: {type(error).__name__}"
                logger().error("defect", loop=self.name, traceback=redacted_traceback(error))
                rest = _AGAIN
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._woken.wait()


class Pace:
    """The number of rows that a transaction deletes, fitted to the time that a send may have to wait for it."""

    def __init__(self, wanted: float = _WANTED) -> None:
        self._wanted = wanted
        self.rows = _FEWEST

    def took(self, seconds: float) -> None:
        """Adapt the number of rows to the duration of a transaction."""
        by = min(1.5, max(0.5, self._wanted / max(seconds, 1e-6)))
        self.rows = int(min(_PAGE, max(_FEWEST, self.rows * by)))


def retiring(
    store: Store, keep: Callable[[], Keep], meter: Meter, is_known: Callable[[str], bool] = lambda _: True,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> PeriodicWorker:  # fmt: skip
    """Return the worker that deletes rows that were finished long ago, and counts the backlog.

    keep: Returns the present retention policy.
    is_known: True for a provider account that is still polled.
    sleep: Pauses for some seconds after each step, `_PAUSES` times as long as the step took.
    """
    retirement, pace, counted = Retirement(keep(), is_known), Pace(), -_COUNT

    async def round_() -> bool:
        nonlocal counted
        if time.monotonic() >= counted + _COUNT:
            counted = time.monotonic()
            await _count(store, meter, time.time())
        now, retirement.keep = time.time(), keep()
        over = await store.read(partial(retirement.find, most=_PAGE, now=now))
        is_last, is_full, done = over.is_last, over.is_full, 0
        while over:
            some, over = over.first(pace.rows)
            try:
                took, gone = await store.write_behind(partial(_timed, retirement.delete, over=some, now=now))
            except StoreUnavailable:
                retirement.start_again()
                raise
            done += gone
            pace.took(took)
            if some.forsaken:
                _say_forsaken(len(some.forsaken), meter)
            await sleep(took * _PAUSES)  # a step that waited for its turn has left the store to others already
        return not is_last or (is_full and done > 0)

    return PeriodicWorker("retention", round_, rest=_RETIRE)


def _timed(delete: Callable[..., int], connection: Connection, over: Over, now: float) -> tuple[float, int]:
    """Return the seconds that a deletion took, and its number of rows. The commit is left out, because its duration hardly depends
    on the number of rows."""
    began = time.perf_counter()
    gone = delete(connection, over, now)
    return time.perf_counter() - began, gone


async def _count(store: Store, meter: Meter, now: float) -> None:
    unfinished = (SendState.INTENT, SendState.UNKNOWN, SendState.UNRESOLVED)
    meter.set_backlog("sends", await store.read(sends.counted), unfinished)
    kept = (DeliveryState.DUE, DeliveryState.DEAD)
    meter.set_backlog("callback_deliveries", await store.read(delivery_admin.counted), kept)
    count, since = await store.read(pending.waits)
    meter.set_backlog("callback_subscriptions", {pending.WAITING: count}, (pending.WAITING,))
    oldest = {
        ("callback_subscriptions", pending.WAITING): since,
        ("sends", SendState.UNKNOWN): await store.read(pending.oldest_unknown),
    }
    for (table, state), made in oldest.items():
        meter.show_oldest(table, state, 0.0 if made is None else max(0.0, now - made))


def _say_forsaken(count: int, meter: Meter) -> None:
    """Log and count subscriptions that were given up because their provider account is no longer configured. If it were, `poll_end`
    would have ended them."""
    logger().warning("subscriptions-abandoned", count=count)
    for _ in range(count):
        meter.count_callback("unheard")


async def _begun() -> bool:
    return True


async def _behind(first: Callable[[], Awaitable[bool]], loops: "Sequence[Running]") -> None:
    while not await first():  # noqa: ASYNC110 - each turn is an attempt, there is no event to wait for
        await asyncio.sleep(_AGAIN)
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop.run())


class Running(Protocol):
    """A worker that runs until it is cancelled."""

    async def run(self) -> None: ...


@contextlib.asynccontextmanager
async def going_on(loops: Sequence[Running], first: Callable[[], Awaitable[bool]] = _begun) -> AsyncIterator[None]:
    """Run these workers during the block. They start when `first` returns true. Until then it is called every second."""
    is_begun = await first()
    task = asyncio.create_task(_behind(_begun if is_begun else first, loops))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
