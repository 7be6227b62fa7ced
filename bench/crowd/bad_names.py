"""One account has calls due at very many names that are dead or slow. Another account's sends and callbacks are measured.

Two products run, of which one has these calls in its store. While one is measured the other is stopped, so that it takes no processor.
"""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.crowd.slices import Part, asks, ratio
from bench.crowd.surroundings import (
    MUST_SENDS,
    Given,
    Scene,
    defects_figure,
    memory_figure,
    names_of,
    refused_figure,
    scene,
)
from bench.traffic.figures import percentile
from bench.traffic.filling import Filling
from bench.traffic.load import send
from bench.traffic.told import Ear, lateness, lives
from bench.traffic.verdicts import Figure, Found
from bench.traffic.worlds import World, account_of

SLOW_EACH: Final = 20
"""One of so many names is slow, and the others are dead."""

MUST_CALLS: Final = 5.0
_RATE: Final = 25.0
_HEARD: Final = 2.0
"""Seconds after each slice in which its callbacks may come."""

_SLOW_SENDS: Final = 8
_AGE: Final = 3600.0
"""The age of the messages in seconds. The statuses of old ones are polled rarely, so that the callbacks alone are measured."""

_LATER: Final = 3600.0
_BAD, _WELL = account_of(0), account_of(1)


def address(number: int, port: int) -> str:
    """The callback URL of a message. Its host name is used once, and is dead or slow."""
    kind = "dead" if number % SLOW_EACH else "slow"
    return f"http://n{number}.{kind}.example:{port}/hook"


async def _fill(made: World, count: int) -> None:
    file, then = Filling(made.store), time.time() - _AGE
    await asyncio.to_thread(
        file.owed, range(1, count + 1), lambda number: address(number, made.closed), then, then + _AGE + _LATER
    )
    await asyncio.to_thread(file.close)


def _go(on: Scene, *, on_with: bool) -> None:
    os.kill(on.made.pid, signal.SIGCONT if on_with else signal.SIGSTOP)


async def _slice(on: Scene, given: Given, pair: int) -> Part:
    """Sends of the other account, and the seconds in which their callbacks come. The product runs in this time alone."""
    _go(on, on_with=True)
    await asyncio.sleep(given.length.settle)
    first = 1 + 10_000 * pair
    found = await asks(
        on.callers, _RATE, given.length.seconds, first, lambda n: send(n, on.made.hook, account=_WELL), on.lag
    )
    await asyncio.sleep(_HEARD)
    _go(on, on_with=False)
    return found


async def _slow_sends(on: Scene, pair: int) -> list[int]:
    """New sends of the first account, whose callback names are slow."""
    numbers = range(5_000_000 + 100 * pair, 5_000_000 + 100 * pair + _SLOW_SENDS)
    answers = await asyncio.gather(*(
        on.callers.ask(send(number, address(number * SLOW_EACH, on.made.closed), account=_BAD)) for number in numbers
    ))  # fmt: skip
    return [answer.status for answer in answers]


async def _late(on: Scene) -> list[float]:
    """How late the callbacks of the other account came, in seconds."""
    ear = Ear(on.made)
    await ear.hear()
    found = lateness(ear, await lives(on.made, 1))
    return [*found.values()]


async def _alternated(given: Given, well: Scene, bad: Scene) -> tuple[list[Part], list[Part], list[list[int]]]:
    quiet, attacked, slow = list[Part](), list[Part](), list[list[int]]()
    for pair in range(given.length.pairs):
        quiet.append(await _slice(well, given, pair))
        _go(bad, on_with=True)
        more = asyncio.create_task(_slow_sends(bad, pair))
        attacked.append(await _slice(bad, given, pair))
        _go(bad, on_with=True)
        slow.append(await more)
        _go(bad, on_with=False)
    return quiet, attacked, slow


async def bad_names(given: Given) -> Found:
    """Sends and callbacks of one account, with and without the bad names of another one."""
    with TemporaryDirectory(prefix="crowd-") as folder:
        variables = {"LD_PRELOAD": names_of(Path(folder))}
        async with (
            scene(given, 2, variables) as well,
            scene(given, 2, variables, lambda made: _fill(made, given.names)) as bad,
        ):
            try:
                for on in (well, bad):
                    await _slice(on, given, 99)
                found = await _alternated(given, well, bad)
            finally:
                for on in (well, bad):
                    _go(on, on_with=True)
            before, after = await well.resident_after(), await bad.resident_after()
            late, peak, notes = (await _late(well), await _late(bad)), bad.peak(), bad.made.notes()
            defects = bad.defects()
    details = {
        "peak": peak,
        "quiet": found[0],
        "attacked": found[1],
        "slow": found[2],
        "notes": notes,
        "defects": defects,
        "lag": bad.lag.said(),
    }
    figures = _figures(*found[:2], late, given.names)
    return Found([*figures, memory_figure("bad names", before, after), defects_figure("bad names", defects)], details)


def _figures(
    quiet: Sequence[Part], attacked: Sequence[Part], late: tuple[list[float], list[float]], names: int
) -> list[Figure]:
    times = ratio([one.p50 for one in quiet], [one.p50 for one in attacked])
    refused = sum(one.refused for one in attacked)
    what: Any = f"{names:,} dead or slow names"
    return [
        Figure(
            f"{what}: another account's sends, p50, to that in quiet", times.times, "", MUST_SENDS, noise=times.noise
        ),
        refused_figure("its sends that were refused or not answered", refused),
        Figure("its callbacks, p99 of their lateness", percentile(late[1], 0.99), "s", MUST_CALLS),
        Figure("its callbacks in quiet, p99 of their lateness", percentile(late[0], 0.99), "s"),
        Figure("its sends in quiet, p50", median(one.p50 for one in quiet) * 1e3, "ms"),
        Figure("its sends in quiet, p99", median(one.p99 for one in quiet) * 1e3, "ms"),
        Figure("its sends beside them, p99", median(one.p99 for one in attacked) * 1e3, "ms"),
    ]
