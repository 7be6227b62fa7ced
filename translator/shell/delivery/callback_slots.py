"""Limits concurrent deliveries: per destination, per IP address, and in total, of which each account has a share.

A destination has a slot here while a delivery to it is in progress or prefetched. All other deliveries are in the store only.
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from translator.shell.delivery.resolver import Shares
from translator.shell.store.deliveries import Destination
from translator.shell.store.rows import LeasedDelivery

ALL: Final = 256
"""Concurrent deliveries in total."""

NAMES: Final = 4
"""The limit of one IP address and port, in multiples of a destination's limit, because many names may resolve to one address."""

_AHEAD: Final = 4
"""The prefetch limit of a destination that answers quickly, in multiples of its concurrent deliveries."""

_AHEAD_SECONDS: Final = 1.0
"""Seconds of work that a destination's prefetched deliveries may amount to."""

_AHEAD_IN_ALL: Final = 512
"""Prefetched deliveries in total. At this number no more are leased."""

_WEIGHT: Final = 0.2
"""The weight of the newest duration in the moving average."""


class CallbackSlot:
    """The deliveries of a destination: the number in progress, and the prefetched ones, each with the time until which it may start."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.running = 0
        self.ahead: deque[tuple[LeasedDelivery, float]] = deque()
        self.seconds = 0.0
        self.answers = False

    def ended(self, seconds: float, *, answered: bool) -> None:
        """Record the end of a delivery."""
        self.running -= 1
        self.answers = answered
        self.seconds = seconds if not self.seconds else self.seconds + _WEIGHT * (seconds - self.seconds)


class CallbackSlots:
    """The slots of all destinations with deliveries in progress. `each` is the limit of one destination."""

    def __init__(self, each: int) -> None:
        self.each = each
        self._shares = Shares(ALL)
        self._places: dict[Destination, CallbackSlot] = {}
        self._addresses: dict[str, Shares] = {}
        self._ahead = 0

    def __len__(self) -> int:
        return len(self._places)

    @property
    def free(self) -> int:
        """The number of deliveries that may still start, in total."""
        return self._shares.free

    def at(self, destination: Destination) -> CallbackSlot:
        """Return the slot of a destination."""
        return self._places.setdefault(destination, CallbackSlot(destination))

    def room(self, destination: Destination) -> int:
        """The number of deliveries that may be leased for a destination, with some to prefetch if it answers quickly."""
        place = self._places.get(destination)
        if self._ahead >= _AHEAD_IN_ALL:
            return 0
        if place is None:
            return self.each
        room = self.each - place.running - len(place.ahead)
        if place.answers:
            lasting = self.each * _AHEAD_SECONDS / max(place.seconds, 0.001)
            room += min(_AHEAD * self.each, int(lasting))
        return max(0, room)

    def choose(self, due: Iterable[Destination], most: int, chosen: dict[Destination, int]) -> None:
        """Add up to `most` due destinations to `chosen`, within the free slots and the share of each account."""
        given: dict[str, int] = {}
        free = self._shares.free
        for destination in due:
            if most <= 0 or free <= 0:
                return
            account = destination[0]
            rest = min(free, self._shares.room(account) - given.get(account, 0))
            if destination in chosen or rest <= 0 or (room := min(rest, self.room(destination))) <= 0:
                continue
            chosen[destination] = room
            given[account] = given.get(account, 0) + room
            free -= room
            most -= 1

    def hold(self, row: LeasedDelivery, until: float) -> None:
        """Prefetch a leased delivery. It starts when a slot is free."""
        self.at((row.account, row.destination)).ahead.append((row, until))
        self._ahead += 1

    def begin(self, place: CallbackSlot) -> tuple[LeasedDelivery, float] | None:
        """Return the next delivery of a destination, or None if no slot is free. If an account's share is nearly used, one destination
        of the account gets at most as many slots as are left for its others."""
        account = place.destination[0]
        if not place.ahead or place.running >= max(1, min(self.each, self._shares.room(account))):
            return None
        if not self._shares.take_free(account):
            return None
        place.running += 1
        self._ahead -= 1
        return place.ahead.popleft()

    def end(self, place: CallbackSlot, seconds: float, *, answered: bool) -> None:
        """Free the slot of a delivery that has ended."""
        place.ended(seconds, answered=answered)
        self._shares.give(place.destination[0])

    def is_tight(self, place: CallbackSlot) -> bool:
        """True if other destinations of the account may wait for a slot. Then this destination takes its turn after them."""
        return self._shares.room(place.destination[0]) <= 1

    def let_go(self, place: CallbackSlot) -> list[LeasedDelivery]:
        """Remove and return the prefetched deliveries of a destination."""
        rows = [row for row, _ in place.ahead]
        self._ahead -= len(rows)
        place.ahead.clear()
        return rows

    def forget_idle(self) -> None:
        """Delete the slots of destinations without deliveries in progress or prefetched."""
        for key in [key for key, place in self._places.items() if not place.running and not place.ahead]:
            del self._places[key]

    def __iter__(self) -> Any:
        return iter(list(self._places.values()))

    @contextlib.asynccontextmanager
    async def address(self, where: str, account: str) -> AsyncIterator[None]:
        """Hold a slot at an IP address and port, for which accounts take turns. Raises OSError if too many deliveries wait."""
        shares = self._addresses.setdefault(where, Shares(NAMES * self.each))
        await shares.take(account, ALL)
        try:
            yield
        finally:
            shares.give(account)
            if shares.is_free():
                self._addresses.pop(where, None)
