"""Two providers, of which one takes ten seconds for each response: the effect on the clients of the other."""

import asyncio
from pathlib import Path
from typing import Any, Final

from bench.traffic.figures import Lag, percentile, spread
from bench.traffic.lives import Pace
from bench.traffic.load import Outcome, paced, send
from bench.traffic.scenarios.callbacks import too_late
from bench.traffic.told import Ear, lateness, lives
from bench.traffic.verdicts import Figure, Found, Options
from bench.traffic.worlds import World, account_of, say, world

STALL: Final = 10.0
_PACE: Final = Pace(1.0, 3.0, 0.0, 0.0)
_RATE: Final = 10.0
_LOST_EACH: Final = 50
"""One send of so many at the healthy provider loses its answer."""
_LAG: Final = 100.0


async def _healthy(made: World, seconds: float, first: int) -> dict[str, Any]:
    """Measure the second provider's messages, while the first one's are sent beside."""
    lag, ear = Lag(), Ear(made)
    await ear.hear()

    def is_lost(number: int) -> bool:
        return number % _LOST_EACH == 0

    def well(number: int) -> Any:
        return made.callers.ask(send(number, made.hook, account=account_of(1), lost=is_lost(number)))

    def other(number: int) -> Any:
        return made.callers.ask(send(number, made.hook, account=account_of(0)))

    beside = asyncio.create_task(paced(_RATE, seconds, other, Lag(), first=first + 100_000))
    sent: list[Outcome] = await paced(_RATE, seconds, well, lag, first=first)
    await asyncio.sleep(_PACE.high + 17)
    await ear.hear()
    known = {number: life for number, life in (await lives(made, 1)).items() if number >= first}
    late = [*lateness(ear, known).values()]
    lost = [one for one in sent if is_lost(one.number)]
    await beside
    return {
        "late": spread(late), "late_p99": percentile(late, 0.99), "lost": len(lost), "found": sum(one.answer.status == 200 for one in lost),
        "lost_seconds": spread([one.span.seconds for one in lost]), "lag": lag.said(),
        "send_seconds": spread([one.span.seconds for one in sent if not is_lost(one.number)]),
    }  # fmt: skip


async def stalled_provider(checkout: Path, options: Options) -> Found:
    """Measure callbacks and unknown sends of one provider while the other one stalls, and without that."""
    seconds = options.seconds or 40.0
    async with world(checkout, [_PACE, _PACE], pycache=options.pycache) as made:
        await made.start()
        say(f"  {seconds:g} s at two healthy providers")
        before = await _healthy(made, seconds, 1000)
        await made.provider.ask("/control", stall=STALL)
        say(f"  {seconds:g} s while one takes {STALL:g} s for each answer: {before}")
        during = await _healthy(made, seconds, 500_000)
        lags, notes = {"load": during["lag"], **await made.lags()}, made.notes()
    share = during["found"] / max(1, during["lost"])
    figures = [
        Figure(
            "one provider stalls: share of the other's unknown sends found within `wait`",
            share,
            "",
            1.0,
            None,
            more=True,
        ),
        Figure("share found while none stalls", before["found"] / max(1, before["lost"]), more=True),
        Figure(
            "the other's callbacks, p99 of their lateness",
            during["late_p99"],
            "s",
            before["late_p99"] + 2,
            before["late_p99"] + 0.5,
        ),
        Figure("their lateness while none stalls, p99", before["late_p99"], "s"),
    ]
    return Found(figures, {"before": before, "during": during, "lags": lags, "notes": notes}, too_late(lags, _LAG))
