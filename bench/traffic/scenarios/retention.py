"""Retention: whether sends stand still while a store of a million sends is looked through, and while all of it is deleted."""

import asyncio
import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from bench.traffic.figures import Lag, percentile, standstill
from bench.traffic.filling import Filling
from bench.traffic.lives import Pace
from bench.traffic.load import Outcome, paced, send
from bench.traffic.verdicts import Figure, Found, Options
from bench.traffic.worlds import World, say, world

SENDS: Final = 1_000_000
WATCHED: Final = 200_000
"""Of the sends, those of whose end somebody was told."""

_PACE: Final = Pace(0.2, 0.3, 0.0, 0.0)
_HOUR, _DAY = 3600.0, 90_000.0
_SPREAD: Final = 3000.0
"""Seconds between the oldest and the youngest."""
_NEARLY_ALL: Final = 0.98
_TABLES: Final = ("sends", "watches", "events")


async def _fill(made: World, scale: float, youngest: float) -> dict[str, int]:
    """So many finished sends in a new store, of which the youngest is so many seconds old."""
    watched, all_of_them, now = int(WATCHED * scale), int(SENDS * scale), time.time()

    def when(number: int) -> float:
        return now - youngest - _SPREAD * (1 - number / all_of_them)

    file = Filling(made.store)
    await asyncio.to_thread(file.finished, range(1, watched + 1), when, made.hook)
    await asyncio.to_thread(file.finished, range(watched + 1, all_of_them + 1), when)
    await asyncio.to_thread(file.close)
    return await asyncio.to_thread(_counts, made.store)


async def _beside(
    checkout: Path, options: Options, seconds: float, youngest: float, *, counting: bool
) -> dict[str, Any]:
    """Sends beside a store of finished ones of that age."""
    async with world(checkout, [_PACE], pycache=options.pycache) as made:
        counts = await _fill(made, options.scale, youngest)
        say(f"  {counts}, of which the youngest is {youngest / 3600:.0f} h old; {seconds:g} s")
        await made.start()
        found = await _sends(made, options.rate, seconds, 1000, counting=counting)
        return found | {"before": counts, "lags": await made.lags(), "notes": made.notes()}


def _counts(store: Path) -> dict[str, int]:
    """Rows of each table, read beside the product."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)) as db:
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TABLES}  # noqa: S608


class _Disk:
    """How long the disk itself takes for 4 KiB and fsync, four times a second, beside the product."""

    def __init__(self, folder: Path) -> None:
        self._path, self.longest = folder / "disk", 0.0

    async def probe(self) -> None:
        with self._path.open("wb") as file:
            while True:
                began = time.monotonic()
                await asyncio.to_thread(self._once, file)
                self.longest = max(self.longest, time.monotonic() - began)
                await asyncio.sleep(0.25)

    @staticmethod
    def _once(file: Any) -> None:
        file.write(b"x" * 4096)
        file.flush()
        os.fsync(file.fileno())


async def _count_rows(made: World, seen: list[tuple[float, int]]) -> None:
    """How many rows there are, again and again."""
    while True:
        counts = await asyncio.to_thread(_counts, made.store)
        seen.append((time.time(), sum(counts.values())))
        say(f"  rows: {counts}")
        await asyncio.sleep(5)


async def _sends(made: World, rate: float, seconds: float, first: int, *, counting: bool) -> dict[str, Any]:
    """Sends at a steady rate: how long they stood still, and how many rows went meanwhile."""
    lag, disk, seen = Lag(), _Disk(made.folder), list[tuple[float, int]]()
    beside = [asyncio.create_task(disk.probe())]
    if counting:
        beside.append(asyncio.create_task(_count_rows(made, seen)))
    sent: list[Outcome] = await paced(rate, seconds, lambda n: made.callers.ask(send(n)), lag, first=first)
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    spans = [one.span for one in sent]
    took = [span.seconds for span in spans]
    return {
        "longest": standstill(spans), "p50": percentile(took, 0.5), "p99": percentile(took, 0.99), "p99.9": percentile(took, 0.999),
        "bad": sum(one.answer.status != 200 for one in sent), "lag": lag.said(), "disk_longest": disk.longest,
        "deleted": rate_of(seen, rate), "rows": seen[-1:],
    }  # fmt: skip


def rate_of(seen: list[tuple[float, int]], sends: float) -> float:
    """Rows deleted a second, from the first look at how many there are until hardly any of those is left, or the last look.

    `seen` are moments and rows; `sends` rows were added a second meanwhile.
    """
    began, most = seen[0] if seen else (0.0, 0)
    gone, lasted = 0.0, 1.0
    for when, there in seen[1:]:
        lasted = when - began
        gone = most - there + sends * lasted
        if gone >= _NEARLY_ALL * most:
            break
    return max(0.0, gone) / lasted


def _noise(empty: dict[str, Any], found: dict[str, Any]) -> float:
    """The longest standstill, in milliseconds, that the machine may have made by itself: what it did beside an empty store, and how late
    the load was. What the disk takes while the product deletes is the product's own doing."""
    return max(float(empty["longest"]) * 1e3, float(empty["disk_longest"]) * 1e3, float(found["lag"]["max"]))


async def retention(checkout: Path, options: Options) -> Found:
    """The longest standstill of sends beside a million finished ones, with nothing to delete and with everything; rows deleted a second."""
    seconds = options.seconds or 150.0
    async with world(checkout, [_PACE], pycache=options.pycache) as made:
        await made.start()
        say("  a store that is empty")
        empty = await _sends(made, options.rate, min(seconds, 30.0), 1000, counting=False)
        await made.stop()
    idle = await _beside(checkout, options, seconds, _HOUR, counting=False)
    deleting = await _beside(checkout, options, seconds, _DAY, counting=True)
    figures = [
        Figure(
            "sends at 100/s, nothing to delete: longest standstill",
            idle["longest"] * 1e3,
            "ms",
            50,
            20,
            noise=_noise(empty, idle),
        ),
        Figure("the same while deleting", deleting["longest"] * 1e3, "ms", 100, 50, noise=_noise(empty, deleting)),
        Figure("rows deleted a second", deleting["deleted"], "", 5000, 20_000, more=True),
        Figure("longest standstill with an empty store, 30 s", empty["longest"] * 1e3, "ms"),
        Figure("p99 of a send: nothing to delete", idle["p99"] * 1e3, "ms"),
        Figure("p99 of a send: while deleting", deleting["p99"] * 1e3, "ms"),
        Figure("sends not answered 200", float(empty["bad"] + idle["bad"] + deleting["bad"]), "", 0, None),
    ]
    return Found(figures, {"empty": empty, "idle": idle, "deleting": deleting})
