"""Who may make a callback now: so many at a time at a destination and at an IP address, and a share of all of them for each account.

A destination is here while a call to it is under way or is held ahead of its turn. What is not under way stands in the store alone.
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from translator.shell.delivery.resolver import Shares
from translator.shell.store.deliveries import Destination

ALL: Final = 256
"""Calls at once in all."""

NAMES: Final = 4
"""How many destinations' worth of calls one IP address and port gets, whatever names lead there."""

_AHEAD: Final = 4
"""How many times the calls at once are held ahead at a destination that answers quickly."""

_AHEAD_SECONDS: Final = 1.0
"""For how long what is held ahead keeps a destination busy at most."""

_AHEAD_IN_ALL: Final = 512
"""Deliveries that are held in all. With so many of them no more are taken."""

_WEIGHT: Final = 0.2
"""Of the newest duration in the average."""


class CallbackSlot:
    """A destination: how many calls are under way, and which deliveries are held ahead, each with the time until which it may begin."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.running = 0
        self.ahead: deque[tuple[dict[str, Any], float]] = deque()
        self.seconds = 0.0
        self.answers = False

    def ended(self, seconds: float, *, answered: bool) -> None:
        """A call has ended."""
        self.running -= 1
        self.answers = answered
        self.seconds = seconds if not self.seconds else self.seconds + _WEIGHT * (seconds - self.seconds)


class CallbackSlots:
    """All destinations that have something under way. `each` is how many calls one gets at a time."""

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
        """How many more calls there may be in all."""
        return self._shares.free

    def at(self, destination: Destination) -> CallbackSlot:
        """A destination's place."""
        return self._places.setdefault(destination, CallbackSlot(destination))

    def room(self, destination: Destination) -> int:
        """How many deliveries a destination may be given: those that can begin, and some ahead if it answers quickly."""
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
        """Add up to `most` of the destinations that are due to those that get room, within what is free and what each account may take."""
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

    def hold(self, row: dict[str, Any], until: float) -> None:
        """A delivery that was taken: it is begun when there is room."""
        self.at((row["entry"], row["destination"])).ahead.append((row, until))
        self._ahead += 1

    def begin(self, place: CallbackSlot) -> tuple[dict[str, Any], float] | None:
        """The next delivery of a destination, if a call may begin there now. Where an account's share is nearly used, one destination of
        it gets no more than is left for the others."""
        account = place.destination[0]
        if not place.ahead or place.running >= max(1, min(self.each, self._shares.room(account))):
            return None
        if not self._shares.take_free(account):
            return None
        place.running += 1
        self._ahead -= 1
        return place.ahead.popleft()

    def end(self, place: CallbackSlot, seconds: float, *, answered: bool) -> None:
        """A call has ended."""
        place.ended(seconds, answered=answered)
        self._shares.give(place.destination[0])

    def is_tight(self, place: CallbackSlot) -> bool:
        """Whether others of the same account may wait for a place: then a destination takes its turn behind them."""
        return self._shares.room(place.destination[0]) <= 1

    def let_go(self, place: CallbackSlot) -> list[dict[str, Any]]:
        """What is held ahead at a destination and is not to be begun."""
        rows = [row for row, _ in place.ahead]
        self._ahead -= len(rows)
        place.ahead.clear()
        return rows

    def forget_idle(self) -> None:
        """Remember nothing of a destination where nothing is under way."""
        for key in [key for key, place in self._places.items() if not place.running and not place.ahead]:
            del self._places[key]

    def __iter__(self) -> Any:
        return iter(list(self._places.values()))

    @contextlib.asynccontextmanager
    async def address(self, where: str, account: str) -> AsyncIterator[None]:
        """A place at an IP address and port, which accounts take turns at. Raises OSError if too many wait."""
        shares = self._addresses.setdefault(where, Shares(NAMES * self.each))
        await shares.take(account, ALL)
        try:
            yield
        finally:
            shares.give(account)
            if shares.is_free():
                self._addresses.pop(where, None)
