"""Polls one provider account: reads subscriptions from the store, reads their messages at the provider, and queues deliveries.

store ─▶ hold ─▶ sweep ─▶ choose ─▶ take ─▶ look ─▶ results, see `polling_results`
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from translator.core.accounts import Account, Accounts
from translator.core.errors import MalformedProviderResponse, TranslatorError
from translator.core.model import Message, Notes
from translator.core.status_polling import (
    MOST,
    Chosen,
    Known,
    PolledAccount,
    RateLimit,
    Seen,
    SettlingAges,
    look,
    look_through,
    looked_at,
)
from translator.shell.delivery.clock_differences import SLACK, ClockDifferences
from translator.shell.delivery.poll_settings import Kit
from translator.shell.delivery.polling_results import ResultWriter, steps
from translator.shell.observability.log import logger
from translator.shell.runtime.effect_runner import RequestContext
from translator.shell.store import subscriptions
from translator.shell.store.subscriptions import LeasedSubscription, WaitingSubscription

LEASE: Final = 60.0
"""Seconds of the lease of a subscription."""

_FRESH: Final = 10_000
"""The number of new subscriptions that one round reads."""

_PAGE: Final = 5_000
"""The number of older subscriptions that one round reads."""

_REST: Final = 60.0
"""Seconds between two passes over all subscriptions, and between two warnings."""

_SAMPLE: Final = 50
"""The number of messages that the clock difference is measured by."""


class _Position:
    """The progress of the rounds through the subscriptions in the store.

    cursor: The position to continue from, None at the end of a pass.
    walked: The time of the last read of older subscriptions.
    fresh_to: The time up to which new subscriptions were read, None before the first read.
    """

    def __init__(self) -> None:
        self.cursor: tuple[float, int] | None = (-1.0, 0)
        self.walked = -_REST
        self.fresh_to: float | None = None


class PollingRound:
    """Polls one provider account, one round at a time, with the credentials of `entry`. `backlog` is the number of due messages."""

    def __init__(self, name: str, entry: Account, accounts: Accounts, kit: Kit, endings: SettlingAges) -> None:
        self._name, self._entry, self._accounts, self._kit = name, entry, accounts, kit
        self._place = PolledAccount(entry, kit.polling.poll, endings)
        self._allowance = RateLimit(kit.polling.asks, kit.polling.poll)
        self._position = _Position()
        self._warned = -_REST
        self._clocks = ClockDifferences()
        self._results = ResultWriter(self._place, accounts, kit, entry.back.name)
        self.backlog = 0

    @property
    def back(self) -> str:
        return self._entry.back.name

    @property
    def has_front(self) -> bool:
        """True if a message of this provider account may have changed and is to be polled first."""
        return self._place.has_front

    async def hasten(self, ids: Sequence[int]) -> None:
        """Poll these messages first, because they may have changed."""
        strange = [id_ for id_ in ids if not self._place.holds(id_)]
        if strange:
            found = await self._kit.store.read(partial(subscriptions.held_by_ids, ids=strange))
            self._hold(found, self._kit.clock(), 2 * MOST)
        self._place.put_in_front(ids)

    async def round(self) -> None:
        """Poll once. Raises StoreUnavailable."""
        now, notes, seen = self._kit.clock(), Notes(), Seen()
        await self._read_store(now)
        asks = self._allowance.left(now)
        if asks and len(self._place):
            changed = await self._swept(now, asks, notes)
            chosen = self._place.choose(now + self._clocks.ahead, asks - notes.asks, notes.asks)
            await self._look(chosen, changed, asks, seen, now, notes)
        self._allowance.spend(notes.asks)
        self._say(notes, now)

    # ---- subscriptions -----------------------------------------------------------------------------------------------

    async def _read_store(self, now: float) -> None:
        """Read the subscriptions that are new since the last round, and some older ones while there is room."""
        read, begun = self._kit.store.read, self._position.fresh_to
        since = 0.0 if begun is None else max(0.0, now - begun)
        self._position.fresh_to = now
        for at in self._clocks.recorded_at(now, self._kit.wall()):
            fresh = partial(
                subscriptions.new_between, place=self._name, first=at - since - SLACK, last=at + SLACK, most=_FRESH
            )
            self._hold(await read(fresh), now, 2 * MOST, at)
        if self._position.cursor is None:
            if 0 <= now - self._position.walked < _REST or len(self._place) >= MOST:
                return
            self._position.cursor = (-1.0, 0)
        self._position.walked = now
        if len(self._place) < MOST:
            page = partial(subscriptions.held_from, place=self._name, after=self._position.cursor, most=_PAGE)
            found, self._position.cursor = await read(page)
            self._hold(found, now, MOST)

    def _hold(self, found: Sequence[WaitingSubscription], now: float, most: int, at: float | None = None) -> None:
        """Poll these subscriptions from now on, except those of accounts that are no longer configured: their dialect is unknown.
        `at` is the time by the clock that these were recorded with, by default the wall clock."""
        poll, known = self._kit.polling.poll, self._accounts.by_name
        self._clocks.measure([one.created - one.created_at for one in found[-_SAMPLE:]], now, self._kit.wall(), at)
        ahead = self._clocks.ahead
        self._place.hold(
            [
                Known(
                    one.id, one.sid, one.created, one.notified.rpartition(",")[2],
                    looked_at(one.next_check_at, one.checks, one.created_at, now, poll) + ahead,
                )
                for one in found
                if one.account in known
            ],
            now + ahead,
            most,
        )  # fmt: skip

    # ---- provider requests -------------------------------------------------------------------------------------------

    async def _swept(self, now: float, asks: int, notes: Notes) -> dict[int, Message]:
        """Read the messages that are still open, and return those with a new status."""
        what = self._place.sweep(now + self._clocks.ahead, asks)
        if what is None:
            return {}
        try:
            reading = await self._kit.driver.run(
                RequestContext(f"poll-{int(now)}"), look_through(self._entry, what, now, notes)
            )
        except MalformedProviderResponse:
            notes.add("poll-search-failed")
            self._place.took(_failed(), {}, now + self._clocks.ahead)
            return {}
        except TranslatorError as error:
            logger().warning("poll-failed", why=str(error), back=self.back)
            return {}
        return self._place.swept(what, reading, now + self._clocks.ahead)

    async def _look(
        self, chosen: Chosen, changed: Mapping[int, Message], asks: int, seen: Seen, now: float, notes: Notes
    ) -> None:
        """Poll the chosen messages, and queue deliveries for them and for the `changed` ones."""
        windows = {held.id for window in chosen.windows for held in window.waits()}
        ids = sorted({*windows, *(held.id for held in chosen.singles), *changed})
        if not ids:
            return
        mine, rows = await self._take(ids, now)
        self._place.drop(set(ids).difference(row.id for row in rows))
        chosen = Chosen(
            tuple([window for window in chosen.windows if any(held.id in mine for held in window.waits())]),
            tuple([held for held in chosen.singles if held.id in mine]),
        )
        try:
            steps = look(self._entry, chosen, asks - notes.asks, seen, now, notes)
            await self._kit.driver.run(RequestContext(f"poll-{int(now)}"), steps)
        except TranslatorError as error:
            logger().warning("poll-failed", why=str(error), back=self.back)
        finally:
            seen.rows |= {message.sid: message for message in changed.values()}
            await self._results.write([row for row in rows if row.id in mine], seen, self._clocks.ahead)

    async def _take(self, ids: Sequence[int], now: float) -> tuple[set[int], list[LeasedSubscription]]:
        """Lease these subscriptions in steps. Return the ids of the leased ones, and all that still wait."""
        mine: set[int] = set()
        rows: list[LeasedSubscription] = []
        for some in steps(ids):
            mine |= await self._kit.store.write(partial(subscriptions.take, ids=some, now=now, lease=LEASE))
            rows += await self._kit.store.read(partial(subscriptions.taken, ids=some))
        return mine, rows

    def _say(self, notes: Notes, now: float) -> None:
        """Log the notes and the backlog of a round, and update the metrics."""
        for note in dict.fromkeys(note.name for note in notes.items):
            logger().warning(note, back=self.back)
        backlog = self._place.backlog(now + self._clocks.ahead)
        self.backlog = backlog.due
        self._kit.meter.count_polls(self.back, "put-off", backlog.due)
        if backlog.late and not 0 <= now - self._warned < _REST:
            self._warned = now
            logger().warning(
                "poll-behind", back=self.back, due=backlog.due, late=backlog.late, asked=notes.asks, oldest=round(backlog.oldest)
            )  # fmt: skip


def _failed() -> Seen:
    seen = Seen()
    seen.failed = True
    return seen
