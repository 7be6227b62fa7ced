"""Retention beside sends: a store of a million finished sends, with nothing to delete and with everything to delete.

A control with an empty store has the same load on the same disk, in turns of a few seconds. It has nothing to retain, so its standstills
are those of the machine.
"""

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from bench.traffic.filling import Filling
from bench.traffic.lives import Pace
from bench.traffic.turns import Side, in_turns
from bench.traffic.verdicts import Figure, Found, Options
from bench.traffic.worlds import World, say, world

SENDS: Final = 1_000_000
WATCHED: Final = 200_000
"""The number of sends whose callbacks were delivered."""

_PACE: Final = Pace(0.2, 0.3, 0.0, 0.0)
_HOUR, _DAY = 3600.0, 90_000.0
_SPREAD: Final = 3000.0
"""Seconds between the oldest and the youngest."""
_NEARLY_ALL: Final = 0.98
_TABLES: Final = ("sends", "watches", "events", "callback_subscriptions", "callback_deliveries")
"""The tables that are counted, as far as a build has them. From version 7 of the store on, the last two replace the two before them."""


async def _fill(made: World, scale: float, youngest: float) -> dict[str, int]:
    """Put so many finished sends into a new store. The youngest is so many seconds old."""
    watched, all_of_them, now = int(WATCHED * scale), int(SENDS * scale), time.time()

    def when(number: int) -> float:
        return now - youngest - _SPREAD * (1 - number / all_of_them)

    file = Filling(made.store)
    await asyncio.to_thread(file.finished, range(1, watched + 1), when, made.hook)
    await asyncio.to_thread(file.finished, range(watched + 1, all_of_them + 1), when)
    await asyncio.to_thread(file.close)
    return await asyncio.to_thread(_counts, made.store)


async def _beside(checkout: Path, options: Options, seconds: float, youngest: float) -> dict[str, Any]:
    """Send to a store of finished sends of that age, and to an empty one: `full` and `control`."""
    async with (
        world(checkout, [_PACE], pycache=options.pycache) as empty,
        world(checkout, [_PACE], pycache=options.pycache) as made,
    ):
        counts = await _fill(made, options.scale, youngest)
        say(f"  {counts}, of which the youngest is {youngest / 3600:.0f} h old; {seconds:g} s")
        await empty.start()
        await made.start()
        control, full, seen = Side(empty, 1000), Side(made, 1000), list[tuple[float, int]]()

        def count() -> None:
            seen.append((full.ran, sum(_counts(made.store).values())))
            say(f"  {full.ran:5.0f} s: {seen[-1][1]} rows")

        await in_turns(control, full, options.rate, seconds, count)
        rates = rate_of(seen, len(full.outcomes) / max(full.ran, 1e-9))
        return {"control": control.said(), "full": full.said(), "deleted": rates, "rows": seen, "before": counts,
                "lags": await made.lags(), "notes": made.notes()}  # fmt: skip


def _counts(store: Path) -> dict[str, int]:
    """Rows of each table. The product is paused while they are counted."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)) as db:
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = [table for table in _TABLES if table in there]
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}  # noqa: S608


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


def _noise(found: dict[str, Any]) -> float:
    """The longest standstill of the control, or of the load itself, in milliseconds."""
    return max(float(found["control"]["longest"]) * 1e3, float(found["full"]["lag"]["max"]))


def _standstills(found: dict[str, Any], when: str, must: float, aim: float) -> list[Figure]:
    """The rows of one phase: the product, and the control of the same minutes."""
    full, control = found["full"], found["control"]
    return [
        Figure(f"sends at 100/s, {when}: longest standstill", full["longest"] * 1e3, "ms", must, aim, noise=_noise(found)),
        Figure(f"control, {when}: longest standstill", control["longest"] * 1e3, "ms"),
        Figure(f"{when}: the median turn's longest standstill", full["median_longest"] * 1e3, "ms"),
        Figure(f"control, {when}: the median turn's longest standstill", control["median_longest"] * 1e3, "ms"),
        Figure(f"p99 of a send, {when}", full["p99"] * 1e3, "ms"),
        Figure(f"control, {when}: p99 of a send", control["p99"] * 1e3, "ms"),
        Figure(f"fsync of 4 KiB, {when}: longest", full["disk_longest"] * 1e3, "ms"),
        Figure(f"control, {when}: fsync of 4 KiB, longest", control["disk_longest"] * 1e3, "ms"),
    ]  # fmt: skip


async def retention(checkout: Path, options: Options) -> Found:
    """The longest standstill of sends beside a million finished ones, with nothing to delete and with everything; rows deleted a second."""
    seconds = options.seconds or 150.0
    idle = await _beside(checkout, options, seconds, _HOUR)
    deleting = await _beside(checkout, options, seconds, _DAY)
    bad = sum(side["bad"] for found in (idle, deleting) for side in (found["full"], found["control"]))
    figures = [
        *_standstills(idle, "nothing to delete", 50, 20),
        *_standstills(deleting, "while deleting", 100, 50),
        Figure("rows deleted a second", deleting["deleted"], "", 5000, 20_000, more=True),
        Figure("sends not answered 200", float(bad), "", 0, None),
    ]
    return Found(figures, {"idle": idle, "deleting": deleting})
