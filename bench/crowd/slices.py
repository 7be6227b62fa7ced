"""Short slices of time, in turn without and with an attack, so that a busy machine slows both down alike.

quiet, attack, quiet, attack, … ─▶ a value of each slice ─▶ median with / median without
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Any, NamedTuple, TypeVar

from bench.traffic.figures import Lag, percentile
from bench.traffic.load import Answered, Callers, Outcome, paced
from bench.traffic.verdicts import NEVER

T = TypeVar("T")


class Length(NamedTuple):
    """How long a row takes: the seconds of a slice, and how many pairs of slices there are."""

    seconds: float = 3.0
    pairs: int = 5
    settle: float = 0.7
    """Seconds after each change in which nothing is measured."""


async def alternate(
    length: Length, work: Callable[[bool, int], Awaitable[T]], begin: Callable[[int], Awaitable[Any]],
    end: Callable[[int], Awaitable[Any]],
) -> tuple[list[T], list[T]]:  # fmt: skip
    """The results of `work(attacked, pair)` of all quiet slices, and of all that were attacked.

    `begin(pair)` begins the attack before its slice, and `end(pair)` ends it."""
    quiet, attacked = list[T](), list[T]()
    for pair in range(length.pairs):
        quiet.append(await work(False, pair))
        await begin(pair)
        try:
            attacked.append(await work(True, pair))
        finally:
            await end(pair)
        await asyncio.sleep(length.settle)
    return quiet, attacked


class Ratio(NamedTuple):
    """The median with an attack, in times of the one without it. `low` and `high` are those of the single pairs.

    `noise` is the part by which the machine alone may have made it larger. It is the difference of the quiet slices of even and of odd
    number.
    """

    times: float
    low: float
    high: float
    noise: float

    def said(self) -> dict[str, float]:
        """The ratio as a value for JSON."""
        return {name: round(value, 3) for name, value in self._asdict().items()}


def ratio(quiet: Sequence[float], attacked: Sequence[float]) -> Ratio:
    """Compare the values of slices, in the order of their pairs. A value that is infinite makes the whole infinite at the median only."""
    each = [with_it / max(without, 1e-9) for without, with_it in zip(quiet, attacked, strict=True)]
    times = median(attacked) / max(median(quiet), 1e-9)
    even, odd = median(quiet[::2]), median(quiet[1::2] or quiet)
    apart = max(even, odd) / max(min(even, odd), 1e-9)
    noise = times * (1 - 1 / apart) if times < NEVER and apart < NEVER else 0.0
    return Ratio(times, min(each), max(each), noise)


class Part(NamedTuple):
    """The requests of one slice: their p50 and p99 in seconds, how many were not answered 200, and the number of the first and of all."""

    p50: float
    p99: float
    refused: int
    first: int
    asked: int
    statuses: dict[int, int]

    @property
    def numbers(self) -> range:
        """The numbers of its requests."""
        return range(self.first, self.first + self.asked)


def part(outcomes: Sequence[Outcome], first: int) -> Part:
    """The summary of a slice whose first request had that number."""
    seconds = [one.span.seconds for one in outcomes]
    statuses: dict[int, int] = {}
    for one in outcomes:
        statuses[one.answer.status] = statuses.get(one.answer.status, 0) + 1
    good = statuses.get(200, 0)
    return Part(
        percentile(seconds, 0.5), percentile(seconds, 0.99), len(outcomes) - good, first, len(outcomes), statuses
    )  # fmt: skip


async def asks(
    callers: Callers, rate: float, seconds: float, first: int, request: Callable[[int], bytes], lag: Lag
) -> Part:
    """Send `rate` requests a second for so many seconds, also if earlier ones fail."""

    async def one(number: int) -> Answered:
        return await callers.ask(request(number))

    return part(await paced(rate, seconds, one, lag, first=first), first)
