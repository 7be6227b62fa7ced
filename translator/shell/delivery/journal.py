"""The send journal: records intents before the provider request, records outcomes after it, and waits for outcomes.

record ─▶ callback URL policy ─▶ one transaction ─▶ new · joined · known · running · reused
settle ─▶ one transaction, tried again for a while if the store is down
failed writes ─▶ leftovers, until the store answers again
wait   ─▶ reads of the store, until it has the outcomes or `wait` seconds have passed
sent   ─▶ one read of the store; if the store is down, nothing is known
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from translator.core.accounts import Accounts
from translator.core.effects import Intent, Outcome, Recorded
from translator.core.errors import FaultRaised
from translator.core.model import Fault, Message
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.delivery.deferred_writes import DeferredWrites
from translator.shell.delivery.owed_limit import Owed
from translator.shell.delivery.receipt_urls import ReceiptUrls
from translator.shell.store import Store, StoreUnavailable
from translator.shell.store import sends as rows
from translator.shell.store.interface import Unstorable
from translator.shell.store.owed_counts import is_known
from translator.shell.store.sends import Begun, Times

_GLANCE: Final = 0.1
_TRIES: Final = 4
"""The number of attempts to record an outcome. The delay doubles after each one."""


_RANDOM_BYTES: Final = 10
_DRAWN: Final = 256
"""`_RANDOM_BYTES` is the number of random bytes in a send's id. `_DRAWN` is the number of ids that are drawn at once."""


class Patience(NamedTuple):
    """The section `[sends]` of the configuration. All values are in seconds.

    wait: The time that a request waits for the outcome of an unknown send.
    join: The time for which an equal send shares the outcome of an unknown one.
    give_up: The age at which reconciliation gives up.
    answer: The time after which no more response of the provider is expected.
    resend: The age at which a send that cannot be found is sent again, 0 for never.
    """

    wait: float = 5.0
    join: float = 120.0
    give_up: float = 86400.0
    answer: float = 60.0
    resend: float = 0.0


class Links:
    """The state that the journals of one process share across configurations.

    wake: Called when a send has become unknown.
    heard: Called with the reason when a send could not be recorded.
    news: Set when unknown sends got an outcome.
    closed: The reason why nothing may be recorded now, empty if it may.
    leftovers: The writes that wait for the store.
    owed: The number of callbacks that each account may still ask for.
    """

    def __init__(self, wake: Callable[[], None], leftovers: DeferredWrites) -> None:
        self.wake, self.leftovers, self.owed = wake, leftovers, Owed()
        self.news = asyncio.Event()
        self.heard: Callable[[str], None] = lambda _: None
        self.closed = ""


