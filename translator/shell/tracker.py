"""Who looks at the backs for what became of messages that somebody waits to be told of, and writes down which calls that owes."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from translator.accounts import Accounts, Entry
from translator.errors import TranslatorError
from translator.exchange import Limits
from translator.formats import form
from translator.model import Message, Notes
from translator.shell.admin import Meter
from translator.shell.driving import Driver, Errand
from translator.shell.log import logger
from translator.shell.store import Store
from translator.shell.store import calls as rows
from translator.shell.store.calls import Call
from translator.shell.vetting import destination_of, parsed
from translator.tracking import Waiting, look, pause

LEASE: Final = 60.0
"""Seconds for which who waits is nobody else's to look for."""

_MOST: Final = 2000
_MESSAGE: Final = msgspec.json.Decoder(Message)


class Polling(NamedTuple):
    """`[callbacks]` of the configuration: `poll` seconds between two rounds, `asks` a round and account, and `end`, the age in seconds at
    which a message is not looked at any more."""

    poll: float = 5.0
    asks: int = 20
    end: float = 259200.0


class Tracker:
    """One round at a time: see `background`. `wake` is called when calls are owed."""

    def __init__(
        self, store: Store, accounts: Accounts, driver: Driver, limits: Limits, polling: Polling, meter: Meter, *,
        wake: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._store, self._accounts, self._driver, self._limits = store, accounts, driver, limits
        self._polling, self._meter, self._wake, self._clock = polling, meter, wake, clock

    async def round(self) -> bool:
        """Look at what is due, every account by itself: one whose back is slow delays no other. Whether there was anything."""
        entries = await self._store.read(partial(rows.waiting_entries, now=self._clock()))
        known = [self._accounts.by_name[name] for name in entries if name in self._accounts.by_name]
        await asyncio.gather(*(self._look(entry) for entry in known))
        return bool(known)

    async def _look(self, entry: Entry) -> None:
        now = self._clock()
        take = partial(rows.take_watches, entry=entry.name, most=_MOST, now=now, lease=LEASE)
        watches = await self._store.write(take)
        if not watches:
            return
        sent = {row["id"]: _MESSAGE.decode(row["message"]) for row in watches}
        seen = await self._seen(entry, list(sent.values()), now)
        for row in watches:
            message = seen.get(row["sid"], sent[row["id"]])
            await self._tell(entry, row, message)

    async def _seen(self, entry: Entry, sent: list[Message], now: float) -> dict[str, Message]:
        """What the back shows of these messages now; nothing where it fails, and then they are looked at again."""
        waiting = list({message.sid: Waiting(message.sid, message.created) for message in sent}.values())
        first, last = min(one.created for one in waiting), max(one.created for one in waiting)
        neighbours = await self._store.read(
            partial(rows.sends_between, entry=entry.name, first=first - 60, last=last + 60)
        )
        notes = Notes()
        steps = look(entry, waiting, neighbours, self._polling.asks, self._limits, now, notes)
        try:
            found: dict[str, Message] = await self._driver.run(Errand(f"poll-{int(now)}"), steps)
        except TranslatorError as error:
            logger().warning("poll-failed", why=str(error), back=entry.back.name)
            return {}
        for note in notes.items:
            logger().warning(note.name, back=entry.back.name)
        return found

    async def _tell(self, entry: Entry, row: dict[str, Any], message: Message) -> None:
        calls = entry.front.dialect.calls
        told = tuple(filter(None, row["told"].split(",")))
        owed = calls.owed(told, message.status)
        now = self._clock()
        age = now - row["made"]
        over = calls.over((*told, *owed)) or age >= self._polling.end
        look_at = None if over else now + pause(age, self._polling.poll)
        made = [self._call(entry, row, message, event) for event in owed]
        if await self._store.write(partial(rows.seen, row=row, calls=made, look_at=look_at, now=now)) and made:
            self._wake()
        if over and not calls.over((*told, *owed)):
            self._meter.count_call("unheard")
            logger().warning("never-heard-of", watch=row["id"], age=round(age))

    @staticmethod
    def _call(entry: Entry, row: dict[str, Any], message: Message, event: str) -> Call:
        front = entry.front
        pairs = front.dialect.calls.write(message, event, front.account, front.property)
        address = row["address"]
        return Call(event, row["method"], address, form.write(pairs), destination_of(parsed(address)))
