"""Receivers: how fast one is called that answers at once, and what ten thousand dead ones do to everybody else."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.traffic.figures import Lag, percentile, spread
from bench.traffic.filling import Filling
from bench.traffic.lives import Pace
from bench.traffic.load import paced, send
from bench.traffic.scenarios.callbacks import too_late
from bench.traffic.told import Ear, lateness, lives
from bench.traffic.verdicts import NEVER, Figure, Found, Options
from bench.traffic.worlds import World, say, world

OWED: Final = 10_000
"""Calls that stand in the store when the product starts."""

TODAY: Final = 24.0
"""Calls a second of the build of before, as issue 15 says it."""

_QUIET: Final = Pace(36_000.0, 36_000.0, 0.0, 0.0)
_SOON: Final = Pace(0.5, 1.5, 0.0, 0.0)
_RATE: Final = 20.0
_POLL: Final = "poll = 0.5"
"""In `dead-receivers` statuses are looked for twice a second, so that a delay is that of the calls."""
_LATER: Final = 3600.0
_LAG: Final = 20.0


async def owed(made: World, count: int, address: Callable[[int], str]) -> None:
    """Put so many calls into a new store, each of another message and due now; `address(number)` says whom they go to."""
    file, now = Filling(made.store), time.time()
    await asyncio.to_thread(file.owed, range(1, count + 1), address, now, now + _LATER)
    await asyncio.to_thread(file.close)


async def one_receiver(checkout: Path, options: Options) -> Found:
    """Calls a second to one receiver that answers in a millisecond, as long as more are owed."""
    seconds, count = options.seconds or 10.0, max(200, int(OWED * options.scale))
    async with world(checkout, [_QUIET], pycache=options.pycache) as made:
        await owed(made, count, lambda _: made.hook)
        await made.start()
        say(f"  {count} calls are owed; up to {seconds:g} s are measured from the first one on")
        calls = await _counted(made, count, seconds)
        use, lags = made.use(), await made.lags()
        first = min((call[0] for call in calls), default=0.0)
        inside = [call[0] for call in calls if call[0] <= first + seconds]
        lasted = max(inside) - first if len(inside) == count else seconds
        rate = (len(inside) - 1) / max(lasted, 1e-9) if inside else 0.0
        again = len(calls) - len({call[2] for call in calls})
        details = {
            "calls": len(inside),
            "seconds": lasted,
            "product_cpu": use.cpu,
            "lags": lags,
            "again": again,
            "notes": made.notes(),
        }
        figures = [
            Figure(
                "callbacks a second to one receiver that answers in 1 ms",
                rate,
                "",
                20,
                50,
                more=True,
                times=True,
                known=TODAY,
            ),
            Figure("called twice", float(again), "", 0, None),
        ]
        return Found(figures, details, too_late(lags, _LAG))


async def _counted(made: World, count: int, seconds: float) -> list[Any]:
    until, calls = time.time() + seconds + 30, list[Any]()
    while time.time() < until and len(calls) < count:
        await asyncio.sleep(0.25)
        calls += await made.told(len(calls))
        if calls:
            until = min(until, calls[0][0] + seconds + 0.5)
    return calls


async def _beside(made: World, seconds: float, first: int) -> dict[str, Any]:
    """Sends whose receiver is well: how long they take, and how late its calls are."""
    lag, ear = Lag(), Ear(made)
    await ear.hear()
    sent = await paced(_RATE, seconds, lambda n: made.callers.ask(send(n, made.hook)), lag, first=first)
    numbers = {one.number for one in sent}
    known = {number: life for number, life in (await lives(made)).items() if number in numbers}
    until = time.time() + 12
    while time.time() < until:
        await asyncio.sleep(0.5)
        await ear.hear()
        if set(known) <= set(ear.delivered):
            break
    late = [*lateness(ear, known).values()]
    spans = [one.span.seconds for one in sent]
    return {
        "p50": percentile(spans, 0.5), "p50_of_thirds": _thirds(spans), "send_seconds": spread(spans),
        "late_p99": percentile(late, 0.99), "late": spread(late),
        "bad": sum(one.answer.status != 200 for one in sent), "lag": lag.said(),
    }  # fmt: skip


def _thirds(seconds: list[float]) -> list[float]:
    """The p50 of the first, the second and the last third."""
    third = max(1, len(seconds) // 3)
    return [percentile(seconds[at : at + third], 0.5) for at in (0, third, 2 * third)]


async def _without_dead(checkout: Path, options: Options, seconds: float) -> dict[str, Any]:
    async with world(checkout, [_SOON], callbacks=_POLL, pycache=options.pycache) as made:
        await made.start()
        say(f"  {seconds:g} s without dead receivers")
        return await _beside(made, seconds, 100_000)


async def dead_receivers(checkout: Path, options: Options) -> Found:
    """What a send takes, and how late a healthy receiver is called, beside 10,000 destinations that refuse and are owed a call each."""
    seconds, count = options.seconds or 30.0, max(100, int(OWED * options.scale))

    def dead(number: int) -> str:
        return f"http://127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}:{made.closed}/hook"

    before = await _without_dead(checkout, options, seconds)
    async with world(checkout, [_SOON], callbacks=_POLL, pycache=options.pycache) as made:
        await owed(made, count, dead)
        await made.start()
        say(f"  {seconds:g} s with {count} of them")
        during = await _beside(made, seconds, 200_000)
        lags, notes = {"load": during["lag"], **await made.lags()}, made.notes()
    after = await _without_dead(checkout, options, seconds)
    plain = (before["p50"] + after["p50"]) / 2
    ratio = during["p50"] / plain if plain else NEVER
    apart = max(before["p50"], after["p50"]) / max(min(before["p50"], after["p50"]), 1e-9)
    delay = max(before["late_p99"], after["late_p99"])
    figures = [
        Figure(
            f"{count:,} dead destinations: a send's p50, to that without them",
            ratio,
            "",
            1.3,
            1.05,
            noise=ratio * (1 - 1 / apart),
        ),
        Figure("a healthy receiver's p99 delay", during["late_p99"], "s", 5, 2),
        Figure("a send's p50 without them, the mean of before and after", plain * 1e3, "ms"),
        Figure("a send's p50 with them", during["p50"] * 1e3, "ms"),
        Figure("a healthy receiver's p99 delay without them", delay, "s"),
        Figure("sends not answered 200", float(before["bad"] + during["bad"] + after["bad"]), "", 0, None),
    ]
    return Found(
        figures, {"before": before, "with": during, "after": after, "lags": lags, "notes": notes}, too_late(lags, _LAG)
    )
