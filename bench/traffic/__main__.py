"""`python -m bench.traffic [SCENARIO ...]`: the product under real traffic, beside another build of it. The exit status is 1 if a bound
does not hold.

Without names all scenarios run except `soak`. docs/traffic.md describes each of them.
"""

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from bench.traffic.command import command
from bench.traffic.scenarios.callbacks import callbacks_in_time
from bench.traffic.scenarios.dead import dead_receivers
from bench.traffic.scenarios.lists import race_list
from bench.traffic.scenarios.receivers import one_receiver
from bench.traffic.scenarios.retention import retention
from bench.traffic.scenarios.soak import soak
from bench.traffic.scenarios.stalled import stalled_provider
from bench.traffic.scenarios.unknown import unknown_send
from bench.traffic.verdicts import Figure, Found, Options, rows, table
from bench.traffic.worlds import PROVIDERS, ROOT, say

Scenario = Callable[[Path, Options], Coroutine[Any, Any, Found]]

SCENARIOS: Final[dict[str, Scenario]] = {
    "race-list": race_list,
    "unknown-send": unknown_send,
    "one-receiver": one_receiver,
    "dead-receivers": dead_receivers,
    "stalled-provider": stalled_provider,
    "retention": retention,
    "callbacks-in-time": callbacks_in_time,
    "soak": soak,
}

EITHER: Final = ("race-list", "unknown-send", "callbacks-in-time")
"""The scenarios whose provider may speak either dialect."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.traffic", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument(
        "--checkout", type=Path, default=ROOT, help="the build to be judged: a folder with `translator` in it"
    )
    parser.add_argument("--against", type=Path, help="another build, measured first: the column `before`")
    parser.add_argument("--seconds", type=float, help="of one measurement, where a scenario goes by seconds")
    parser.add_argument("--minutes", type=float, help="of sending, in callbacks-in-time (10) and soak (30)")
    parser.add_argument(
        "--rate", type=float, default=100.0, help="sends a second in these and in retention (%(default)s)"
    )
    parser.add_argument("--fast", type=float, nargs=2, default=(1.0, 10.0), metavar=("LOW", "HIGH"),
                        help="seconds in which handsets answer (1 10)")  # fmt: skip
    parser.add_argument(
        "--slow-after", type=float, default=900.0, help="seconds of the slow 5 %% of handsets (%(default)s)"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="rows, calls and messages, as a share of the whole (%(default)s)"
    )
    parser.add_argument("--provider", choices=sorted(PROVIDERS), default="properties-v2",
                        help=f"the dialect of the simulated provider, in {', '.join(EITHER)} (%(default)s)")  # fmt: skip
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    if unknown := [name for name in given.scenarios if name not in SCENARIOS]:
        parser.error(f"no such scenario: {', '.join(unknown)}")
    if given.provider != "properties-v2":
        if other := [name for name in given.scenarios if name not in EITHER]:
            parser.error(f"--provider {given.provider} is for {', '.join(EITHER)}, not for {', '.join(other)}")
        given.scenarios = given.scenarios or list(EITHER)
    given.checkout = given.checkout.resolve()
    given.against = given.against and given.against.resolve()
    for folder in filter(None, (given.checkout, given.against)):
        if not (folder / "translator" / "__main__.py").is_file():
            parser.error(f"{folder} is no checkout")
    return given


async def measured(name: str, checkout: Path, options: Options) -> Found:
    """Run one scenario against one checkout. If it breaks off, its figure does not hold, and the others go on."""
    say(f"{name}: {checkout}")
    began = time.monotonic()
    try:
        found = await SCENARIOS[name](checkout, options)
    except Exception as error:  # noqa: BLE001 - if a build fails, the other scenarios are still measured
        say(traceback.format_exc())
        found = Found(
            [Figure("the scenario broke off", 1.0, "", 0, None)], {"error": f"{type(error).__name__}: {error}"}
        )
    say(f"{name}: {time.monotonic() - began:.0f} s{f'; {found.busy}' if found.busy else ''}")
    return found


def _run(given: argparse.Namespace, pycache: Path) -> dict[str, Any]:
    options = Options(
        given.seconds,
        given.minutes,
        given.rate,
        tuple(given.fast),
        given.slow_after,
        given.scale,
        pycache,
        given.provider,
    )
    lines: list[dict[str, Any]] = []
    details: dict[str, Any] = {}
    for name in given.scenarios or [name for name in SCENARIOS if name != "soak"]:
        before = asyncio.run(measured(name, given.against, options)) if given.against else None
        now = asyncio.run(measured(name, given.checkout, options))
        lines += rows(name, now, before)
        details[name] = {"now": now.details, "before": before.details if before else None}
        for line in table(rows(name, now, before)):
            say(line)
    return {"rows": lines, "details": details}


def main() -> int:
    """Measure, print, and compare with the bounds."""
    return command(_options(), _run, "traffic")


if __name__ == "__main__":
    sys.exit(main())
