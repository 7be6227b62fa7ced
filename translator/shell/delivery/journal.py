"""The journal of sends as the core wants it: written before, settled after, and asked by those who wait.

record ─▶ may that address be called? ─▶ one transaction ─▶ new · joined · known · running · reused
settle ─▶ one transaction, tried again for a while where the store is down
what could not be written ─▶ leftovers, until the store answers again
wait   ─▶ the store, now and then, until it knows or `wait` seconds have passed
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from translator.core.accounts import Account, Accounts
from translator.core.effects import Intent, Outcome, Recorded
from translator.core.errors import FaultRaised
from translator.core.model import Fault
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
"""How often it is tried to write down what became of a send, a little later each time."""


_RANDOM_BYTES: Final = 10
_DRAWN: Final = 256
"""Bytes of chance in a send's name, and for how many names they are drawn at once."""


class Patience(NamedTuple):
    """`[sends]` of the configuration, in seconds: `wait` for an outcome that is looked for, `join` for equal sends, `give_up` for
    looking at all; and `answer`, within which a back has answered or will not. `resend` is after how long a send that cannot be found is
    made again, 0 for never."""

    wait: float = 5.0
    join: float = 120.0
    give_up: float = 86400.0
    answer: float = 60.0
    resend: float = 0.0


def place_of(entry: Account) -> str:
    """The account at the back that an entry's messages stand in."""
    return f"{entry.back.name}/{entry.behind.account}/{entry.behind.property}"


class Links:
    """What the journals of one process share, whichever configuration they belong to.

    `wake` is called when a send has become unknown, and `heard` with why a send could not be written down. `news` is set when something has
    become of unknown sends. While `closed` says why, nothing is written down. `leftovers` is what could not be written yet, `owed` how many
    callbacks each account may still ask for.
    """

    def __init__(self, wake: Callable[[], None], leftovers: DeferredWrites) -> None:
        self.wake, self.leftovers, self.owed = wake, leftovers, Owed()
        self.news = asyncio.Event()
        self.heard: Callable[[str], None] = lambda _: None
        self.closed = ""


class SendJournal:
    """The journal of one configuration. Requests end with the journal that they began with."""

    def __init__(
        self, store: Store, accounts: Accounts, vetting: CallbackUrlPolicy, receipts: ReceiptUrls, patience: Patience, *,
        wake: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.time, links: Links | None = None,
    ) -> None:  # fmt: skip
        self._store, self._accounts, self._vetting, self._receipts = store, accounts, vetting, receipts
        self._patience, self._clock = patience, clock
        self._places = {name: place_of(entry) for name, entry in accounts.by_name.items()}
        self._random_bytes: list[str] = []
        self.links = links or Links(wake, DeferredWrites(store, clock))

    def successor(self, accounts: Accounts, receipts: ReceiptUrls, patience: Patience) -> "SendJournal":
        """The journal of another configuration, over the same store."""
        return SendJournal(
            self._store, accounts, self._vetting, receipts, patience, clock=self._clock, links=self.links
        )  # fmt: skip

    async def record(self, intents: Sequence[Intent]) -> Sequence[Recorded]:
        """Write sends down before they are asked for. Raises Refused where that cannot be done."""
        if len(intents) == 1 and intents[0].wish is None:
            return await self._written(intents)
        refused = [await self._refused(intent) for intent in intents]
        allowed = [intent for intent, no in zip(intents, refused, strict=True) if no is None]
        written = iter(await self._written(allowed))
        return tuple(
            self._addressed(next(written), intent) if no is None else no
            for intent, no in zip(intents, refused, strict=True)
        )

    async def _written(self, intents: Sequence[Intent]) -> list[Recorded]:
        now = self._clock()
        begun = [Begun(self._id(now), self._places[intent.entry], intent) for intent in intents]
        try:
            if self.links.closed:
                raise StoreUnavailable(self.links.closed)
            await self.links.leftovers.withdraw_now()  # of what was said to have done nothing, nothing may be found
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
        """A name that nobody can guess: when it was given, so that those of a moment stand together in a database, and lots. They are
        drawn for many at once, since each draw takes a system call."""
        if not self._random_bytes:
            drawn = os.urandom(_RANDOM_BYTES * _DRAWN).hex()
            self._random_bytes = [drawn[at : at + 2 * _RANDOM_BYTES] for at in range(0, len(drawn), 2 * _RANDOM_BYTES)]
        return f"{int(now * 1000) & 0xFFFFFFFFFFFF:012x}{self._random_bytes.pop()}"

    async def _refused(self, intent: Intent) -> Recorded | None:
        """Why a send is not written down for the callback that it wants; None where it is. One that was made before is told as it is."""
        if intent.wish is None:
            return None
        verdict = await self._vetting.judge(intent.wish.address, intent.entry)
        if verdict.reason:
            return Recorded("", "forbidden", reason=verdict.reason, remedy=verdict.remedy)
        if await self.links.owed.take(self._store, intent.entry) or await self._is_known(intent):
            return None
        self.links.owed.refuse(intent.entry)
        return Recorded("", "owed")

    async def _is_known(self, intent: Intent) -> bool:
        """Whether the caller's own key came with a send before."""
        if not intent.key:
            return False
        with contextlib.suppress(StoreUnavailable):
            return await self._store.read(partial(is_known, entry=intent.entry, key=intent.key))
        return True  # the store says so itself when it is written to

    def _addressed(self, recorded: Recorded, intent: Intent) -> Recorded:
        """Where somebody waits to be told, the back may tell us."""
        if recorded.state != "new" or intent.wish is None or not self._accounts.by_name[intent.entry].back.receipts:
            return recorded
        return msgspec.structs.replace(recorded, receipt=self._receipts.address(recorded.id))

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of sends. Raises Refused where that cannot be done."""
        for again in range(_TRIES):
            try:
                await self._store.settle(outcomes, self._clock())
                break
            except StoreUnavailable as error:
                down = error
                await asyncio.sleep(_GLANCE * 2**again)
        else:
            # The intents stand until the store answers. If this process ends before, the next one looks for the sends.
            self.links.leftovers.settle(outcomes)
            why = f"the outcome could not be written down: {down}"
            raise FaultRaised(Fault("outcome-unknown", log=why))
        for outcome in outcomes:
            if outcome.state == "unknown":
                self.links.wake()

    def tell(self) -> None:
        """Something has become of unknown sends: whoever waits looks at once."""
        self.links.news.set()
        self.links.news = asyncio.Event()

    async def wait(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """What became of unknown sends, as far as that is heard within the time that is waited for it."""
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
