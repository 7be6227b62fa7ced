"""The cost of one timeout that is set and cancelled in time: `python -m bench.timers`.

The candidates are `Timeouts`, which serves all timeouts of one duration by a single timer, and `loop.call_later`. Sixteen timeouts are
active at any moment, as with 16 requests in flight. The figure is CPU of this process, the least of the rounds.
"""

import asyncio
import json
import resource
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from translator.shell.aio.timeouts import Timeouts

try:
    import uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]

TIMEOUTS: Final = 200_000
ACTIVE: Final = 16
SECONDS: Final = 30.0
ROUNDS: Final = 5


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _spin(start: Callable[[], Any], cancel: Callable[[Any], None]) -> float:
    """Nanoseconds of CPU for one timeout, the turns of the event loop included."""
    active = deque(start() for _ in range(ACTIVE))
    began = _cpu()
    for number in range(TIMEOUTS):
        cancel(active.popleft())
        active.append(start())
        if number % ACTIVE == 0:
            await asyncio.sleep(0)
    used = (_cpu() - began) / TIMEOUTS * 1e9
    for timeout in active:
        cancel(timeout)
    return used


def _expired(_: object) -> None:
    raise AssertionError("no timeout expires here")


async def _candidates() -> dict[str, float]:
    loop = asyncio.get_running_loop()
    shared = Timeouts(SECONDS)
    return {
        "no timeout": await _spin(lambda: None, lambda _: None),
        "Timeouts": await _spin(lambda: shared.add(loop, _expired, None), shared.drop),
        "loop.call_later": await _spin(
            lambda: loop.call_later(SECONDS, _expired, None), lambda handle: handle.cancel()
        ),
    }


def measure() -> dict[str, dict[str, float]]:
    """By event loop and candidate: nanoseconds of CPU for one timeout."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if uvloop is not None:
        loops["uvloop"] = uvloop.new_event_loop
    found: dict[str, dict[str, float]] = {}
    for name, factory in loops.items():
        with asyncio.Runner(loop_factory=factory) as runner:
            rounds = [runner.run(_candidates()) for _ in range(ROUNDS)]
        found[name] = {candidate: min(one[candidate] for one in rounds) for candidate in rounds[0]}
    return found


if __name__ == "__main__":
    figures = measure()
    for loop_name, row in figures.items():
        for candidate, nanoseconds in row.items():
            print(f"{loop_name:10}{candidate:20}{nanoseconds:10,.0f} ns")
    print(json.dumps(figures))
