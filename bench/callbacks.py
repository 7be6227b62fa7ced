"""How many callbacks a second one receiver gets, and what thousands of dead receivers cost everybody else.

`python -m bench.callbacks [--against DIR]` runs each measurement on this checkout and on the one in DIR, one after the other, with a
`serve` of its own on SQLite, all defaults but the networks and ports that may be called. The receiver answers in one millisecond.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

ROOT: Final = Path(__file__).parents[1]
CALLS: Final = 3000
SECONDS: Final = 10.0
DEAD: Final = 10_000
FLOOD_SECONDS: Final = 30.0
SENDS_A_SECOND: Final = 50
HEALTHY_A_SECOND: Final = 5

CONFIGURATION: Final = """
[server]
listen = "127.0.0.1:0"
admin = ""
[callbacks]
allow = ["127.0.0.0/8"]
ports = [{receiver}, {dead}]
poll = 1.0
[backs.provider]
dialect = "properties-v2"
url = "http://127.0.0.1:{provider}"
[[accounts]]
front = {{ dialect = "restcomm", account = "AC1", token = "token" }}
back = {{ name = "provider", account = "A1", property = "P1", token = "token" }}
"""

FILL: Final = """
import asyncio, json, sys, time
from pathlib import Path
from sqlalchemy import insert
from translator.shell.store import calls, open_store
from translator.shell.store.schema import events, sends, watches
try:
    from translator.shell.store.deliveries import enqueue
except ImportError:
    def enqueue(connection, row, made, first, now):
        for position, call in enumerate(made, first):
            connection.execute(insert(events).values(**call._asdict(), watch=row["id"], entry=row["entry"], position=position,
                state="due", made=now, due_at=now))

def fill(connection, address, host, count, first, spread):
    now = time.time()
    for n in range(first, first + count):
        where = address.replace("{n}", str(n)).replace("{host}", f"127.{n // 60000 + 1}.{n // 250 % 240}.{n % 250 + 1}")
        destination = where.split("/")[2]
        connection.execute(insert(sends).values(id=str(n), entry="restcomm/AC1/", place="p", state="sent", made=now, sender="+1",
            recipient="+2", text="x" * 40, same=str(n), sid=f"x{n}", message=b"{}", settled=now))
        connection.execute(insert(watches).values(id=n, send=str(n), entry="restcomm/AC1/", address=where, method="POST", over=now))
        call = calls.Call("sent", "POST", where, f"MessageStatus=sent&n={n}&at={now}", destination)
        enqueue(connection, {"id": n, "entry": "restcomm/AC1/"}, [call], 0, now)

async def main():
    path, address, count, first = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    alone = len(sys.argv) <= 5
    store = await open_store(f"sqlite:///{path}", "bench", Path("/"), alone=alone)
    step = 500 if alone else 5
    for at in range(first, first + count, step):
        await store.write(lambda c, at=at: fill(c, address, "", min(step, first + count - at), at, False))
        await asyncio.sleep(0 if alone else 1)
    await store.close()