class Verdicts(list[Recorded | None]):
    """The rejections of sends, or None. `taken`: the accounts of the callbacks that count, and that `record` has to release."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []


class SendJournal:
    """The journal of one configuration. A request keeps the journal that it started with."""

    def __init__(
        self, store: Store, accounts: Accounts, vetting: CallbackUrlPolicy, receipts: ReceiptUrls, patience: Patience, *,
        wake: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.time, links: Links | None = None,
    ) -> None:  # fmt: skip
        self._store, self._accounts, self._vetting, self._receipts = store, accounts, vetting, receipts
        self._patience, self._clock = patience, clock
        self._places = {name: entry.place for name, entry in accounts.by_name.items()}
        self._random_bytes: list[str] = []
        self.links = links or Links(wake, DeferredWrites(store, clock))

    def successor(self, accounts: Accounts, receipts: ReceiptUrls, patience: Patience) -> "SendJournal":
        """Return the journal of another configuration over the same store."""
        return SendJournal(
            self._store, accounts, self._vetting, receipts, patience, clock=self._clock, links=self.links
        )  # fmt: skip

    async def refused(self, intents: Sequence[Intent]) -> Sequence[Recorded | None]:
        """Return the rejection of each send because of its callback, or None. Empty if no send has a callback.

        The names of all callbacks are resolved at the same time. Nothing is recorded."""
        if all(intent.wish is None for intent in intents):
            return ()
        verdicts = Verdicts()
        try:
            if len(intents) == 1:
                verdicts.append(await self._refused(intents[0], verdicts.taken))
                return verdicts
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._refused(intent, verdicts.taken)) for intent in intents]
        except BaseException:
            self._release(verdicts)
            raise
        verdicts += [task.result() for task in tasks]
        return verdicts

    def _release(self, verdicts: Sequence[Recorded | None]) -> None:
        """Say that the callbacks of these sends are in the store from now on, or never will be."""
        if isinstance(verdicts, Verdicts):
            for account in verdicts.taken:
                self.links.owed.recorded(account)
            verdicts.taken.clear()

    async def record(self, intents: Sequence[Intent], refused: Sequence[Recorded | None] = ()) -> Sequence[Recorded]:
        """Record intents before their provider requests. Raises FaultRaised if that fails.
        `refused` is the result of that method."""
        if not refused:
            return await self._written(intents)
        try:
            allowed = [intent for intent, no in zip(intents, refused, strict=True) if no is None]
            written = iter(await self._written(allowed))
        finally:
            self._release(refused)
        return tuple(
            self._addressed(next(written), intent) if no is None else no
            for intent, no in zip(intents, refused, strict=True)
        )

    async def _written(self, intents: Sequence[Intent]) -> list[Recorded]:
        now = self._clock()
        begun = [Begun(self._id(now), intent.place or self._places[intent.entry], intent) for intent in intents]
        try:
            if self.links.closed:
                raise StoreUnavailable(self.links.closed)
            await self.links.leftovers.withdraw_now()  # sends that were reported as not made may not be found
            return await self._store.record(begun, Times(now, self._patience.answer, self._patience.join))
        except StoreUnavailable as error:
            if error.is_unsure:
                self.links.leftovers.withdraw([one.id for one in begun])
            self.links.heard(str(error))
            raise FaultRaised(Fault("store-down", retry_after=1, log=f"the store is down: {error}")) from None
        except Unstorable as error:
            front = self._accounts.by_name[intents[0].entry].front.dialect.front
            why = "holds something that cannot be written down"
            raise FaultRaised(Fault("invalid-parameter", front.parameter_of("text"), why, log=str(error))) from None

    def _id(self, now: float) -> str:
        """Return an unguessable, time-ordered id: 48 bits of milliseconds, then random bytes. Ids of the same time are neighbours in the
        database. Random bytes are drawn in batches, because each draw is a system call."""
        if not self._random_bytes:
            drawn = os.urandom(_RANDOM_BYTES * _DRAWN).hex()
            self._random_bytes = [drawn[at : at + 2 * _RANDOM_BYTES] for at in range(0, len(drawn), 2 * _RANDOM_BYTES)]
        return f"{int(now * 1000) & 0xFFFFFFFFFFFF:012x}{self._random_bytes.pop()}"

    async def _refused(self, intent: Intent, taken: list[str]) -> Recorded | None:
        """Return the rejection of a send because of its callback, or None. A send that was recorded before is replayed as it is.
        `taken`: gets the account if the callback counts as one more."""
        if intent.wish is None:
            return None
        verdict = await self._vetting.judge(intent.wish.address, intent.entry)
        if verdict.reason:
            return Recorded("", "forbidden", reason=verdict.reason, remedy=verdict.remedy)
        if await self.links.owed.take(self._store, intent.entry):
            taken.append(intent.entry)
            return None
        if await self._is_known(intent):
            return None
        self.links.owed.refuse(intent.entry)
        return Recorded("", "owed")

    async def _is_known(self, intent: Intent) -> bool:
        """True if an earlier send had the same idempotency key."""
        if not intent.key:
            return False
        with contextlib.suppress(StoreUnavailable):
            return await self._store.read(partial(is_known, entry=intent.entry, key=intent.key))
        return True  # the write to the store fails then, and that is reported

    def _addressed(self, recorded: Recorded, intent: Intent) -> Recorded:
        """Add the receipt URL to a new send with a callback target, if the provider sends delivery receipts."""
        if recorded.state != "new" or intent.wish is None:
            return recorded
        entry = self._accounts.by_name[intent.entry]
        if not (entry.home_at(intent.place) or entry).back.receipts:
            return recorded
        return msgspec.structs.replace(recorded, receipt=self._receipts.address(recorded.id))

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes. Raises FaultRaised if that fails."""
        for again in range(_TRIES):
            try:
                await self._store.settle(outcomes, self._clock())
                break
            except StoreUnavailable as error:
                down = error
                await asyncio.sleep(_GLANCE * 2**again)
        else:
            # The intents stay until the store answers. If this process ends before, the next one reconciles the sends.
            self.links.leftovers.settle(outcomes)
            why = f"the outcome could not be written down: {down}"
            raise FaultRaised(Fault("outcome-unknown", log=why))
        for outcome in outcomes:
            if outcome.state == "unknown":
                self.links.wake()

    async def sent(self, place: str, sids: Sequence[str]) -> Mapping[str, Message]:
        """Return the messages with these SIDs as their sends were answered, as far as the store keeps them.

        If the store is down, the result is empty, because a read needs no journal.
        """
        try:
            return await self._store.read(partial(rows.messages_of, place=place, sids=sids))
        except StoreUnavailable:
            return {}

    def tell(self) -> None:
        """Wake all waiting requests, because unknown sends got outcomes."""
        self.links.news.set()
        self.links.news = asyncio.Event()

    async def wait(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """Return the outcomes of unknown sends after all are known, or after `wait` seconds."""
        until = asyncio.get_running_loop().time() + self._patience.wait
        glance = _GLANCE
        while True:
            news = self.links.news
            try:
                found = await self._store.read(partial(rows.outcomes, ids=ids))
            except StoreUnavailable:
                found = [Outcome(id_, "unknown") for id_ in ids]
            left = until - asyncio.get_running_loop().time()
            if left <= 0 or all(outcome.state != "unknown" for outcome in found):
                return found
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(glance, left)):
                    await news.wait()
            glance = min(glance * 1.5, 1.0)
