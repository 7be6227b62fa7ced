"""Measure how much one provider can delay the lists of another: `python -m bench.hostile_provider [seconds]`.

Two accounts have a provider each, in a process of its own. One account lists once every ten milliseconds. The other lists four at a
time from a provider that stalls, floods or lies.
Each attack has two figures: the time of the first account's lists, beside the same without an attack, and the most memory of this
process.
"""

import asyncio
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final
from urllib.parse import parse_qs

from bench.translate import NOW, back_list, dialects
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.exchange import Limits, exchange
from translator.core.http.messages import Request
from translator.shell.aio.memory_budget import MEMORY, MemoryBudget
from translator.shell.client.provider_client import ProviderClient
from translator.shell.observability.admin import Meter
from translator.shell.process import run
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.runtime.single_flight_cache import SingleFlightCache

MUST: Final = 1.5
"""The bound on the slowest hundredth of the other account's lists, as a multiple of their time without an attack."""

SECONDS: Final = 5.0
AT_ONCE: Final = 4
PACE: Final = 0.01
ROWS: Final = 40
_MIB: Final = 1024 * 1024
_PROPERTY: Final = "S1234567890ABCDE1234567890ABCDEF"
_ACCOUNTS: Final = ("ACquiet", "AChostile")
_CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _sized(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def _many_rows() -> bytes:
    return _sized(back_list(20_000, text="x" * 300))


def _large_text() -> bytes:
    return _sized(back_list(1, text="x" * (15 * _MIB)))


WAYS: Final[dict[str, Callable[[], bytes]]] = {
    "quiet": lambda: b"",
    "stalls": lambda: b"",
    "many rows": _many_rows,
    "a large text": _large_text,
    "no JSON": lambda: _sized(b"[" * (15 * _MIB)),
    "a large error": lambda: _sized(b"x" * (15 * _MIB), 500),
    "two-byte chunks": lambda: _CHUNKED + b"2\r\nxx\r\n" * (8 * _MIB),
    "chunks of 24 bytes": lambda: _CHUNKED + (b"18\r\n" + b"x" * 24 + b"\r\n") * 650_000 + b"0\r\n\r\n",
    "extensions": lambda: _CHUNKED + (b"1;" + b"e" * 1000 + b"\r\nx\r\n") * 16_000,
    "trailers": lambda: _CHUNKED + b"0\r\n" + b"X: y\r\n" * 2_000_000,
    "interim answers": lambda: b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500_000,
}
"""The hostile provider's response to each request, by attack."""


async def _provide(way: str) -> None:
    """Run a provider until it gets a signal to end."""
    fine, none, said = _sized(back_list(ROWS)), _sized(back_list(0)), WAYS[way]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                line = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
                asked = parse_qs(line.partition("?")[2])
                if way == "quiet":
                    writer.write(fine if asked.get("Results_Skip", ["0"]) == ["0"] else none)
                else:
                    for at in range(0, len(said), _MIB):
                        writer.write(said[at : at + _MIB])
                        await writer.drain()
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.asynccontextmanager
async def _provider(way: str) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.hostile_provider", "--provide", way, stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("a provider says its port")
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.kill()
        await process.wait()


class _World:
    """The product without its front: two accounts, and the effect runner."""

    def __init__(self, urls: dict[str, str]) -> None:
        front, back = dialects()
        entries = [
            Account(
                Endpoint(front, account, "", "t"),
                ConfiguredProvider(account, back),
                Endpoint(back, "A1", _PROPERTY, "b"),
                shared=False,
            )
            for account in _ACCOUNTS
        ]
        self._accounts = Accounts(entries)
        self.budget = MemoryBudget(MEMORY, [entry.name for entry in entries])
        backs = {account: ProviderClient(url) for account, url in urls.items()}
        self.driver = EffectRunner(backs, SingleFlightCache(budget=self.budget), Meter())

    async def lists(self, account: str, number: int) -> float:
        """Request one list. Returns its seconds."""
        login = ("authorization", "Basic " + b64encode(f"{account}:t".encode()).decode())
        query = f"SortBy=From&Body=x{number}" if account == _ACCOUNTS[1] else "SortBy=From"
        asked = Request("GET", f"/restcomm/2012-04-24/Accounts/{account}/SMS/Messages.json", query, (login,))
        began = time.perf_counter()
        reply = await self.driver.run(RequestContext(str(number)), exchange(self._accounts, Limits(), asked, NOW))
        if account == _ACCOUNTS[0] and reply.response.status != 200:
            raise RuntimeError(f"the other account was answered {reply.response.status}: {reply.log}")
        return time.perf_counter() - began


async def _against(way: str, seconds: float, begin: Callable[[], None] = lambda: None) -> list[float]:
    """Return the times of the other account's lists. `begin` is called when the attack starts."""
    async with _provider("quiet") as quiet, _provider(way) as other:
        made = _World(dict(zip(_ACCOUNTS, (quiet, other), strict=True)))
        for _ in range(20):
            await made.lists(_ACCOUNTS[0], 0)
        begin()
        ends, numbers = time.perf_counter() + seconds, iter(range(10**9))

        async def attack() -> None:
            while time.perf_counter() < ends:
                await made.lists(_ACCOUNTS[1], next(numbers))

        attacks = [asyncio.create_task(attack()) for _ in range(AT_ONCE if way != "quiet" else 0)]
        taken = []
        while time.perf_counter() < ends:
            taken.append(await made.lists(_ACCOUNTS[0], 0))
            await asyncio.sleep(PACE)
        for attack_ in attacks:
            attack_.cancel()
        await asyncio.gather(*attacks, return_exceptions=True)
        await made.driver.aclose()
        return taken


async def _longest_hold(way: str, seconds: float) -> float:
    """The most CPU seconds that pass between two turns of the loop."""
    loop, longest, last, is_over = asyncio.get_running_loop(), 0.0, 0.0, False

    def tick() -> None:
        nonlocal longest, last
        now = time.thread_time()
        longest, last = max(longest, now - last), now
        if not is_over:
            loop.call_soon(tick)

    def begin() -> None:
        nonlocal last
        last = time.thread_time()
        tick()

    await _against(way, seconds, begin)
    is_over = True
    return longest


async def _one(way: str, seconds: float) -> dict[str, float | str]:
    taken = await _against(way, seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cuts = statistics.quantiles([*taken, taken[-1]], n=100)  # the loop may be held for so long that there is one alone
    return {
        "way": way, "lists": len(taken), "p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000,
        "hold_ms": await _longest_hold(way, seconds / 2) * 1000, "peak_mib": peak,
    }  # fmt: skip


def measure(seconds: float = SECONDS) -> Iterator[dict[str, float | str]]:
    """Measure each attack in a process of its own. Yields one row an attack.

    `lists`, `p50_ms` and `p99_ms` are the number and the times of the other account's lists.
    The other figures are the longest time that the loop was held (milliseconds of CPU) and the most memory in MiB.
    """
    for way in WAYS:
        asked = [sys.executable, "-m", "bench.hostile_provider", "--one", way, str(seconds)]
        found: dict[str, float | str] = json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout)
        yield found


async def _print_one(way: str, seconds: float) -> None:
    print(json.dumps(await _one(way, seconds)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--provide"]:
        asyncio.run(_provide(sys.argv[2]))
    elif sys.argv[1:2] == ["--one"]:
        run(_print_one(sys.argv[2], float(sys.argv[3])))
    else:
        quiet = 0.0
        for row in measure(*map(float, sys.argv[1:2])):
            quiet = quiet or float(row["p99_ms"])
            times = float(row["p99_ms"]) / quiet
            print(
                f"{row['way']:20}{row['lists']:6} lists  p50 {row['p50_ms']:7.1f}  p99 {row['p99_ms']:7.1f} ms ({times:5.1f} x)"
                f"  longest hold {row['hold_ms']:6.1f} ms  most memory {row['peak_mib']:5.0f} MiB"
            )
