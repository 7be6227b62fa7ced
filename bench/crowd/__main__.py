"""`python -m bench.crowd [ROW ...]`: attacks on the product, beside another build of it. The exit status is 1 if a bound does not hold.

Without names all rows run. The page docs/traffic.md describes them.
"""

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from bench.crowd.bad_names import bad_names
from bench.crowd.sick_provider import sick_provider
from bench.crowd.slices import Length
from bench.crowd.surroundings import MIB, Given, Others
from bench.crowd.unknown import unknown_memory, unknown_sends
from bench.traffic.command import command
from bench.traffic.verdicts import Figure, Found, rows, table
from bench.traffic.worlds import ROOT, say

ROWS: Final[dict[str, tuple[Callable[[Given], Coroutine[Any, Any, Found]], Length]]] = {
    "unknown-memory": (unknown_memory, Length()),
    "unknown-sends": (unknown_sends, Length(4.0, 4)),
    "sick-provider": (sick_provider, Length(3.0, 6)),
    "bad-names": (bad_names, Length(3.0, 3)),
}
"""The rows, and how long their slices are."""

MUST_PEAK: Final = 400.0
"""MiB of memory that a worker may have at most."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument(
        "--checkout", type=Path, default=ROOT, help="the build to be judged: a folder with `translator` in it"
    )
    parser.add_argument("--against", type=Path, help="another build, measured first: the column `before`")
    parser.add_argument("--seconds", type=float, help="of one slice, where a row has slices")
    parser.add_argument("--pairs", type=int, help="of slices, one quiet and one with the attack")
    parser.add_argument("--connections", type=int, default=2000, help="of unknown callers (%(default)s)")
    parser.add_argument("--names", type=int, default=20_000, help="that are dead or slow (%(default)s)")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    if unknown := [name for name in given.rows if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}")
    given.checkout, given.against = given.checkout.resolve(), given.against and given.against.resolve()
    for folder in filter(None, (given.checkout, given.against)):
        if not (folder / "translator" / "__main__.py").is_file():
            parser.error(f"{folder} is no checkout")
    return given


async def measured(name: str, given: Given) -> Found:
    """Run one row against one checkout. If a row breaks off, its figure does not hold, and the others go on."""
    say(f"{name}: {given.checkout}")
    began, others = time.monotonic(), Others()
    try:
        found = await ROWS[name][0](given)
    except Exception as error:  # noqa: BLE001 - if a build fails, the other rows are still measured
        say(traceback.format_exc())
        found = Found(
            [Figure("the row broke off", 1.0, "", 0, exact=True)], {"error": f"{type(error).__name__}: {error}"}
        )
    busy = others.said()
    say(f"{name}: {time.monotonic() - began:.0f} s{busy and '; '}{busy}")
    return found._replace(busy=busy)


def battery(found: list[Found]) -> Found:
    """The most memory that a worker had in any of the rows."""
    peaks = [float(one.details["peak"]) for one in found if "peak" in one.details]
    return Found(
        [Figure("peak of a worker over all rows", max(peaks, default=0.0) / MIB, "MiB", MUST_PEAK, exact=True)], {}
    )


def _run(given: argparse.Namespace, pycache: Path) -> dict[str, Any]:
    builds = [folder for folder in (given.checkout, given.against) if folder]
    found: dict[Path, list[Found]] = {folder: [] for folder in builds}
    lines: list[dict[str, Any]] = []
    details: dict[str, Any] = {}
    names = given.rows or list(ROWS)
    for name in names:
        usual = ROWS[name][1]
        length = Length(given.seconds or usual.seconds, given.pairs or usual.pairs)
        for folder in reversed(builds):
            told = Given(folder, length, given.connections, given.names, pycache)
            found[folder].append(asyncio.run(measured(name, told)))
        now, *before = [found[folder][-1] for folder in builds]
        lines += rows(name, now, before[0] if before else None)
        details[name] = {"now": now.details, "before": before[0].details if before else None}
        for line in table(rows(name, now, before[0] if before else None)):
            say(line)
    now, *before = [battery(found[folder]) for folder in builds]
    return {"rows": lines + rows("all", now, before[0] if before else None), "details": details}


def main() -> int:
    """Measure, print, and compare with the bounds."""
    return command(_options(), _run, "crowd")


if __name__ == "__main__":
    sys.exit(main())
