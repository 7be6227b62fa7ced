"""The reconciler searches for unknown sends among the messages of the provider, until they are found or unresolved.

round ─▶ due sends, by place ─▶ one task for each provider account: lease · search · decide · record, each once for all of its sends
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from translator.core.accounts import Account, Accounts
from translator.core.errors import TranslatorError
from translator.core.exchange import Limits
from translator.core.model import Draft, Message
from translator.core.reconciliation import ASKS, SearchRound, UnknownSend, assigned, carrying
from translator.core.sending import Sending
from translator.shell.delivery.journal import Patience
from translator.shell.delivery.reconciliation_progress import GAPS, MOST, Place, SearchConfiguration, Watched
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger, redacted_traceback
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.store import Store, StoreUnavailable, unknown_sends
from translator.shell.store.rows import SendRow

_PLACES: Final = 4
"""The number of concurrent searches at one provider. Each reads a few slices at a time."""

_AGAIN: Final = 10
"""The number of resends for one provider account after one search."""

LEASE: Final = 60.0
"""Seconds of the lease of an unknown send."""


class Reconciler:
    """The background worker that reconciles unknown sends. `round` starts the due searches, see `worker`.

    timeout: The timeout of the slowest provider, in seconds.
    tell: Called when a send was found.
    wake: Called when a provider account may be searched again.
    steady: A clock that is never set.
    """

    def __init__(
        self, store: Store, accounts: Accounts, driver: EffectRunner, limits: Limits, patience: Patience, meter: Meter, *,
        timeout: float | None = None, tell: Callable[[], None] = lambda: None, wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        slowest = patience.answer if timeout is None else timeout
        self._using = SearchConfiguration(accounts, driver, limits, patience, slowest)
        self._store, self._meter, self._clock, self._steady = store, meter, clock, steady
        self._tell, self.wake = tell, wake
        self._places: dict[str, Place] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def change(
        self, accounts: Accounts, driver: EffectRunner, limits: Limits, patience: Patience, timeout: float
    ) -> None:
        """Use another configuration from the next search on. The progress of the searches is kept."""
        self._using = SearchConfiguration(accounts, driver, limits, patience, timeout)

    async def recover(self) -> None:
        """Mark the intents of the previous process as unknown. In a shared store they become unknown when their time has passed."""
        if not self._store.shared:
            await self._store.write(partial(unknown_sends.abandoned, now=self._clock()))

    async def round(self) -> bool:
        """Start a search for each provider account that has due sends and no search in progress. True if there was any."""
        now, steady = self._clock(), self._steady()
        waiting = {name for name, place in self._places.items() if not place.is_free(steady)}
        found = partial(
            unknown_sends.due, busy={*self._running, *waiting}, fresh=now - self._using.patience.wait, most=MOST, now=now, lease=LEASE
        )  # fmt: skip
        at_work = Counter(self._back_of(place) for place in self._running)
        begun = False
        for place, ids in (await self._store.read(found)).items():
            back = self._back_of(place)
            if at_work[back] < _PLACES and place not in self._running:
                at_work[back] += 1
                self._begin(place, ids)
                begun = True
        return begun

    async def finished(self) -> None:
        """Wait for all searches in progress."""
        while self._running:
            await asyncio.gather(*self._running.values())

    async def aclose(self) -> None:
        """Cancel the searches in progress. The leases of their sends expire."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _begin(self, place: str, ids: list[str]) -> None:
        task = self._running[place] = asyncio.create_task(self._at(place, ids))

        def ended(_: Any) -> None:
            del self._running[place]
            self.wake()

        task.add_done_callback(ended)

    def _entry_at(self, place: str) -> Account | None:
        """Return an account whose messages are in this provider account. All such accounts see the same messages."""
        return self._using.accounts.by_place.get(place)

    @staticmethod
    def _back_of(place: str) -> str:
        return place.partition("/")[0]

    # ---------------------------------------------------------------------------------------------------------- one search

    async def _at(self, name: str, ids: list[str]) -> None:
        try:
            await self._look(name, ids)
        except StoreUnavailable as error:
            logger().warning("store-down", loop="reconciler", why=str(error))
        except Exception as error:  # noqa: BLE001 - any other error is logged
            logger().error("defect", loop="reconciler", traceback=redacted_traceback(error))
            self._places.setdefault(name, Place()).spend(ASKS, self._steady())

    async def _look(self, name: str, ids: list[str]) -> None:
        """Search once for all of these sends, and record the results in one transaction."""
        place, entry, driver = self._places.setdefault(name, Place()), self._entry_at(name), self._using.driver
        ids = ids[: place.most]
        take = partial(unknown_sends.take_unknown, most=len(ids), now=self._clock(), lease=LEASE, ids=ids)
        rows = {row.id: row for row in await self._store.write(take)}
        taken = [rows[id_] for id_ in ids if id_ in rows]
        if not taken:
            return
        watched = [await self._watched(place, name, row) for row in taken]
        if entry is None:
            logger().warning("no-such-account", sends=len(taken))
            await self._write_down(place, taken, {}, answered=False)
            return
        now = self._clock()
        told = await self._store.read(partial(unknown_sends.difference, place=name, made=now))
        ahead = min(0.0, *(one.ahead for one in watched)) if told is None else told
        look = SearchRound(
            entry, [one.search for one in watched], self._using.limits, now, cost=place.cost, ahead=ahead
        )
        await driver.run(RequestContext(taken[0].id), look.steps())  # with the configuration of `entry`
        place.looked(look, sum(one.search.is_reached for one in watched), len(watched), self._steady())
        self._say(look, entry, len(taken))
        found = await self._which(entry, name, watched)
        nowhere = [row for row, one in zip(taken, watched, strict=True) if self._may_be_made_again(entry, row, one)]
        again = [row for row in nowhere if row.id not in found and look.error is None][:_AGAIN]
        again = [row for row, made in zip(again, await self._all_made_again(again), strict=True) if made]
        left = [row for row in taken if row not in again]
        await self._write_down(place, left, found, answered=look.error is None)

    async def _watched(self, place: Place, name: str, row: SendRow) -> Watched:
        """Return the progress of a send's search, new or from earlier searches."""
        now = self._clock()
        watched = place.known(row.id)
        if watched is None:
            if not place.knows(row.created_at):
                told = await self._store.read(partial(unknown_sends.difference, place=name, made=row.created_at))
                place.remember(row.created_at, told or 0.0)
            ahead = place.ahead_at(row.created_at)
            sought = UnknownSend(row.id, row.created_at + ahead, row.sender, row.recipient, row.text, row.account)
            watched = place.watch(sought, ahead, self._using.timeout, self._steady())
        if self._using.patience.resend and now - row.created_at >= self._using.patience.resend:
            watched.is_old_enough()
        return watched

    def _say(self, look: SearchRound, entry: Account, sends: int) -> None:
        """Log and count a search: its cost and its end."""
        for note in look.notes.items:
            logger().warning(note.name, back=entry.back.name)
        if look.error is not None:
            logger().warning("search-failed", sends=sends, why=str(look.error), back=entry.back.name)
        elif look.is_cut:
            logger().info("search-cut", sends=sends, asks=look.asks, back=entry.back.name)
        ended = "failed" if look.error is not None else "cut" if look.is_cut else "done"
        self._meter.count_search(entry.back.name, ended)

    async def _which(self, entry: Account, name: str, watched: list[Watched]) -> dict[str, Message]:
        """Return the message of each send for which it is certain."""
        searches = [one.search for one in watched]
        if entry.back.dialect.back.facts.takes_our_id:
            return carrying(searches)
        sids = list({sid: None for search in searches for sid in search.seen})
        if not sids:
            return {}
        taken = await self._store.read(partial(unknown_sends.claimed, place=name, sids=sids))
        for search in searches:
            search.take_away(taken)
        wanted = {search.sought.key for search in searches if search.seen}
        if not wanted:
            return {}
        place = self._places[name]
        rows = await self._store.read(partial(unknown_sends.open_at, place=name, keys=wanted))
        others = [
            UnknownSend(
                row.id, row.created_at + place.ahead_at(row.created_at), row.sender, row.recipient, row.text, row.account,
                under_way=row.in_progress,
            )
            for row in rows
        ]  # fmt: skip
        return assigned(searches, others, self._using.timeout)

    # ------------------------------------------------------------------------------------------------------------- results

    async def _write_down(
        self, place: Place, rows: list[SendRow], found: dict[str, Message], *, answered: bool
    ) -> None:
        """Record in one transaction that each send is found, to be searched for again, or unresolved."""
        now = self._clock()
        missed = [self._next_look(place, row, now, answered=answered) for row in rows]
        judge = partial(
            unknown_sends.judge, found=[(row, found[row.id]) for row in rows if row.id in found], missed=missed, now=now
        )  # fmt: skip
        known = await self._store.write(judge)
        if known:
            self._tell()
        for row, look_at in missed:
            if row.id in known:
                place.watched.pop(row.id, None)
                self._meter.count_send("found")
                logger().info("send-found", send=row.id, back=self._back_of(row.provider_account))
            elif look_at is None:
                self._lost(row, place.watched.pop(row.id), now)

    def _next_look(self, place: Place, row: SendRow, now: float, *, answered: bool) -> tuple[SendRow, float | None]:
        """Return a send's row and the time of its next search, or None for the time if the send is unresolved."""
        watched = place.watched[row.id]
        if (
            answered and not watched.search.is_reached
        ):  # the request budget did not reach this send, so it stays due and no search is counted
            return row._replace(checks=row.checks - 1), row.next_check_at
        watched.tried(answered=answered)
        is_lost = watched.is_lost(now - row.created_at, self._using.patience.give_up, self._steady())
        return row, None if is_lost else now + GAPS[min(row.checks, len(GAPS) - 1)]

    def _lost(self, row: SendRow, watched: Watched, now: float) -> None:
        self._meter.count_send("unresolved")
        if not watched.search.was_whole:
            self._meter.count_send("unread")
        logger().warning(
            "send-unresolved", send=row.id, age=round(now - row.created_at), read="whole" if watched.search.was_whole else "part"
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------------------ resends

    def _may_be_made_again(self, entry: Account, row: SendRow, watched: Watched) -> bool:
        """True if the operator's `resend` time has passed, the whole window was read after it, and no message can be the send."""
        after = self._using.patience.resend
        if not after or self._clock() - row.created_at < after or row.resent_at is not None:
            return False
        return watched.search.is_nowhere(by_id=entry.back.dialect.back.facts.takes_our_id)

    async def _all_made_again(self, rows: list[SendRow]) -> list[bool]:
        return list(await asyncio.gather(*(self._made_again(row) for row in rows)))

    async def _may_be_there(self, row: SendRow) -> bool:
        """True if a message to the recipient belongs to no other send. It may be this send, shown with another text."""
        search = self._places[row.provider_account].watched[row.id].search
        could_be = search.could_be - search.refuted
        left = could_be - await self._store.read(
            partial(unknown_sends.claimed, place=row.provider_account, sids=list(could_be))
        )
        if left:
            logger().warning(
                "send-not-resent", send=row.id, back=self._back_of(row.provider_account), could_be=len(left)
            )
        return bool(left)

    async def _made_again(self, row: SendRow) -> bool:
        """Resend a send, at most once. True if it was resent."""
        account, driver, now = self._using.accounts.by_name.get(row.account), self._using.driver, self._clock()
        entry = account.home_at(row.provider_account) if account is not None else None
        if entry is None:  # never to another provider account
            return False
        if await self._may_be_there(row):
            return False
        if not await self._store.write(
            partial(unknown_sends.begin_resend, row=row, now=now, patience=self._using.patience.answer)
        ):
            return False
        self._places[row.provider_account].watched.pop(row.id, None)
        draft = Draft(sender=row.sender or None, recipient=row.recipient, text=row.text, as_given={})
        try:
            await driver.run(RequestContext(row.id), Sending(entry, now).again(row.id, draft))
        except TranslatorError as error:  # its intent stays, and becomes unknown when its time has passed
            logger().warning("outcome-not-recorded", send=row.id, why=str(error))
        self._meter.count_send("resent")
        logger().warning("send-resent", send=row.id, back=entry.back.name, age=round(now - row.created_at))
        return True
