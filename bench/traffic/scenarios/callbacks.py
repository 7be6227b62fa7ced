"""Callbacks in time: messages at a steady rate. Most of their handsets answer soon, and some of them very late."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from bench.traffic.figures import Lag, percentile, share_within, spread
from bench.traffic.lives import Pace
from bench.traffic.load import Outcome, paced, send
from bench.traffic.told import Ear, Life, by_minute, faults, lateness, lives
from bench.traffic.verdicts import Figure, Found, Options
from bench.traffic.worlds import World, say, world

SLOW_SHARE: Final = 0.05
IN_TIME: Final = 15.0
SOON: Final = 8.0
_LAG: Final = 500.0
"""Milliseconds by which this machinery may be late without the figures losing their meaning."""


async def callbacks_in_time(checkout: Path, options: Options) -> Found:
    """The share of `delivered` callbacks that come in time, with every setting at its default."""
    minutes = 10.0 if options.minutes is None else options.minutes
    pace = Pace(*options.fast, SLOW_SHARE, options.slow_after)
    async with world(checkout, [pace], pycache=options.pycache, dialect=options.provider) as made:
        await made.start()
        say(f"  {options.rate:g}/s for {minutes:g} min, then until the last handset has answered")
        began, lag, ear = time.time(), Lag(), Ear(made)
        listening = asyncio.create_task(ear.listen())
        try:
            sent = await paced(options.rate, minutes * 60, lambda n: made.callers.ask(send(n, made.hook)), lag)
            known = await _until_all_is_told(made, ear)
        finally:
            listening.cancel()
        return await _judged(made, ear, sent, known, began, lag)


async def _until_all_is_told(made: World, ear: Ear) -> dict[int, Life]:
    """Wait until every callback came, or until the missing ones are late."""
    known = await lives(made)
    until = max((life.delivered for life in known.values()), default=time.time()) + IN_TIME + 2
    while time.time() < until:
        await asyncio.sleep(1)
        await ear.hear()
        if len(ear.delivered) >= len(known):
            break
    await ear.hear()
    return known


async def _judged(made: World, ear: Ear, sent: list[Outcome], known: dict[int, Life], began: float, lag: Lag) -> Found:
    use, asked, seconds = made.use(), await made.provider.ask("/control"), time.time() - began
    late = lateness(ear, known)
    shares = share_within([*late.values()], IN_TIME), share_within([*late.values()], SOON)
    minutes = by_minute(late, known, began)
    per_second = [count for _, count in asked["seconds"]]
    lags = {"load": lag.said(), **await made.lags()}
    details: dict[str, Any] = {
        "messages": len(known), "answered": _statuses(sent), "send_seconds": spread([one.span.seconds for one in sent]),
        "late": spread([*late.values()]), "minutes": minutes, "faults": faults(ear.calls), "asked": asked["counts"],
        "asks_a_second": spread(per_second), "product_cpu": use.cpu / seconds, "notes": made.notes(), "lags": lags,
    }  # fmt: skip
    figures = [
        Figure("share of delivered told within 15 s of being knowable", shares[0], "", 0.99, None, more=True),
        Figure("share told within 8 s", shares[1], "", None, 0.999, more=True),
        Figure(
            "the worst minute's share within 15 s", min((row["within_15"] for row in minutes), default=0.0), more=True
        ),
        Figure("lateness, p99", percentile([*late.values()], 0.99), "s"),
        Figure("asks a second at the provider, mean", sum(per_second) / seconds),
        Figure("told twice or out of order", float(sum(details["faults"].values())), "", 0, None),
        Figure("sends not answered 200", float(sum(one.answer.status != 200 for one in sent)), "", 0, None),
        Figure("CPU of the product, processors", use.cpu / seconds),
    ]
    return Found(figures, details, too_late(lags, _LAG))


def _statuses(sent: list[Outcome]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in sent:
        found[str(one.answer.status)] = found.get(str(one.answer.status), 0) + 1
    return found


def too_late(lags: dict[str, dict[str, float]], limit: float) -> str:
    """A sentence if a process of this bench was later than `limit` milliseconds in one of a hundred cases."""
    name, lag = max(lags.items(), key=lambda item: item[1]["p99"])
    return f"the {name} itself was {lag['p99']:.0f} ms late (p99)" if lag["p99"] > limit else ""
