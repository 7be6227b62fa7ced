"""The command around a measurement: it runs, its result is printed, and its exit status says if all bounds hold."""

import argparse
import json
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.beside.machine import allow_files
from bench.traffic.verdicts import finite, table
from bench.traffic.worlds import where_it_is


def command(given: argparse.Namespace, run: Callable[[argparse.Namespace, Path], dict[str, Any]], name: str) -> int:
    """Run a measurement of the builds `checkout` and `against`, and print it in the form `output`.

    run: Measures. Its result has `rows`, each with a `verdict`. It gets a folder for compiled modules.
    The exit status is 1 if a bound does not hold.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the started processes are ended
    allow_files()
    with tempfile.TemporaryDirectory(prefix=f"{name}-pycache-") as pycache:
        for folder in filter(None, (given.checkout, given.against)):
            where_it_is(folder, Path(pycache))
        found = run(given, Path(pycache))
    if given.output == "json":
        print(json.dumps(finite(found), indent=1))
    else:
        print("\n".join(table(found["rows"])))
    return 1 if any(row["verdict"] == "DOES NOT HOLD" for row in found["rows"]) else 0
