"""Who looks for sends of which nobody knows whether they were made, until they are found or lost to sight."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from translator.accounts import Accounts, Entry
from translator.errors import TranslatorError
from translator.exchange import Limits
from translator.model import Draft, Message, Notes
from translator.seeking import Sought, seek
from translator.sending import Sending
from translator.shell.admin import Meter
from translator.shell.driving import Driver, Errand
from translator.shell.journal import Patience
from translator.shell.log import logger
from translator.shell.store import Store, doubts

_MOST: Final = 20
LEASE: Final = 60.0
"""Seconds for which a send that is looked for is nobody else's."""

GAPS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds between two looks; the last one goes on until `give_up`."""


class Seeker:
    """One round at a time: see `background`."""

    def __init__(
        self, store: Store, accounts: Accounts, driver: Driver, limits: Limits, patience: Patience, meter: Meter, *,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._store, self._accounts, self._driver, self._limits = store, accounts, driver, limits
        self._patience, self._meter, self._clock = patience, meter, clock

    async def recover(self) -> None:
        """What was under way when the process before us ended is unknown. Where others share the store, time tells."""
        if not self._store.shared:
            await self._store.write(partial(doubts.abandoned, now=self._clock()))

    async def round(self) -> bool:
        """Look for what is due. Whether there was anything."""
        due = await self._store.write(partial(doubts.take_unknown, most=_MOST, now=self._clock(), lease=LEASE))
        for row in due:
            await self._look_for(row)
        return bool(due)

    async def _look_for(self, row: dict[str, Any]) -> None:
        entry = self._accounts.by_name.get(row["entry"])
        if entry is None:
            logger().warning("no-such-account", send=row["id"])
            await self._missed(row)
            return
        sought = Sought(row["id"], row["made"], row["sender"], row["recipient"], row["text"])
        try:
            could_be: list[str] = []
            steps = seek(entry, sought, self._limits, self._clock(), Notes(), could_be)
            candidates: list[Message] = await self._driver.run(Errand(row["id"]), steps)
        except TranslatorError as error:
            logger().warning("search-failed", send=row["id"], why=str(error), back=entry.back.name)
            await self._missed(row)
            return
        if not await self._store.write(partial(self._decide, row=row, candidates=candidates)):
            if candidates or not await self._made_again(entry, row, could_be):
                await self._missed(row)
            return
        self._meter.count_send("found")
        logger().info("found", send=row["id"], back=entry.back.name)

    def _decide(self, connection: Any, row: dict[str, Any], candidates: list[Message]) -> bool:
        """Take the one message that no other send is. Two that could be it are none."""
        taken = doubts.claimed(connection, row["place"], [message.sid for message in candidates])
        free = [message for message in candidates if message.sid not in taken]
        return len(free) == 1 and doubts.found(connection, row, free[0], self._clock())

    async def _made_again(self, entry: Entry, row: dict[str, Any], could_be: list[str]) -> bool:
        """Make a send again of which nothing is to be seen, once, where the operator has said after how long. Whether it was. Where there
        is a message to its recipient that is no other send's, it may be this one with another text, and none is made."""
        now, after = self._clock(), self._patience.resend
        if not after or now - row["made"] < after:
            return False
        taken = await self._store.read(partial(doubts.claimed, place=row["place"], sids=could_be))
        if set(could_be) - taken:
            logger().warning(
                "not-made-again", send=row["id"], back=entry.back.name, could_be=len(set(could_be) - taken)
            )
            return False
        if not await self._store.write(partial(doubts.begin_again, row=row, now=now, patience=self._patience.answer)):
            return False
        draft = Draft(sender=row["sender"] or None, recipient=row["recipient"], text=row["text"], as_given={})
        await self._driver.run(Errand(row["id"]), Sending(entry, now).again(row["id"], draft))
        self._meter.count_send("resent")
        logger().warning("made-again", send=row["id"], back=entry.back.name, age=round(now - row["made"]))
        return True

    async def _missed(self, row: dict[str, Any]) -> None:
        now = self._clock()
        lost = now - row["made"] >= self._patience.give_up
        look_at = None if lost else now + GAPS[min(row["looks"], len(GAPS) - 1)]
        await self._store.write(partial(doubts.not_found, row=row, look_at=look_at, now=now))
        if lost:
            self._meter.count_send("lost")
            logger().warning("lost-to-sight", send=row["id"], age=round(now - row["made"]))
