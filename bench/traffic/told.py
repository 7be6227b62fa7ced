"""The callbacks that the receiver got, beside the statuses that the provider could show."""

import asyncio
import re
import time
from collections import Counter, defaultdict
from typing import Any, Final, NamedTuple

from bench.traffic.figures import share_within, spread
from bench.traffic.verdicts import NEVER
from bench.traffic.worlds import World, say

_NUMBER: Final = re.compile(r"(?:lost )?m(\d+)")

Call = tuple[float, str, int, str]


class Life(NamedTuple):
    """The time at which a message was made at the provider, and the time from which on it showed `Delivered`; epoch seconds."""

    created: float
    delivered: float


async def lives(world: World, provider: int = 0, after: int = 0) -> dict[int, Life]:
    """The lives of the messages that were sent, by number, but for the first `after` of them."""
    found = {}
    for text, created, delivered in await world.providers[provider].ask(f"/lives?{after}"):
        if (number := _NUMBER.match(text)) is not None:
            found[int(number[1])] = Life(created, NEVER if delivered is None else delivered)
    return found


class Ear:
    """Asks the receiver again and again for its callbacks, and prints the progress."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turn = asyncio.Lock()
        self.calls: list[Call] = []
        self.delivered: dict[int, float] = {}

    async def hear(self) -> None:
        """Read the callbacks that came since the last time. `delivered` holds the time of each message's first `delivered`."""
        async with self._turn:
            calls = await self._world.told(len(self.calls))
            self.calls += calls
        for when, _, number, status in calls:
            if status == "delivered":
                self.delivered.setdefault(number, when)

    async def listen(self, every: float = 15.0) -> None:
        """Go on until cancelled."""
        began = time.time()
        while True:
            await asyncio.sleep(every)
            await self.hear()
            words = Counter(call[3] for call in self.calls)
            say(f"  {time.time() - began:5.0f} s: told of {dict(words)}")


def lateness(ear: Ear, known: dict[int, Life]) -> dict[int, float]:
    """Seconds from the time at which each message's `Delivered` could be known to its `delivered` callback; infinity if none came.

    Messages that are never delivered are left out.
    """
    return {
        number: ear.delivered.get(number, NEVER) - life.delivered
        for number, life in known.items()
        if life.delivered < NEVER
    }


def faults(calls: list[Call]) -> dict[str, int]:
    """Count the callbacks that came again, and the messages whose `delivered` came before `sent`."""
    by_number: defaultdict[int, list[str]] = defaultdict(list)
    for _, _, number, status in calls:
        by_number[number].append(status)
    told = by_number.values()
    return {
        "again": sum(len(words) - len(set(words)) for words in told),
        "out_of_order": sum(words.index("delivered") < words.index("sent") for words in told if {"sent", "delivered"} <= {*words}),
    }  # fmt: skip


def by_minute(late: dict[int, float], known: dict[int, Life], began: float) -> list[dict[str, Any]]:
    """The shares of callbacks in time, by the minute in which the status could be known."""
    minutes: defaultdict[int, list[float]] = defaultdict(list)
    for number, life in known.items():
        minutes[int((life.delivered - began) // 60)].append(late[number])
    return [
        {"minute": minute, "within_15": round(share_within(each, 15), 4), "within_8": round(share_within(each, 8), 4), **spread(each)}
        for minute, each in sorted(minutes.items())
    ]  # fmt: skip
