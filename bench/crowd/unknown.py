"""Unauthenticated clients: their memory, and the sends of an account beside them."""

from statistics import median
from typing import Any, Final

from bench.crowd.slices import alternate, asks, ratio
from bench.crowd.surroundings import (
    MIB,
    MUST_AFTER,
    MUST_SENDS,
    Attack,
    Given,
    Scene,
    attacker,
    defects_figure,
    memory_figure,
    refused_figure,
    scene,
)
from bench.traffic.load import listing, send
from bench.traffic.verdicts import Figure, Found
from bench.traffic.worlds import say

FEW: Final = 200
"""The number of connections that are few enough for the proxy to hold all their bytes."""

OPEN: Final = 6 * 1024
"""Bytes of memory that a silent connection takes."""

SHARE: Final = 16 * MIB
"""The share of all unauthenticated clients with the default of `[server] memory`, in bytes."""

_WARM: Final = 20
_WATCHED: Final = 1.0
_RATE: Final = 40.0


async def _held(on: Scene, attack: Attack, form: str, connections: int) -> dict[str, float]:
    """The memory that one form takes: first of a few connections, and then of many."""
    await attack.begin([form], _WARM)
    await attack.watched(on, _WARM, 0.1)
    await attack.end()
    before = await on.resident_after()
    await attack.begin([form], FEW)
    most, sent = await attack.watched(on, FEW, _WATCHED)
    await attack.end()
    times = max(0, most - before - FEW * OPEN) / max(1, sent)
    await attack.begin([form], connections)
    most, sent_in_all = await attack.watched(on, connections, _WATCHED)
    await attack.end()
    after = await on.resident_after()
    return {
        "times": times, "sent_mib": sent / MIB, "total_mib": (most - before) / MIB, "sent_in_all_mib": sent_in_all / MIB,
        "before_mib": before / MIB, "after": after / before,
    }  # fmt: skip


async def unknown_memory(given: Given) -> Found:
    """The memory that each form of an attack takes, in a fresh process each."""
    found: dict[str, Any] = {}
    peak = 0
    async with scene(given) as on, attacker(on) as attack:
        for number, form in enumerate(given.forms):
            if number:
                on.made.kill()
                await on.made.start()
            await on.callers.ask(listing(20))
            found[form] = await _held(on, attack, form, given.connections)
            peak = max(peak, on.peak())
            say(f"  {form}: {found[form]}")
    worst = max(found, key=lambda form: float(found[form]["times"]))
    most = max(found, key=lambda form: float(found[form]["total_mib"]))
    left = max(found, key=lambda form: float(found[form]["after"]))
    must = (SHARE + given.connections * OPEN) / MIB
    figures = [
        Figure(f"memory of {FEW} connections, in times of what they sent, the worst form", found[worst]["times"], "", 2, exact=True),
        Figure(f"memory of {given.connections:,} connections in all, the worst form", found[most]["total_mib"], "MiB", must, exact=True),
        Figure("memory one second after, to that before, the worst form", found[left]["after"], "", MUST_AFTER, exact=True),
    ]  # fmt: skip
    return Found(figures, {"peak": peak, "forms": found, "worst": [worst, most, left]})


async def unknown_sends(given: Given) -> Found:
    """The sends of an account, while an unauthenticated client makes so many connections in each slice, of all forms in turn."""
    made: list[dict[str, Any]] = []
    used: list[float] = []

    async with scene(given) as on, attacker(on) as attack:

        async def work(_: bool, pair: int) -> Any:
            first, before = 1 + 100_000 * pair, on.made.use().cpu
            found = await asks(on.callers, _RATE, given.length.seconds, first, send, on.lag)
            used.append((on.made.use().cpu - before) / given.length.seconds)
            return found

        async def begin(_: int) -> None:
            await attack.begin(given.forms, given.connections, given.length.seconds)

        async def end(_: int) -> None:
            made.append(await attack.end())

        first = await work(False, 99)
        before = on.resident()
        quiet, attacked = await alternate(given.length, work, begin, end)
        after, peak, defects = await on.resident_after(), on.peak(), on.defects()
    times = ratio([one.p50 for one in quiet], [one.p50 for one in attacked])
    refused = sum(one.refused for one in attacked)
    figures = [
        Figure("unknown callers: others' sends, p50, to that in quiet", times.times, "", MUST_SENDS, noise=times.noise),
        refused_figure("others' sends that were refused or not answered", refused),
        Figure("others' sends in quiet, p50", median(one.p50 for one in quiet) * 1e3, "ms"),
        Figure("others' sends before any attack, p50", first.p50 * 1e3, "ms"),
        Figure("others' sends beside unknown callers, p50", median(one.p50 for one in attacked) * 1e3, "ms"),
        Figure("others' sends in quiet, p99", median(one.p99 for one in quiet) * 1e3, "ms"),
        Figure("others' sends beside unknown callers, p99", median(one.p99 for one in attacked) * 1e3, "ms"),
        memory_figure("unknown callers", before, after),
        defects_figure("unknown callers", defects),
    ]
    return Found(
        figures,
        {
            "peak": peak,
            "p50": times.said(),
            "defects": defects,
            "processor": used[1:],
            "quiet": quiet,
            "attacked": attacked,
            "made": made,
            "lag": on.lag.said(),
        },
    )
