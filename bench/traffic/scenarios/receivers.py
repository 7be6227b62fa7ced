"""One receiver: how fast it is called when it answers at once. The scenario of dead receivers is in `dead`."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.traffic.filling import Filling
from bench.traffic.lives import Pace
from bench.traffic.scenarios.callbacks import too_late
from bench.traffic.verdicts import Figure, Found, Options
from bench.traffic.worlds import World, say, world

OWED: Final = 10_000
"""Calls that stand in the store when the product starts."""

TODAY: Final = 24.0
"""Callbacks a second of the build of before, from issue 15."""

_QUIET: Final = Pace(36_000.0, 36_000.0, 0.0, 0.0)
_LATER: Final = 3600.0
_LAG: Final = 20.0


async def owed(made: World, count: int, address: Callable[[int], str], *, waits: bool = True) -> None:
    """Put so many deliveries into a new store, each of another message and due now.

    `address(number)` is the URL of each. `waits` says if the statuses of these messages are polled.
    """
    file, now = Filling(made.store), time.time()
    await asyncio.to_thread(file.owed, range(1, count + 1), address, now, now + _LATER if waits else None)
    await asyncio.to_thread(file.close)


async def one_receiver(checkout: Path, options: Options) -> Found:
    """Measure the callbacks a second to one receiver that answers in a millisecond, as long as more are due."""
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
