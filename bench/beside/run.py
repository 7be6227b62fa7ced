"""The measuring: proxy on one processor, load and stub on another, the peers in turn in each cell, with a fresh process each round.

`musts.py` computes the ratios. This module has the figures of one peer, and every sample that they come from.
"""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.beside import contract, data, machine, translation
from bench.beside.peers import MEMORY, PEERS, Peer, Running, running

WARM: Final = 0.3
"""Seconds of a cell's own load before it is measured, beside a second of sends when the peer has just started."""
QUIET: Final = 0.16
"""Processors' worth of work of others, above which a cell is taken once more and the quieter of the two kept."""
FLIGHT: Final = 10_000
FLIGHT_DELAY: Final = 3000
SPARE: Final = 100
"""Open files that the product needs beside those of its sends."""
LOAD_PATIENCE: Final = 120.0
ALONE_CONNECTIONS: Final = 64


class Cell(NamedTuple):
    """One kind of request, the number of clients that send it, and the delay of the provider in milliseconds.

    The cell is measured in `slices` slices. A slice has to be long beside one response, because the responses that are on their way at
    its end do not count.
    """

    name: str
    kind: str
    connections: int
    delay: int = 0
    slices: int = 4


CELLS: Final = (
    Cell("send c16", "send", 16),
    Cell("get c64", "get", 64),
    Cell("list50 c16", "list50", 16),
    Cell("list1000 c16", "list1000", 16, slices=1),
    Cell("send c256", "send", 256),
    Cell("send c256, 20 ms", "send", 256, 20, slices=1),
)


