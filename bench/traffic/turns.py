"""Two products take turns of a few seconds under the same load. The other one is paused meanwhile.

The machine and its disk are those of the same minutes for both. So a control shows their behaviour without the product's work.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench.traffic.figures import Lag, percentile, standstill
from bench.traffic.load import Outcome, paced, send
from bench.traffic.worlds import World

TURN: Final = 5.0
"""Seconds of one turn."""

_PROBE: Final = 0.25
_BLOCK: Final = b"x" * 4096
_SETTLES: Final = 0.3
"""Seconds between the moment at which a product goes on and the first send of its turn."""


class Disk:
    """A thread writes 4 KiB and calls fsync, four times a second. `seconds` are the durations of fsync."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "disk"
        self.seconds: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Disk":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with self._path.open("wb", buffering=0) as file:
            while not self._ended.wait(_PROBE):
                file.write(_BLOCK)
                began = time.monotonic()
                os.fsync(file.fileno())
                self.seconds.append(time.monotonic() - began)


class Side:
    """One of the products that take turns, and its measured values."""

    def __init__(self, world: World, first: int) -> None:
        self.world, self._next = world, first
        self.outcomes: list[Outcome] = []
        self.standstills: list[float] = []
        self.fsyncs: list[float] = []
        self.lag = Lag()
        self.ran, self.cpu = 0.0, 0.0

    async def turn(self, rate: float, seconds: float) -> None:
        """Send at a steady rate for some seconds. Every request of the turn is answered when it ends."""
        before, began = self.world.use().cpu, time.monotonic()
        await asyncio.sleep(_SETTLES)
        with Disk(self.world.folder) as disk:
            sent = await paced(
                rate, seconds, lambda number: self.world.callers.ask(send(number)), self.lag, first=self._next
            )
        self.ran += time.monotonic() - began
        self.cpu += self.world.use().cpu - before
        self._next += len(sent)
        self.outcomes += sent
        self.standstills.append(standstill(one.span for one in sent))
        self.fsyncs += disk.seconds

    def said(self) -> dict[str, Any]:
        """The figures of all turns together, in seconds; `standstills` has the longest one of each turn."""
        took = [one.span.seconds for one in self.outcomes]
        return {
            "longest": max(self.standstills, default=0.0), "median_longest": percentile(self.standstills, 0.5),
            "standstills": self.standstills, "p50": percentile(took, 0.5), "p99": percentile(took, 0.99),
            "p99.9": percentile(took, 0.999), "bad": sum(one.answer.status != 200 for one in self.outcomes),
            "lag": self.lag.said(), "disk_p50": percentile(self.fsyncs, 0.5), "disk_longest": max(self.fsyncs, default=0.0),
            "cpu_a_send": self.cpu / max(1, len(took)), "ran": self.ran,
        }  # fmt: skip


async def in_turns(
    control: Side, other: Side, rate: float, seconds: float, between: Callable[[], None] = lambda: None
) -> None:
    """Let both take turns until each had `seconds`. While `other` is paused, `between` is called: first, and after each of its turns."""
    turn = min(TURN, seconds)
    with ExitStack() as held:
        held.enter_context(other.world.paused())
        await asyncio.to_thread(between)
        for _ in range(max(1, round(seconds / turn))):
            await control.turn(rate, turn)
            held.close()
            with control.world.paused():
                await other.turn(rate, turn)
                held.enter_context(other.world.paused())
                await asyncio.to_thread(between)
