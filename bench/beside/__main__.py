"""`python -m bench.beside`: measures, prints the tables and the verdicts, and exits 1 if a bound does not hold."""

import argparse
import json
import signal
import sys
from pathlib import Path

from bench.beside import musts, run, table
from bench.beside.machine import MissingError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.beside", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each peer is started and measured (%(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of a cell (%(default)s)")
    parser.add_argument("--only", default="", help="peers whose names hold one of these words, such as product,nginx")
    parser.add_argument("--json", type=Path, help="a file for all figures, and every sample they come from")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is ended
    try:
        found = run.measure(given.rounds, given.seconds, tuple(filter(None, given.only.split(","))))
    except MissingError as error:
        print(error, file=sys.stderr)
        return 2
    verdicts = musts.judge(found)
    found["verdicts"] = [
        {"name": one.must.name, "value": one.value, "must": one.must.must, "aim": one.must.aim, "holds": one.holds}
        for one in verdicts
    ]
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1), "utf-8")
    for line in table.lines(found, verdicts):
        print(line)
    return 1 if any(one.holds is False for one in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