class Bench(NamedTuple):
    """The parts that every cell needs: the load generator, the stub, the folder of the requests, and the two processors."""

    load: Path
    folder: Path
    back: int
    back_pid: int
    load_processor: int
    proxy_processor: int

    def drive(self, port: int, request: bytes, connections: int, seconds: float, total: int = 0) -> dict[str, Any]:
        """Return the figures that `load.c` prints for this load."""
        path = self.folder / "request"
        path.write_bytes(request)
        words = [str(self.load), str(port), str(connections), str(seconds), str(path), *([str(total)] if total else [])]
        process = machine.start(self.load_processor, words, stdout=subprocess.PIPE)
        try:
            said, _ = process.communicate(timeout=seconds + LOAD_PATIENCE)
        finally:
            machine.end(process)
        if process.returncode:
            raise RuntimeError(f"the load ended with {process.returncode}")
        found: dict[str, Any] = json.loads(said)
        return found

    def provider(self, delay: int = 0, hold: int = 0) -> None:
        """How the stub answers from now on; its counts begin anew."""
        contract.fetch(self.back, "GET", f"/_set?delay={delay}&hold={hold}")

    def seen(self) -> dict[str, int]:
        """Return the number of requests that the stub got since `provider`, and the largest number of responses that waited at a time."""
        found: dict[str, int] = json.loads(contract.fetch(self.back, "GET", "/_seen")[1])
        return found


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """Compile, and start the stub. Raises MissingError if something that it needs is not there."""
    load_processor, proxy_processor = machine.processors()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        load, stub = machine.compile_c("load", folder), machine.compile_c("stub", folder)
        data.write_answers(folder)
        process = machine.start(load_processor, [str(stub), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield Bench(load, folder, port, process.pid, load_processor, proxy_processor)
        finally:
            machine.end(process)


def _once(on: Bench, peer: Peer, at: Running, cell: Cell, seconds: float) -> dict[str, Any]:
    """One cell, taken once."""
    pids = machine.tree(at.pid)
    on.provider(cell.delay)
    began = time.monotonic()
    cpu, busy = machine.cpu_seconds(pids), machine.busy_seconds()
    own = machine.own_seconds() + machine.cpu_seconds([on.back_pid])
    said = on.drive(at.port, data.front_request(cell.kind, ranged=peer.product), cell.connections, seconds)
    used, busy = machine.cpu_seconds(pids) - cpu, machine.busy_seconds() - busy
    own = machine.own_seconds() + machine.cpu_seconds([on.back_pid]) - own
    asks = on.seen()["asks"]
    answers = max(1, said["requests"])
    return {
        "per_second": said["in_time"] / said["seconds"],
        "p50_us": said["p50_us"],
        "p99_us": said["p99_us"],
        "cpu_us": used / answers * 1e6,
        "asks": asks / answers,
        "errors": said["errors"] + said["requests"] - said["statuses"].get("200", 0),
        "statuses": said["statuses"],
        "foreign": max(0.0, busy - used - own) / (time.monotonic() - began),
    }


def take(on: Bench, peer: Peer, at: Running, cell: Cell, seconds: float) -> dict[str, Any]:
    """Measure one cell, warmed. Measure it once more if other processes were busy meanwhile."""
    on.provider(cell.delay)
    on.drive(at.port, data.front_request(cell.kind, ranged=peer.product), cell.connections, WARM)
    found = _once(on, peer, at, cell, seconds)
    if found["foreign"] > QUIET:
        found = min(found, _once(on, peer, at, cell, seconds), key=lambda one: one["foreign"])
    return found


def merged(slices: list[dict[str, Any]]) -> dict[str, Any]:
    """Slices of one length as one sample: means, the CPU of all responses, the worst p99, and the sum of the errors."""
    rates = [one["per_second"] for one in slices]
    return {
        "per_second": statistics.mean(rates),
        "p50_us": statistics.median(one["p50_us"] for one in slices),
        "p99_us": max(one["p99_us"] for one in slices),
        "cpu_us": sum(one["cpu_us"] * rate for one, rate in zip(slices, rates, strict=True)) / max(sum(rates), 1e-9),
        "asks": statistics.mean(one["asks"] for one in slices),
        "errors": sum(one["errors"] for one in slices),
        "foreign": max(one["foreign"] for one in slices),
    }


def one_round(on: Bench, peers: list[Peer], seconds: float) -> dict[str, dict[str, Any]]:
    """Start a fresh process of each peer, check it and warm it; then measure cell by cell.

    The peers take turns in slices, because the pace of a machine may change from one second to the next. A peer that is not measured
    stands still.
    Returns the samples by cell and the peak memory in MB, by peer.
    """
    with contextlib.ExitStack() as standing:
        on.provider()
        at = {peer: standing.enter_context(running(peer, on.back, on.proxy_processor)) for peer in peers}
        for peer in peers:
            contract.check(peer, at[peer].port, on.back)
            on.drive(at[peer].port, data.front_request("send", ranged=False), 16, 1.0)
        found: dict[str, dict[str, Any]] = {peer.name: {} for peer in peers}
        for cell in CELLS:
            print(f"    {cell.name}", file=sys.stderr, flush=True)
            for name, slices in _slices(on, at, cell, seconds).items():
                found[name][cell.name] = merged(slices)
        return {
            peer.name: {"cells": found[peer.name], "peak_mb": machine.peak_bytes(machine.tree(at[peer].pid)) / 1e6}
            for peer in peers
        }


def _slices(on: Bench, at: dict[Peer, Running], cell: Cell, seconds: float) -> dict[str, list[dict[str, Any]]]:
    """The slices of one cell, by peer; each takes its first, then each its second."""
    measured = [peer for peer in at if not peer.cells or cell.name in peer.cells]
    taken: dict[str, list[dict[str, Any]]] = {peer.name: [] for peer in measured}
    for number in range(cell.slices):
        for peer in measured:
            slices = 1 if peer.is_slow else cell.slices
            if number < slices:
                taken[peer.name].append(take(on, peer, at[peer], cell, seconds / slices))
    return taken


def in_flight(on: Bench, files: int) -> dict[str, Any]:
    """Hold so many sends in flight at the same time in the product with `memory:`. All are at the provider before it answers the first."""
    sends = min(FLIGHT, (files - SPARE) // 2)  # a connection to each side for each
    with running(PEERS[MEMORY], on.back, on.proxy_processor, concurrency=FLIGHT) as at:
        on.provider(FLIGHT_DELAY, hold=sends)
        said = on.drive(at.port, data.front_request("send", ranged=False), sends, LOAD_PATIENCE, total=sends)
        most = on.seen()["most"]
        on.provider()
        peak = machine.peak_bytes(machine.tree(at.pid)) / 1e6
    answered = said["statuses"].get("200", 0)
    return {
        "sends": sends, "files": files, "answered": answered, "errors": said["errors"], "statuses": said["statuses"],
        "at_the_provider": most,        "seconds": said["seconds"], "p50_us": said["p50_us"], "p99_us": said["p99_us"], "peak_mb": peak,
    }  # fmt: skip


def alone(on: Bench) -> dict[str, float]:
    """Measure the requests a second of each kind that load and stub do on their one processor, with no proxy between them."""
    on.provider()
    found = {}
    for kind in ("send", "get", "list50", "list1000"):
        said = on.drive(on.back, data.back_request(kind), ALONE_CONNECTIONS, 0.5)
        found[kind] = said["in_time"] / said["seconds"]
    return found


def _summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over rounds; CPU is the least; errors are the sum."""
    cells = {}
    for name in rounds[0]["cells"]:
        samples = [one["cells"][name] for one in rounds]
        cells[name] = {
            figure: statistics.median(one[figure] for one in samples)
            for figure in ("per_second", "p50_us", "p99_us", "asks", "foreign")
        }
        cells[name]["cpu_us"] = min(one["cpu_us"] for one in samples)
        cells[name]["errors"] = sum(one["errors"] for one in samples)
    return {"cells": cells, "peak_mb": statistics.median(one["peak_mb"] for one in rounds)}


def chosen(only: tuple[str, ...]) -> tuple[list[Peer], dict[str, str]]:
    """The peers whose names hold one of these words (none: all), and the parts that some of them lack."""
    wanted = [peer for peer in PEERS.values() if not only or any(word.lower() in peer.name.lower() for word in only)]
    skipped = {peer.name: f"{lacks} is not installed" for peer in wanted if (lacks := peer.lacks())}
    return [peer for peer in wanted if peer.name not in skipped], skipped


def measure(rounds: int = 5, seconds: float = 1.0, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """Measure everything, as values that JSON can hold. Raises MissingError if the machine lacks something that the bench itself needs."""
    files = machine.allow_files()
    peers, skipped = chosen(only)
    if not peers:
        raise machine.MissingError(f"no peer to measure: {skipped or only}")
    for name, why in skipped.items():
        print(f"SKIPPED: {name}: {why}", file=sys.stderr, flush=True)
    samples: dict[str, list[dict[str, Any]]] = {peer.name: [] for peer in peers}
    found: dict[str, Any] = {"rounds": rounds, "seconds": seconds, "skipped": skipped, "samples": samples}
    found["machine"] = {
        "python": platform.python_version(), "kernel": platform.release(), "processors": os.cpu_count(), "files": files,
    }  # fmt: skip
    found["translation"] = translation.measure(rounds)
    found["fsyncs_per_second"] = machine.fsyncs_per_second()
    with bench() as on:
        found["alone"] = alone(on)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            for name, sample in one_round(on, peers if number % 2 == 0 else peers[::-1], seconds).items():
                samples[name].append(sample)
        if MEMORY in samples:
            print(f"{FLIGHT:,} sends in flight", file=sys.stderr, flush=True)
            found["in_flight"] = in_flight(on, files)
    found["peers"] = {name: _summary(each) for name, each in samples.items()}
    return found
