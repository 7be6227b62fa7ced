"""The simulated provider, which can also stall, flood and lie: `python -m bench.crowd.provider LOW HIGH SLOW_SHARE SLOW_AFTER`.

    POST /way {"way": "stalls" | "floods" | "lies" | ""}   what becomes of each request from now on; "" serves it

All else is as at `bench.traffic.provider`. A flood or a lie has several forms, which take turns.
"""

import asyncio
import sys
from collections.abc import Iterator
from itertools import cycle
from typing import Final

import uvloop

from bench.crowd.forms import floods, lies
from bench.traffic.lives import Pace
from bench.traffic.provider import Provider
from bench.traffic.serving import Asked, Said, read_json, serve

STALL: Final = 10.0
"""Seconds that each answer takes of a provider that stalls."""


class Hostile(Provider):
    """A provider that a command can make stall, flood or lie."""

    def __init__(self, pace: Pace) -> None:
        super().__init__(pace)
        self._answers: Iterator[Said] | None = None
        self._ways = {
            "stalls": [Said(delay=STALL)],
            "floods": [Said(raw=raw) for raw in floods()],
            "lies": [Said(raw=raw) for raw in lies()],
        }

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/way":
            way = read_json(asked.body)["way"]
            self._answers = cycle(self._ways[way]) if way else None
        elif self._answers is not None and asked.path.startswith(self.prefixes):
            return next(self._answers)
        return super().__call__(asked)


async def _main() -> None:
    provider = Hostile(Pace(*map(float, sys.argv[1:5])))
    await serve(provider, provider.lag)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
