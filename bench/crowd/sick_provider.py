"""One provider stalls, floods or lies. The lists and callbacks of an account at another one are measured."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from itertools import count
from statistics import median
from typing import Any, Final, NamedTuple

from bench.crowd.slices import Part, Ratio, alternate, asks, ratio
from bench.crowd.surroundings import MUST_OTHERS, Given, Scene, defects_figure, memory_figure, refused_figure, scene
from bench.traffic.figures import percentile
from bench.traffic.load import listing, send
from bench.traffic.told import Ear, lateness, lives
from bench.traffic.verdicts import Figure, Found
from bench.traffic.worlds import account_of, say

WAYS: Final = ("stalls", "floods", "lies")
_AT_ONCE: Final = 4
_LISTS: Final = 30.0
_SENDS: Final = 15.0
_SICK, _WELL = account_of(0), account_of(1)
_HEARD: Final = 2.5
"""Seconds after the last slice in which callbacks may still come."""


class Slice(NamedTuple):
    """The lists of one slice, and the numbers of the messages that were sent in it with a callback."""

    lists: Part
    sends: Part


async def _attack(on: Scene, numbers: Any) -> None:
    """Send requests to the sick provider's account without end: lists, and sends with a callback."""
    while True:
        number = next(numbers)
        request = send(number, on.made.hook, account=_SICK) if number % 5 == 0 else listing(20, account=_SICK)
        await on.callers.ask(request)


class _Sick:
    """The provider of the other account, and the clients that use it while it is sick."""

    def __init__(self, on: Scene, ways: Sequence[str]) -> None:
        self._on, self._ways = on, ways
        self._numbers = count(10_000_000)
        self._asking: list[asyncio.Task[None]] = []

    async def begin(self, pair: int) -> None:
        await self._on.made.provider.ask("/way", way=self._ways[pair % len(self._ways)])
        self._asking = [asyncio.create_task(_attack(self._on, self._numbers)) for _ in range(_AT_ONCE)]

    async def end(self, _: int = 0) -> None:
        await self._on.made.provider.ask("/way", way="")
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)


@contextlib.asynccontextmanager
async def _prepared(given: Given) -> AsyncIterator[Scene]:
    async with scene(given, providers=2) as on:
        now = time.time()
        for provider in on.made.providers:
            await provider.ask("/control", history={"count": 300, "since": now - 3600, "until": now - 60})
        yield on


async def _told(on: Scene, slices: Sequence[Slice]) -> list[list[float]]:
    """How late the callbacks of each slice came, in seconds."""
    ear = Ear(on.made)
    await asyncio.sleep(_HEARD)
    await ear.hear()
    late = lateness(ear, await lives(on.made, 1))
    return [[late[number] for number in one.sends.numbers if number in late] for one in slices]


async def sick_provider(given: Given) -> Found:
    """Alternate a healthy provider with one that is sick, each way in turn."""
    async with _prepared(given) as on:
        sick = _Sick(on, WAYS)

        async def work(attacked: bool, pair: int) -> Slice:
            first = 1 + 10_000 * (2 * pair + attacked)
            lists, sends = await asyncio.gather(
                asks(on.callers, _LISTS, given.length.seconds, first, lambda _: listing(20, account=_WELL), on.lag),
                asks(on.callers, _SENDS, given.length.seconds, first, lambda n: send(n, on.made.hook, account=_WELL), on.lag),
            )  # fmt: skip
            return Slice(lists, sends)

        await work(False, 99)
        before = on.resident()
        quiet, attacked = await alternate(given.length, work, sick.begin, sick.end)
        after, peak = await on.resident_after(), on.peak()
        late = await _told(on, [*quiet, *attacked])
        lags, defects = await on.made.lags(), on.defects()
    halves = late[: len(quiet)], late[len(quiet) :]
    figures = _figures(quiet, attacked, halves)
    say(f"  {lags}")
    late_p99 = [[percentile(one, 0.99) for one in half] for half in halves]
    details = {
        "peak": peak, "defects": defects, "quiet": quiet, "attacked": attacked, "late_p99": late_p99, "lags": lags, "lag": on.lag.said(),
    }  # fmt: skip
    what = "one provider is sick"
    return Found([*figures, memory_figure(what, before, after), defects_figure(what, defects)], details)


def _figures(
    quiet: Sequence[Slice], attacked: Sequence[Slice], late: tuple[list[list[float]], list[list[float]]]
) -> list[Figure]:
    calls = ratio(*([percentile(one, 0.99) for one in half] for half in late))
    by_way: list[tuple[str, Ratio]] = []
    for at, way in enumerate(WAYS[: len(attacked)]):
        pairs = slice(at, None, len(WAYS))
        by_way.append((way, ratio([one.lists.p99 for one in quiet[pairs]], [one.lists.p99 for one in attacked[pairs]])))
    lists = max((each for _, each in by_way), key=lambda each: each.times)
    refused = sum(part.refused for one in attacked for part in one)
    return [
        Figure("one provider is sick: others' lists, p99, to that in quiet, worst way", lists.times, "", MUST_OTHERS, noise=lists.noise),
        *(Figure(f"the same while it {way}", each.times) for way, each in by_way),
        Figure("one provider is sick: others' callbacks, p99 of their lateness, to that in quiet", calls.times, "", MUST_OTHERS,
               noise=calls.noise),
        refused_figure("others' requests that were refused or not answered", refused),
        Figure("others' lists in quiet, p99", median(one.lists.p99 for one in quiet) * 1e3, "ms"),
        Figure("others' callbacks in quiet, p99 of their lateness", median(percentile(one, 0.99) for one in late[0]), "s"),
    ]  # fmt: skip
