"""Polls one provider account: reads subscriptions from the store, reads their messages at the provider, and queues deliveries.

store ─▶ hold ─▶ sweep ─▶ choose ─▶ take (one transaction) ─▶ look ─▶ seen (one transaction)
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from translator.core.accounts import Account, Accounts
from translator.core.errors import MalformedProviderResponse, TranslatorError
from translator.core.http.formats import form
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
    pause,
)
from translator.shell.delivery.callback_url_policy import destination_of, parsed
from translator.shell.delivery.poll_settings import Kit
from translator.shell.observability.log import logger
from translator.shell.runtime.effect_runner import RequestContext
from translator.shell.store import subscriptions
from translator.shell.store.calls import CallbackDelivery
from translator.shell.store.subscriptions import Look, Open, Taken

LEASE: Final = 60.0
"""Seconds of the lease of a subscription."""

_FRESH: Final = 10_000
"""The number of new subscriptions that one round reads."""

_PAGE: Final = 5_000
"""The number of older subscriptions that one round reads."""

_SLACK: Final = 30.0
"""Seconds of tolerance, because a send is recorded a little after its time, and clocks of replicas differ."""

_REST: Final = 60.0
"""Seconds between two passes over all subscriptions, and between two warnings."""

_SAMPLE: Final = 50
_ALIKE: Final = 10.0
"""`_SAMPLE` is the number of messages that the clock difference is measured by. Below `_ALIKE` seconds it counts as none."""

_YIELD: Final = 200
"""The number of rows after which other tasks get a turn."""


class PollingRound:
    """Polls one provider account, one round at a time, with the credentials of `entry`. `backlog` is the number of due messages."""

    def __init__(self, name: str, entry: Account, accounts: Accounts, kit: Kit, endings: SettlingAges) -> None:
        self._name, self._entry, self._accounts, self._kit = name, entry, accounts, kit
        self._place = PolledAccount(entry, kit.polling.poll, endings)
        self._allowance = RateLimit(kit.polling.asks, kit.polling.poll)
        self._cursor: tuple[float, int] | None = (-1.0, 0)
        self._walked = self._warned = -_REST
        self._fresh_to: float | None = None
        self._ahead = self._ahead_of_wall = self._wall_before = 0.0
        """Seconds by which the provider's clock is ahead of ours, and of the wall clock. Ages follow the provider's clock, as `created`
        does. `_wall_before` is the number of seconds by which the wall clock was ahead of ours in the last round."""
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
            chosen = self._place.choose(now + self._ahead, asks - notes.asks, notes.asks)
            await self._look(chosen, changed, asks, seen, now, notes)
        self._allowance.spend(notes.asks)
        self._say(notes, now)

    # ---- subscriptions -----------------------------------------------------------------------------------------------

    async def _read_store(self, now: float) -> None:
        """Read the subscriptions that are new since the last round, and some older ones while there is room."""
        read, begun = self._kit.store.read, self._fresh_to
        since = 0.0 if begun is None else max(0.0, now - begun)
        self._fresh_to = now
        for at in self._clocks(now):
            fresh = partial(
                subscriptions.new_between, place=self._name, first=at - since - _SLACK, last=at + _SLACK, most=_FRESH
            )
            self._hold(await read(fresh), now, 2 * MOST, at)
        if self._cursor is None:
            if 0 <= now - self._walked < _REST or len(self._place) >= MOST:
                return
            self._cursor = (-1.0, 0)
        self._walked = now
        if len(self._place) < MOST:
            page = partial(subscriptions.held_from, place=self._name, after=self._cursor, most=_PAGE)
            found, self._cursor = await read(page)
            self._hold(found, now, MOST)

    def _clocks(self, now: float) -> tuple[float, ...]:
        """Return the times that new sends may have been recorded with, that of the wall clock last. There are two if the wall clock was
        set, because some sends were recorded before. There is a third if it was set again since the last round."""
        wall, before = self._kit.wall() - now, self._wall_before
        self._wall_before = wall
        self._be_ahead(wall)
        found = [0.0]
        for other in (wall, before):
            if all(abs(other - one) >= _SLACK / 2 for one in found):
                found.append(other) if other == wall else found.insert(0, other)
        return tuple(now + one for one in found)

    def _be_ahead(self, wall_ahead: float) -> None:
        ahead = self._ahead_of_wall + wall_ahead
        self._ahead = 0.0 if abs(ahead) < _ALIKE else ahead

    def _hold(self, found: Sequence[Open], now: float, most: int, at: float | None = None) -> None:
        """Poll these subscriptions from now on, except those of accounts that are no longer configured: their dialect is unknown.
        `at` is the time by the clock that these were recorded with, by default the wall clock."""
        poll, known = self._kit.polling.poll, self._accounts.by_name
        self._measure(found, now, at)
        ahead = self._ahead
        self._place.hold(
            [
                Known(
                    one.id, one.sid, one.created, one.told.rpartition(",")[2],
                    looked_at(one.look_at, one.looks, one.made, now, poll) + ahead,
                )
                for one in found
                if one.entry in known
            ],
            now + ahead,
            most,
        )  # fmt: skip

    def _measure(self, found: Sequence[Open], now: float, at: float | None) -> None:
        """Measure how far the provider's clock is ahead: the median of the times from a send to the creation of its message."""
        if found:
            wall = self._kit.wall()
            newest = sorted(one.created - one.made for one in found[-_SAMPLE:])
            self._ahead_of_wall = newest[len(newest) // 2] + (0.0 if at is None else at - wall)
            self._be_ahead(wall - now)

    # ---- provider requests -------------------------------------------------------------------------------------------

    async def _swept(self, now: float, asks: int, notes: Notes) -> dict[int, Message]:
        """Read the messages that are still open, and return those with a new status."""
        what = self._place.sweep(now + self._ahead, asks)
        if what is None:
            return {}
        try:
            reading = await self._kit.driver.run(
                RequestContext(f"poll-{int(now)}"), look_through(self._entry, what, now, notes)
            )
        except MalformedProviderResponse:
            notes.add("poll-search-failed")
            self._place.took(_failed(), {}, now + self._ahead)
            return {}
        except TranslatorError as error:
            logger().warning("poll-failed", why=str(error), back=self.back)
            return {}
        return self._place.swept(what, reading, now + self._ahead)

    async def _look(
        self, chosen: Chosen, changed: Mapping[int, Message], asks: int, seen: Seen, now: float, notes: Notes
    ) -> None:
        """Poll the chosen messages, and queue deliveries for them and for the `changed` ones."""
        windows = {held.id for window in chosen.windows for held in window.waits()}
        ids = sorted({*windows, *(held.id for held in chosen.singles), *changed})
        if not ids:
            return
        store = self._kit.store
        mine = await store.write(partial(subscriptions.take, ids=ids, now=now, lease=LEASE))
        rows = await store.read(partial(subscriptions.taken, ids=ids))
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
            await self._tell([row for row in rows if row.id in mine], seen)

    # ---- results -----------------------------------------------------------------------------------------------------

    async def _tell(self, rows: Sequence[Taken], seen: Seen) -> None:
        """Record the results of all polled messages in one transaction, and release the leases of the others."""
        now = self._kit.clock()
        retrieved = {held.id for held in seen.retrieved}
        read = {held.id for window, reading in seen.read for held in window.waits() if held.created < reading.until}
        looks: list[Look] = []
        ended: dict[int, Message] = {}
        over: list[tuple[int, float]] = []
        idle: dict[int, int] = {}
        statuses: dict[int, str] = {}
        for number, row in enumerate(rows):
            if number % _YIELD == _YIELD - 1:
                await asyncio.sleep(0)
            message = seen.rows.get(row.sid)
            if message is None and row.id not in retrieved and row.id not in read:
                idle[row.id] = row.attempt
                continue
            looked = self._looked(row, message or row.message, now)
            looks.append(looked)
            if message is not None:
                statuses[row.id] = message.status
            if looked.look_at is None and self._is_over(row, looked.told):
                ended[row.id] = message or row.message
            elif looked.look_at is None:
                over.append((row.id, now - row.made))
        written = await self._kit.store.write(partial(write_down, looks=looks, idle=idle, now=now))
        for id_, status in statuses.items():
            self._place.shows(id_, status)
        self._place.took(seen, {id_: message for id_, message in ended.items() if id_ in written}, now + self._ahead)
        self._place.drop([id_ for id_, _ in over])
        self._count(looks, written, len(statuses), [one for one in over if one[0] in written])

    def _looked(self, row: Taken, message: Message, now: float) -> Look:
        calls = self._accounts.by_name[row.entry].front.dialect.calls
        told = tuple(filter(None, row.told.split(",")))
        owed = calls.owed(told, message.status)
        age, poll = now - row.made, self._kit.polling.poll
        is_over = calls.over((*told, *owed)) or age >= self._kit.polling.end
        look_at = None if is_over else now + -(-pause(max(0.0, age), poll) // poll) * poll
        made = [self._call(row, message, event) for event in owed]
        return Look(row.id, row.attempt, row.entry, ",".join((*told, *owed)), made, look_at)

    def _is_over(self, row: Taken, told: str) -> bool:
        return self._accounts.by_name[row.entry].front.dialect.calls.over(tuple(filter(None, told.split(","))))

    def _call(self, row: Taken, message: Message, event: str) -> CallbackDelivery:
        front = self._accounts.by_name[row.entry].front
        pairs = front.dialect.calls.write(message, event, front.account, front.property)
        return CallbackDelivery(event, row.method, row.address, form.write(pairs), destination_of(parsed(row.address)))

    def _count(self, looks: Sequence[Look], written: set[int], seen: int, over: Sequence[tuple[int, float]]) -> None:
        self._kit.meter.count_looks(self.back, "seen", seen)
        self._kit.meter.count_looks(self.back, "unseen", len(looks) - seen)
        if any(one.calls and one.id in written for one in looks):
            self._kit.wake()
        for id_, age in over:
            self._kit.meter.count_call("unheard")
            logger().warning("never-heard-of", watch=id_, age=round(age))

    def _say(self, notes: Notes, now: float) -> None:
        """Log the notes and the backlog of a round, and update the metrics."""
        for note in dict.fromkeys(note.name for note in notes.items):
            logger().warning(note, back=self.back)
        backlog = self._place.backlog(now + self._ahead)
        self.backlog = backlog.due
        self._kit.meter.count_looks(self.back, "put-off", backlog.due)
        if backlog.late and not 0 <= now - self._warned < _REST:
            self._warned = now
            logger().warning(
                "poll-behind", back=self.back, due=backlog.due, late=backlog.late, asked=notes.asks, oldest=round(backlog.oldest)
            )  # fmt: skip


def _failed() -> Seen:
    seen = Seen()
    seen.failed = True
    return seen


def write_down(connection: Any, looks: Sequence[Look], idle: Mapping[int, int], now: float) -> set[int]:
    """Record all results of a round in one transaction, see `subscriptions.seen`."""
    subscriptions.release(connection, idle)
    return subscriptions.seen(connection, looks, now)
