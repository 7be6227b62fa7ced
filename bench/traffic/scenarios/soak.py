"""A soak: sends, half of them with callbacks, with gets and lists beside, and whether anything grows."""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.traffic.figures import Lag, percentile, share_within
from bench.traffic.lives import Pace
from bench.traffic.load import Answered, get, listing, paced, send
from bench.traffic.scenarios.callbacks import too_late
from bench.traffic.told import Ear, Life, lateness, lives
from bench.traffic.verdicts import Figure, Found, Options
from bench.traffic.worlds import World, say, world

GETS, LISTS = 20.0, 2.0
"""A second."""

EVERY: Final = 30.0
_PAGE: Final = 50
_LAG: Final = 100.0
_SETTLE: Final = 15.0


class _Soak:
    """The traffic of the soak, and samples taken meanwhile."""

    def __init__(self, made: World) -> None:
        self._made, self.ear, self.samples = made, Ear(made), list[dict[str, float]]()
        self._taken: list[float] = []
        self._sids: list[str] = []
        self._turn = count()
        self.late: list[float] = []
        self._known, self._seen = dict[int, Life](), 0
        self.bad = {"send": 0, "get": 0, "list": 0}

    async def send(self, number: int) -> Answered:
        began = time.time()
        answer = await self._made.callers.ask(send(number, self._made.hook if number % 2 else ""))
        self._taken.append(time.time() - began)
        if answer.status != 200:
            self.bad["send"] += 1
        else:
            self._sids = [*self._sids[-99:], msgspec.json.decode(answer.body)["sid"]]
        return answer

    async def get(self, _: int) -> Answered:
        if not self._sids:
            return Answered(0, b"")
        answer = await self._made.callers.ask(get(self._sids[next(self._turn) % len(self._sids)]))
        self.bad["get"] += answer.status != 200
        return answer

    async def page(self, _: int) -> Answered:
        answer = await self._made.callers.ask(listing(_PAGE))
        self.bad["list"] += answer.status != 200
        return answer

    async def sample(self, every: float) -> None:
        """Go on until cancelled. A callback's delay is judged 15 s after its delivery was possible."""
        began = time.time()
        while True:
            await asyncio.sleep(every)
            now, use, taken = time.time(), self._made.use(), self._taken
            self._taken = []
            late = await self._late(now)
            wal = self._made.store.with_name(self._made.store.name + "-wal")
            self.samples.append({
                "second": now - began, "resident_mb": use.resident / 1e6, "descriptors": float(use.descriptors), "cpu": use.cpu,
                "wal_mb": wal.stat().st_size / 1e6 if wal.exists() else 0.0, "send_p50_ms": percentile(taken, 0.5) * 1e3,
                "send_p99_ms": percentile(taken, 0.99) * 1e3, "callback_p50_s": percentile(late, 0.5),
                "callback_p99_s": percentile(late, 0.99), "told": float(len(self.ear.calls)),
            })  # fmt: skip
            say("  " + ", ".join(f"{name} {value:.1f}" for name, value in self.samples[-1].items()))

    async def _late(self, now: float) -> list[float]:
        """The delays of the callbacks that were not judged before."""
        await self.ear.hear()
        new = await lives(self._made, after=self._seen)
        self._seen += len(new)
        self._known |= {number: life for number, life in new.items() if number % 2}
        due = {number: life for number, life in self._known.items() if life.delivered < now - _SETTLE}
        self._known = {number: life for number, life in self._known.items() if number not in due}
        late = [*lateness(self.ear, due).values()]
        self.late += late
        return late


FLAT: Final = {
    "resident_mb": (1.2, 10.0), "descriptors": (1.2, 20.0), "wal_mb": (1.5, 10.0), "send_p50_ms": (1.5, 3.0), "send_p99_ms": (2.0, 30.0),
    "callback_p50_s": (1.5, 1.0), "callback_p99_s": (1.5, 3.0),
}  # fmt: skip
"""The bound on the growth from the second quarter to the last: a factor, or a difference if that allows more."""


def growth(samples: list[dict[str, float]], name: str) -> tuple[float, float]:
    """The medians of the second and of the last quarter."""
    quarter = max(1, len(samples) // 4)

    def median(some: list[dict[str, float]]) -> float:
        return percentile([each[name] for each in some], 0.5)

    return median(samples[quarter : 2 * quarter] or samples), median(samples[-quarter:])


def is_flat(samples: list[dict[str, float]], name: str) -> bool:
    """True if the last quarter is hardly larger than the second."""
    second, last = growth(samples, name)
    factor, more = FLAT[name]
    return last <= max(second * factor, second + more)


async def soak(checkout: Path, options: Options) -> Found:
    """Measure if memory, descriptors, the write-ahead log, the time of sends and the delay of callbacks stay flat."""
    minutes = 30.0 if options.minutes is None else options.minutes
    every = min(EVERY, max(1.0, minutes * 60 / 12))
    async with world(checkout, [Pace(*options.fast, 0.0, 0.0)], pycache=options.pycache) as made:
        await made.start()
        going, lag, began = _Soak(made), Lag(), time.time()
        sampling = asyncio.create_task(going.sample(every))

        def steadily(rate: float, work: Callable[[int], Any]) -> Any:
            return paced(rate, minutes * 60, work, lag)

        await asyncio.gather(steadily(options.rate, going.send), steadily(GETS, going.get), steadily(LISTS, going.page))
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        lags, notes, cpu = (
            {"load": lag.said(), **await made.lags()},
            made.notes(),
            made.use().cpu / (time.time() - began),
        )
    figures = []
    for name, (factor, more) in FLAT.items():
        second, last = growth(going.samples, name)
        figures.append(Figure(f"{name}, the last quarter", last, "", max(second * factor, second + more), None))
        figures.append(Figure(f"{name}, the second quarter", second))
    figures += [
        Figure("share of delivered told within 15 s", share_within(going.late, _SETTLE), "", 0.99, None, more=True),
        Figure("sends, gets and lists not answered 200", float(sum(going.bad.values())), "", 0, None),
        Figure("CPU of the product, processors", cpu),
    ]
    return Found(
        figures, {"samples": going.samples, "bad": going.bad, "lags": lags, "notes": notes}, too_late(lags, _LAG)
    )
