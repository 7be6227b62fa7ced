"""Dead receivers: 10,000 destinations refuse. A send and the callbacks of a healthy receiver are measured beside them.

Two products run side by side, one with dead destinations and one without. Each has 20 sends a second, in turn, 25 ms apart. So every
disturbance of the machine affects both in the same second.
The statuses of messages with refused callbacks are not polled. So the cost of status polling is not counted as one of dead receivers.
"""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from bench.traffic.figures import Lag, percentile, spread
from bench.traffic.lives import Pace
from bench.traffic.load import Outcome, paced, send
from bench.traffic.scenarios.callbacks import too_late
from bench.traffic.scenarios.receivers import OWED, owed
from bench.traffic.told import Ear, lateness, lives
from bench.traffic.verdicts import NEVER, Figure, Found, Options
from bench.traffic.worlds import World, say, world

_SOON: Final = Pace(0.5, 1.5, 0.0, 0.0)
_RATE: Final = 20.0
_POLL: Final = "poll = 0.5"
"""Statuses are polled twice a second, so that a delay is that of the callbacks."""

_LAG: Final = 20.0
_SLICE: Final = 2.0
"""Seconds of one ratio: the medians of 40 sends of each product are compared."""

_FIRST: Final = 100_000


async def _beside(made: World, seconds: float, offset: float) -> dict[str, Any]:
    """Send to one of the two products. Returns the times, its processor use meanwhile, and the delays of a healthy receiver's
    callbacks."""
    lag, ear = Lag(), Ear(made)
    await ear.hear()
    await asyncio.sleep(offset)
    before = made.use().cpu
    sent = await paced(_RATE, seconds, lambda n: made.callers.ask(send(n, made.hook)), lag, first=_FIRST)
    used = made.use().cpu - before
    late = await _late(made, ear, {one.number for one in sent})
    spans = [one.span.seconds for one in sent]
    return {
        "sent": sent, "p50": percentile(spans, 0.5), "send_seconds": spread(spans), "cpu_a_send": used / max(1, len(sent)),
        "late_p99": percentile(late, 0.99), "late": spread(late),
        "bad": sum(one.answer.status != 200 for one in sent), "lag": lag.said(),
    }  # fmt: skip


async def _late(made: World, ear: Ear, numbers: set[int]) -> list[float]:
    """The delay of `delivered` for each of these messages. The last ones are awaited for up to 12 seconds."""
    known = {number: life for number, life in (await lives(made)).items() if number in numbers}
    until = time.time() + 12
    while time.time() < until and not set(known) <= set(ear.delivered):
        await asyncio.sleep(0.5)
        await ear.hear()
    return [*lateness(ear, known).values()]


def _medians(sent: list[Outcome], part: slice = slice(None)) -> list[float]:
    """The median time of a send in each slice of 2 seconds; of every other send if `part` says so."""
    many = max(1, int(_RATE * _SLICE))
    slices = [sent[at : at + many][part] for at in range(0, len(sent), many)]
    return [percentile([one.span.seconds for one in each], 0.5) for each in slices if each]


def ratios(these: list[float], those: list[float]) -> list[float]:
    """Each median as a multiple of the other product's median of the same seconds."""
    return [one / other if other else NEVER for one, other in zip(these, those, strict=False)]


def _dead(number: int, port: int) -> str:
    """A closed port at an address of loopback, another address for each number."""
    return f"http://127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}:{port}/hook"


async def dead_receivers(checkout: Path, options: Options) -> Found:
    """The ratios of a send's medians beside 10,000 dead destinations and without them, over many slices of the same seconds."""
    seconds, count = options.seconds or 60.0, max(100, int(OWED * options.scale))
    async with (
        world(checkout, [_SOON], callbacks=_POLL, pycache=options.pycache) as plain,
        world(checkout, [_SOON], callbacks=_POLL, pycache=options.pycache) as made,
    ):
        await owed(made, count, lambda number: _dead(number, made.closed), waits=False)
        await plain.start()
        await made.start()
        say(f"  {seconds:g} s with {count} dead destinations, and beside it without")
        without, during = await asyncio.gather(_beside(plain, seconds, 0.0), _beside(made, seconds, 0.5 / _RATE))
        lags = {"load": during["lag"], **await made.lags()}
        notes = made.notes()
    return _found(count, without, during, lags, notes)


def _found(
    count: int, without: dict[str, Any], during: dict[str, Any], lags: dict[str, dict[str, float]], notes: dict[str, int]
) -> Found:  # fmt: skip
    plain, dead = without.pop("sent"), during.pop("sent")
    of_slices = ratios(_medians(dead), _medians(plain))
    by_chance = ratios(_medians(plain, slice(0, None, 2)), _medians(plain, slice(1, None, 2)))
    low, ratio, high = (percentile(of_slices, share) for share in (0.1, 0.5, 0.9))
    cpu = during["cpu_a_send"] / without["cpu_a_send"] if without["cpu_a_send"] else NEVER
    figures = [
        Figure(f"{count:,} dead destinations: a send's p50, to that without them in the same seconds", ratio, "", 1.3, 1.05),
        Figure("the same: a tenth of the slices is below", low),
        Figure("the same: a tenth of the slices is above", high),
        Figure("two halves of the sends without them, to each other: a tenth of the slices is above", percentile(by_chance, 0.9)),
        Figure("processor time a send, to that without them", cpu),
        Figure("processor time a send without them", without["cpu_a_send"] * 1e3, "ms"),
        Figure("a healthy receiver's p99 delay", during["late_p99"], "s", 5, 2),
        Figure("a healthy receiver's p99 delay without them", without["late_p99"], "s"),
        Figure("a send's p50 without them", without["p50"] * 1e3, "ms"),
        Figure("a send's p50 with them", during["p50"] * 1e3, "ms"),
        Figure("sends not answered 200", float(without["bad"] + during["bad"]), "", 0, None),
    ]  # fmt: skip
    details = {
        "without": without,
        "with": during,
        "ratios": of_slices,
        "by_chance": by_chance,
        "lags": lags,
        "notes": notes,
    }
    return Found(figures, details, too_late(lags, _LAG))
