"""The product beside an ordinary shim (FastAPI and httpx) before the same stub of a provider: what a request costs, and how fast it is.

Both answer the same request with the same members; the product authenticates, journals, logs and counts on top of that.
"""

import asyncio
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.durable import CONFIGURATION, process, send_request
from bench.load import Load, drive

REQUESTS: Final = 1500
CONNECTIONS: Final = 16
WARM: Final = 200
SID: Final = "SMM" + "A" * 31
MUST_SEND_CPU: Final = 15.0
MUST_DURABLE_CPU: Final = 8.0

PRODUCTS: Final = {
    "product, memory:": ("memory:", "own"),
    "product, SQLite": ("sqlite:///translator.db", "own"),
    "product, memory:, httpx": ("memory:", "httpx"),
}
SHIM: Final = "FastAPI + httpx"


def _get_request(login: str) -> Callable[[int], bytes]:
    head = f"GET /2012-04-24/Accounts/AC1/SMS/Messages/{SID}.json HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n\r\n"
    return lambda _: head.encode()


def cpu_seconds(pid: int) -> float:
    """Seconds of a processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@contextmanager
def _peer(name: str, stub: int, folder: Path) -> Iterator[tuple[int, int]]:
    """A peer before the stub: its port, and its process."""
    if name == SHIM:
        with process("bench.shim", str(stub), says=r"(\d+)", pipe="stdout") as (port, running):
            yield port, running.pid
        return
    store, engine = PRODUCTS[name]
    settings = CONFIGURATION.format(port=stub).replace("[callbacks]", f'[store]\nurl = "{store}"\n[callbacks]')
    path = folder / "translator.toml"
    path.write_text(settings.replace('url = "http://', f'engine = "{engine}"\nurl = "http://'), "utf-8")
    serve = ("translator", "serve", "-c", str(path), "-o", "json")
    with process(*serve, says=r'"listen": *"127.0.0.1:(\d+)"', pipe="stderr") as (port, running):
        yield port, running.pid


def measure(rounds: int = 5) -> dict[str, dict[str, float]]:
    """By peer: requests a second and microseconds of CPU for a send and a get, p99 of a send, peak memory. Medians; CPU the least."""
    from base64 import b64encode  # noqa: PLC0415

    login = b64encode(b"AC1:token").decode()
    kinds: dict[str, Any] = {"send": send_request(""), "get": _get_request(login)}
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for name in (*PRODUCTS, SHIM):
            with (
                tempfile.TemporaryDirectory() as folder,
                process("bench.stub", says=r"(\d+)", pipe="stdout") as (stub, _),
                _peer(name, stub, Path(folder)) as (port, pid),
            ):
                mine = found.setdefault(name, {})
                for kind, request in kinds.items():
                    asyncio.run(drive(port, WARM, CONNECTIONS, request))
                    before = cpu_seconds(pid)
                    load: Load = asyncio.run(drive(port, REQUESTS, CONNECTIONS, request))
                    assert load.statuses == {200: REQUESTS}, (name, kind, load.statuses)
                    mine.setdefault(f"{kind}_us", []).append((cpu_seconds(pid) - before) / REQUESTS * 1e6)
                    mine.setdefault(f"{kind}_per_second", []).append(load.per_second)
                    mine.setdefault(f"{kind}_p99_ms", []).append(load.percentile(0.99) * 1000)
                mine.setdefault("peak_mb", []).append(peak_bytes(pid) / 1e6)
    return {
        name: {
            what: min(values) if what.endswith("_us") else statistics.median(values) for what, values in mine.items()
        }
        for name, mine in found.items()
    }
