"""A send whose response was lost, among very many messages."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.traffic.lives import Pace
from bench.traffic.load import Answered, send
from bench.traffic.scenarios.lists import asked
from bench.traffic.verdicts import NEVER, Figure, Found, Options
from bench.traffic.worlds import World, say, world

WINDOW: Final = 200_000
BEFORE, AFTER = 120.0, 900.0
"""Seconds before and after a send within which its message may be created, from docs/reliability.md."""

TOGETHER: Final = 10
_PACE: Final = Pace(1.0, 2.0, 0.0, 0.0)
_PATIENCE: Final = 15.0


async def _lost(made: World, numbers: Sequence[int]) -> dict[str, Any]:
    """Make sends whose responses are lost, all at once. Returns their statuses and seconds, and the provider requests until all were
    answered."""
    before, began = await asked(made), time.time()

    async def one(number: int) -> tuple[Answered, float]:
        answer = await made.callers.ask(send(number, lost=True))
        return answer, time.time() - began

    answers = await asyncio.gather(*(one(number) for number in numbers))
    seconds, found = max(took for _, took in answers), sum(answer.status == 200 for answer, _ in answers)
    asks = await asked(made) - before
    if found < len(numbers):
        await asyncio.sleep(max(0.0, _PATIENCE - seconds))
    return {
        "statuses": [answer.status for answer, _ in answers], "found": found, "seconds": seconds, "asks": asks,
        "asks_in_15_s": await asked(made) - before,
    }  # fmt: skip


async def _among(
    checkout: Path, options: Options, numbers: Sequence[int], since: float, until: float
) -> dict[str, Any]:
    """Lose sends among many messages and report what is found. The first message is `since` and the last `until` seconds from now."""
    count = max(1000, int(WINDOW * options.scale))
    async with world(checkout, [_PACE], pycache=options.pycache, dialect=options.provider) as made:
        await made.start()
        now = time.time()
        await made.provider.ask("/control", history={"count": count, "since": now + since, "until": now + until})
        found = await _lost(made, numbers)
        say(f"  {len(numbers)} lost among {count:,}: {found}")
        return found | {"notes": made.notes()}


async def unknown_send(checkout: Path, options: Options) -> Found:
    """Measure if an unknown send among 200,000 messages of its window is found while its client waits, and by how many provider
    requests.

    First the messages are spread over the whole window, so the provider shows some that are created later than now. Then all of them
    were made before the send.
    """
    spread = await _among(checkout, options, [1], -BEFORE, AFTER)
    behind = await _among(checkout, options, [1], -BEFORE, 0.0)
    many = await _among(checkout, options, range(1, TOGETHER + 1), -BEFORE, AFTER)

    def asks(found: dict[str, Any], wanted: int) -> float:
        return float(found["asks"]) if found["found"] == wanted else NEVER

    figures = [
        Figure(
            "asks until an unknown send among 200,000 of its window is found within `wait`", asks(spread, 1), "", 60, 30
        ),
        Figure("the same, its caller answered after", spread["seconds"], "s"),
        Figure("asks in 15 s, found or not", float(spread["asks_in_15_s"])),
        Figure("asks where all 200,000 were made in the 2 minutes before", asks(behind, 1), "", 60, 30),
        Figure(
            f"asks until {TOGETHER} unknown sends of one place are found within `wait`",
            asks(many, TOGETHER),
            "",
            60,
            30,
        ),
    ]
    return Found(figures, {"spread": spread, "behind": behind, "together": many})
