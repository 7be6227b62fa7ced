"""The journal of sends as the core wants it: written before, settled after, and asked by those who wait.

record ─▶ may that address be called? ─▶ one transaction ─▶ new · joined · known · running · reused
settle ─▶ one transaction, tried again for a while where the store is down
wait   ─▶ the store, now and then, until it knows or `wait` seconds have passed
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from translator.accounts import Accounts, Entry
from translator.errors import Refused
from translator.model import Fault
from translator.shell.receipts import Receipts
from translator.shell.store import Store, StoreDown
from translator.shell.store import sends as rows
from translator.shell.store.sends import Begun, Times
from translator.shell.vetting import Vetting
from translator.wants import Intent, Outcome, Recorded

_GLANCE: Final = 0.1
_TRIES: Final = 4
"""How often it is tried to write down what became of a send, a little later each time."""


_LOT: Final = 10
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


def place_of(entry: Entry) -> str:
    """The account at the back that an entry's messages stand in."""
    return f"{entry.back.name}/{entry.behind.account}/{entry.behind.property}"


class Journal:
    """`wake` is called when a send has become unknown: somebody is to look for it at once."""

    def __init__(
        self, store: Store, accounts: Accounts, vetting: Vetting, receipts: Receipts, patience: Patience, *,
        wake: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._store, self._accounts, self._vetting, self._receipts = store, accounts, vetting, receipts
        self._patience, self._clock = patience, clock
        self._places = {name: place_of(entry) for name, entry in accounts.by_name.items()}
        self._lots: list[str] = []
        self.wake = wake

    async def record(self, intents: Sequence[Intent]) -> Sequence[Recorded]:
        """Write sends down before they are asked for. Raises Refused where that cannot be done."""
        if len(intents) == 1 and intents[0].wish is None:
            return await self._written(intents)
        reasons = [await self._forbidden(intent) for intent in intents]
        allowed = [intent for intent, reason in zip(intents, reasons, strict=True) if not reason]
        written = iter(await self._written(allowed))
        return tuple(
            Recorded("", "forbidden", reason=reason) if reason else self._addressed(next(written), intent)
            for intent, reason in zip(intents, reasons, strict=True)
        )

    async def _written(self, intents: Sequence[Intent]) -> list[Recorded]:
        now = self._clock()
        begun = [Begun(self._id(now), self._places[intent.entry], intent) for intent in intents]
        try:
            return await self._store.record(begun, Times(now, self._patience.answer, self._patience.join))
        except StoreDown as error:
            raise Refused(Fault("store-down", retry_after=1, log=f"the store is down: {error}")) from None

    def _id(self, now: float) -> str:
        """A name that nobody can guess: when it was given, so that those of a moment stand together in a database, and lots. They are
        drawn for many at once, since each draw takes a system call."""
        if not self._lots:
            drawn = os.urandom(_LOT * _DRAWN).hex()
            self._lots = [drawn[at : at + 2 * _LOT] for at in range(0, len(drawn), 2 * _LOT)]
        return f"{int(now * 1000) & 0xFFFFFFFFFFFF:012x}{self._lots.pop()}"

    async def _forbidden(self, intent: Intent) -> str:
        return "" if intent.wish is None else await self._vetting.forbids(intent.wish.address, intent.entry)

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
            except StoreDown as error:
                down = error
                await asyncio.sleep(_GLANCE * 2**again)
        else:
            # The intents stand: whoever opens the store next looks for the sends, and tells whoever waits.
            why = f"the outcome could not be written down: {down}"
            raise Refused(Fault("outcome-unknown", log=why))
        for outcome in outcomes:
            if outcome.state == "unknown":
                self.wake()

    async def wait(self, ids: Sequence[str]) -> Sequence[Outcome]:
        """What became of unknown sends, as far as that is heard within the time that is waited for it."""
        until = asyncio.get_running_loop().time() + self._patience.wait
        glance = _GLANCE
        while True:
            try:
                found = await self._store.read(partial(rows.outcomes, ids=ids))
            except StoreDown:
                found = [Outcome(id_, "unknown") for id_ in ids]
            left = until - asyncio.get_running_loop().time()
            if left <= 0 or all(outcome.state != "unknown" for outcome in found):
                return found
            await asyncio.sleep(min(glance, left))
            glance = min(glance * 1.5, 1.0)
