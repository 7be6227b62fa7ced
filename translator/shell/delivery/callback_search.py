"""The dispatcher's search for due deliveries: which destinations get a turn, and when the next search is.

destinations that answer ─▶ up to the free slots ─┬▶ room for each chosen destination
new, failing, paused     ─▶ a few each time       ┘
"""

import asyncio
from collections.abc import Callable
from typing import Final

from translator.shell.delivery.callback_budget import PACE, UNPROVEN, CallbackBudget
from translator.shell.delivery.callback_slots import CallbackSlots
from translator.shell.store import Store, deliveries
from translator.shell.store.deliveries import Destination

LOOK: Final = 0.02
"""Seconds between two searches for due deliveries, while there are any."""

_FULL: Final = 0.1
"""The same if each destination with due deliveries is at its limit."""


class DueSearch:
    """Searches the store. A `pace` of 0.0 removes the delay between two searches.

    budget: The number of unproven destinations that may still get a turn.
    next_at: The time of the next search, by the event loop. A search before it is put off.
    rouse: Starts another round.
    """

    def __init__(self, store: Store, clock: Callable[[], float], slots: CallbackSlots, pace: float) -> None:
        self._store, self._clock, self._slots, self._pace = store, clock, slots, pace
        self.budget, self.next_at = CallbackBudget(pace), 0.0
        self.rouse: Callable[[], None] = lambda: None
        self._after = dict.fromkeys(deliveries.STANDINGS, "")
        self._turns = 0
        self._alarm: asyncio.TimerHandle | None = None

    async def run(self, room: dict[Destination, int], at: float) -> None:
        """Add the due destinations that have free slots to `room`, or schedule a search if it is too early for one."""
        if at < self.next_at:
            self.schedule(at)
            return
        unproven = self.budget.left(at)
        self.next_at = at + LOOK * (self._pace > 0)
        due = await self._due(deliveries.STANDINGS if unproven else (deliveries.PROVEN,))
        settled = len(room)
        self._slots.choose(due[0], self._slots.free, room)
        before = len(room)
        self._turns += 1
        for turn in range(len(due) - 1):  # the other standings take turns in coming first
            found = due[1 + (self._turns + turn) % (len(due) - 1)]
            self._slots.choose(found, unproven + before - len(room), room)
        if len(room) > before:
            self.budget.begun(at)
        if any(due):
            if len(room) == settled:
                self.next_at = at + _FULL * (self._pace > 0)
            self.schedule(at)

    async def _due(self, standings: tuple[int, ...]) -> list[list[Destination]]:
        """Return the due destinations of each standing, first the proven ones."""
        busy, now = len(self._slots), self._clock()
        most = [busy + (self._slots.free if standing == deliveries.PROVEN else UNPROVEN) for standing in standings]
        looked = await self._store.read(
            lambda connection: [
                deliveries.find_due(connection, standing, now, many, self._after[standing])
                for standing, many in zip(standings, most, strict=True)
            ]
        )
        self._after.update(zip(standings, [after for _, after in looked], strict=True))
        return [found for found, _ in looked]

    def schedule(self, at: float) -> None:
        """Schedule another search, because deliveries may be due that were not started."""
        if self._alarm is None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_at(max(self.next_at, min(self.budget.again_at, at + PACE)), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.rouse()

    def close(self) -> None:
        """Schedule nothing more."""
        if self._alarm is not None:
            self._alarm.cancel()