asyncio.run(main())
"""


class Receiver(asyncio.Protocol):
    """Answers each request after one millisecond, and remembers when each came and when it was due."""

    came: ClassVar[list[tuple[float, float]]] = []

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if not end or len(body) < int(size[1] if size else 0):
            return
        self.buffer = b""
        at = re.search(rb"at=([0-9.]+)", body)
        Receiver.came.append((time.time(), float(at[1]) if at else 0.0))
        asyncio.get_running_loop().call_later(0.001, self.answer)

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def environment(checkout: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(checkout)}


async def fill(checkout: Path, path: Path, address: str, count: int, first: int, *, beside: bool = False) -> None:
    words = [sys.executable, "-c", FILL, str(path), address, str(count), str(first), *(["beside"] if beside else [])]
    running = await asyncio.create_subprocess_exec(*words, cwd=checkout, env=environment(checkout))
    assert await running.wait() == 0


@asynccontextmanager
async def started(words: list[str], cwd: Path, says: str, pipe: str) -> AsyncIterator[int]:
    """A process, and the port that it says it has."""
    null = subprocess.DEVNULL
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, cwd=cwd, env=environment(cwd), stdin=subprocess.PIPE, limit=1 << 20,
        stdout=subprocess.PIPE if pipe == "stdout" else null, stderr=subprocess.PIPE if pipe == "stderr" else null,
    )  # fmt: skip
    stream = running.stdout if pipe == "stdout" else running.stderr
    assert stream is not None
    while True:
        line = (await stream.readline()).decode()
        assert line, f"{words} did not start"
        if found := re.search(says, line):
            break

    async def drain() -> None:
        while await stream.read(65536):
            pass

    drained = asyncio.create_task(drain())
    try:
        yield int(found[1])
    finally:
        running.terminate()
        await running.wait()
        await drained


@asynccontextmanager
async def serving(checkout: Path, folder: Path, receiver: int, dead: int) -> AsyncIterator[int]:
    async with started(["bench.stub"], checkout, r"(\d+)", "stdout") as provider:
        path = folder / "translator.toml"
        path.write_text(CONFIGURATION.format(receiver=receiver, dead=dead, provider=provider), "utf-8")
        serve = ["translator", "serve", "-c", str(path), "-o", "json"]
        async with started(serve, checkout, r'"listen": *"127.0.0.1:(\d+)"', "stderr") as port:
            yield port


async def one_receiver(checkout: Path) -> dict[str, Any]:
    """Calls a second to one receiver that is owed thousands."""
    Receiver.came = []
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await fill(checkout, folder / "translator.db", f"http://127.0.0.1:{port}/x", CALLS, 1)
        async with serving(checkout, folder, port, 1):
            until = time.monotonic() + SECONDS
            while time.monotonic() < until and len(Receiver.came) < CALLS:  # noqa: ASYNC110 - it is polled
                await asyncio.sleep(0.05)
    server.close()
    times = [at for at, _ in Receiver.came]
    seconds = max(times[-1] - times[0], 0.001) if len(times) > 1 else SECONDS
    return {"calls": len(times), "a_second": round((len(times) - 1) / seconds)}


async def send(port: int, number: int) -> float:
    """Seconds of one send without a callback."""
    body = f"From=19876543212&To=13216549878&Body=text+{number}"
    head = (
        "POST /2012-04-24/Accounts/AC1/SMS/Messages.json HTTP/1.1\r\nHost: x\r\nAuthorization: Basic QUMxOnRva2Vu\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write((head + body).encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:80]
    return time.perf_counter() - began


async def flood(checkout: Path, dead: int) -> dict[str, Any]:
    """A send's p50, and the delay of a healthy receiver's callbacks, while so many destinations refuse."""
    Receiver.came = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiver, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    taken: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "translator.db"
        await fill(checkout, path, "http://{host}:1/x", dead, 1)
        async with serving(checkout, folder, port, 1) as front:
            healthy = asyncio.create_task(_healthy(checkout, path, port))
            tasks = []
            until, number = loop.time() + FLOOD_SECONDS, 0
            while loop.time() < until:
                number += 1
                tasks.append(asyncio.create_task(send(front, number)))
                await asyncio.sleep(1 / SENDS_A_SECOND)
            taken = await asyncio.gather(*tasks)
            owed = await healthy
            await asyncio.sleep(5)
    server.close()
    delays = sorted(at - due for at, due in Receiver.came)
    missing = owed - len(delays)
    last = delays[int(len(delays) * 0.99) - 1] if delays and not missing else float("inf")
    return {
        "sends": len(taken), "p50_ms": round(statistics.median(taken) * 1000, 2), "max_ms": round(max(taken) * 1000),
        "healthy": f"{len(delays)} of {owed}", "healthy_p99_s": round(last, 2),
    }  # fmt: skip


async def _healthy(checkout: Path, path: Path, port: int) -> int:
    """A few callbacks a second for one receiver that answers, written beside the process that serves."""
    owed = int(FLOOD_SECONDS / 2) * HEALTHY_A_SECOND
    await fill(checkout, path, f"http://127.0.0.1:{port}/x", owed, 1_000_000, beside=True)
    return owed


async def main() -> None:
    """All measurements, on each checkout in turn."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--against", type=Path, help="another checkout to be measured in the same run")
    words.add_argument("--only", choices=["one", "flood"], help="one of the two measurements")
    given = words.parse_args()
    for checkout in filter(None, (given.against, ROOT)):
        name = "this" if checkout == ROOT else "against"
        if given.only != "flood":
            print(json.dumps({"build": name, **await one_receiver(checkout)}), flush=True)
        if given.only != "one":
            for dead in (0, DEAD):
                print(json.dumps({"build": name, "dead": dead, **await flood(checkout, dead)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
