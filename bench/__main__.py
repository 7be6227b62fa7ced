"""`make bench`: prints each figure beside its peer and its bound, and exits 1 if a bound does not hold.

`python -m bench [--json FILE] [--rounds N] [--alone]`; `--alone` leaves out the peers that speak HTTP, which take most of the time.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench import durable, lists, translate
from bench.beside import musts, run, table
from bench.beside.machine import MissingError


def verdict(name: str, value: float, must: float, *, at_least: bool = False) -> bool:
    """Print a figure with its bound. Returns True if the bound holds."""
    good = value >= must if at_least else value <= must
    bound = "at least" if at_least else "at most"
    print(f"  {name:8} {value:12,.2f}, must be {bound} {must:,}: {'holds' if good else 'DOES NOT HOLD'}", flush=True)
    return good


def alone() -> tuple[dict[str, Any], list[bool]]:
    """Return the figures that need no peer over HTTP, and for each bound whether it holds."""
    found = translate.measure()
    print(
        f"translating a list of {found['messages']:.0f} messages, JSON bytes to JSON bytes, decode and encode included"
    )
    print(f"  product  {found['product_us_a_message']:12.2f} us a message")
    print(f"  by hand  {found['by_hand_us_a_message']:12.2f} us a message")
    good = [verdict("ratio", found["ratio"], translate.MUST)]
    whole = lists.measure()
    print(f"a list of {whole['rows']:,.0f} messages with texts of 160 characters that was read whole")
    good.append(verdict("bytes", whole["bytes"], lists.MUST_BYTES))
    good.append(verdict("reckoned", whole["bytes"] / whole["bytes_reckoned"], 1.0))
    print("time to sift and sort it beside the time to decode it")
    good.append(verdict("ratio", whole["ratio"], lists.MUST_RATIO))
    kept, claimed = durable.registrations(), durable.claiming()
    print("sends with a callback, a second, beside the same sends without one, over HTTP, on SQLite")
    print(f"  with one {kept['with_callback']:12,.0f}, without {kept['without']:,.0f}")
    good.append(verdict("ratio", kept["ratio"], durable.MUST_REGISTER, at_least=True))
    print(f"a claim with {claimed['tracked']:,.0f} messages tracked beside the same claim with {durable.DUE:,}")
    good.append(verdict("ratio", claimed["ratio"], durable.MUST_CLAIM))
    return {"translate": found, "lists": whole, "durable": kept, "claims": claimed}, good


def main() -> int:
    """Measure, print, and compare with the bounds. Return 2 if something that the peers need is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="a file for every figure")
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each peer is started and measured (%(default)s)"
    )
    parser.add_argument("--alone", action="store_true", help="without the peers that speak HTTP")
    given = parser.parse_args()
    figures, good = alone()
    if not given.alone:
        try:
            beside = figures["beside"] = run.measure(given.rounds)
        except MissingError as error:
            print(error, file=sys.stderr)
            return 2
        verdicts = musts.judge(beside)
        for line in table.lines(beside, verdicts):
            print(line)
        good += [one.holds is not False for one in verdicts]
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=1), "utf-8")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
