"""The cost of durability: sends with a callback beside the same sends without, and leasing with a million subscriptions."""

import asyncio
import contextlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

from sqlalchemy import Connection, insert

from bench.load import drive
from translator.shell.store import Store, deliveries, open_store
from translator.shell.store import subscriptions as rows
from translator.shell.store.rows import LeasedDelivery
from translator.shell.store.schema import deliveries as delivery_table
from translator.shell.store.schema import destinations, sends
from translator.shell.store.schema import subscriptions as subscription_table

MUST_REGISTER: Final = 0.5
MUST_CLAIM: Final = 2.0
REQUESTS: Final = 1500
CONNECTIONS: Final = 32
TRACKED: Final = 1_000_000
DUE: Final = 1000
NOW: Final = 1_700_000_000.0

CONFIGURATION: Final = """
[server]
listen = "127.0.0.1:0"
admin = ""
[callbacks]
allow = ["127.0.0.1"]
poll = 3600.0
[backs.provider]
dialect = "properties-v2"
url = "http://127.0.0.1:{port}"
[[accounts]]
front = {{ dialect = "restcomm", account = "AC1", token = "token" }}
back = {{ name = "provider", account = "A1", property = "P1", token = "token" }}
"""


@contextlib.contextmanager
def process(*words: str, says: str, pipe: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A Python module as a process, and the port that it prints."""
    running = subprocess.Popen(
        [sys.executable, "-m", *words], stdin=subprocess.PIPE, text=True,
        stdout=subprocess.PIPE if pipe == "stdout" else subprocess.DEVNULL,
        stderr=subprocess.PIPE if pipe == "stderr" else subprocess.DEVNULL,
    )  # fmt: skip
    stream = running.stdout if pipe == "stdout" else running.stderr
    assert stream is not None
    try:
        for line in stream:
            if (found := re.search(says, line)) is not None:
                break
        else:
            raise AssertionError(f"{words[0]} did not start")
        if pipe == "stderr":
            subprocess.Popen(["cat"], stdin=stream, stdout=subprocess.DEVNULL)  # noqa: S607 - it reads the log away
        yield int(found[1]), running
    finally:
        running.send_signal(signal.SIGINT)  # the process drains at once
        running.wait()


def send_request(callback: str) -> Any:
    """The bytes of a send, by its number. `callback` is appended to its form."""
    login = b64encode(b"AC1:token").decode()

    def made(number: int) -> bytes:
        body = f"From=19876543212&To=13216549878&Body=text+{number}{callback}"
        return (
            f"POST /2012-04-24/Accounts/AC1/SMS/Messages.json HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    return made


def registrations(rounds: int = 5) -> dict[str, float]:
    """Sends a second with and without a callback, through a `serve` of its own on SQLite, and the median of their ratios."""
    hook = "&StatusCallback=" + quote_plus("http://127.0.0.1:8080/hook")
    with tempfile.TemporaryDirectory() as folder, process("bench.stub", says=r"(\d+)", pipe="stdout") as (port, _):
        path = Path(folder) / "translator.toml"
        path.write_text(CONFIGURATION.format(port=port), "utf-8")
        serve = ("translator", "serve", "-c", str(path), "-o", "json")
        with process(*serve, says=r'"listen": *"127.0.0.1:(\d+)"', pipe="stderr") as (front, _):
            pairs = []
            asyncio.run(drive(front, 200, CONNECTIONS, send_request(hook)))
            for _ in range(rounds):
                without = asyncio.run(drive(front, REQUESTS, CONNECTIONS, send_request("")))
                with_one = asyncio.run(drive(front, REQUESTS, CONNECTIONS, send_request(hook)))
                assert without.statuses == with_one.statuses == {200: REQUESTS}
                pairs.append((with_one.per_second, without.per_second))
    return {
        "with_callback": statistics.median(one for one, _ in pairs),
        "without": statistics.median(other for _, other in pairs),
        "ratio": statistics.median(one / other for one, other in pairs),
    }


def _fill(connection: Connection, first: int, count: int, due: bool) -> None:
    """Insert `count` messages with a subscription each, and for each a delivery that is due now or later."""
    at = NOW - 1 if due else NOW + 3600
    numbers = range(first, first + count)
    connection.execute(
        insert(sends),
        [
            {"id": str(n), "account": "e", "provider_account": "p", "state": "sent", "created_at": NOW, "sender": "+1",
             "recipient": "+2", "text": "x" * 40, "content_hash": str(n), "sid": str(n), "message": b'{"created":1}',
             "settled_at": NOW}
            for n in numbers
        ],
    )  # fmt: skip
    connection.execute(
        insert(subscription_table),
        [
            {"id": n, "send_id": str(n), "account": "e", "url": "http://a", "method": "POST", "next_check_at": at,
             "provider_account": "p"}
            for n in numbers
        ],
    )  # fmt: skip
    connection.execute(
        insert(delivery_table),
        [
            {"id": n, "subscription_id": n, "account": "e", "position": 0, "event": "sent", "method": "POST", "url": "http://a",
             "payload": "x" * 80, "destination": f"d{n % 50}:80", "state": "due", "created_at": NOW, "due_at": at}
            for n in numbers
        ],
    )  # fmt: skip
    if due:
        hosts = [{"account": "e", "destination": f"d{n}:80", "due_at": at, "standing": 0} for n in range(50)]
        connection.execute(insert(destinations), hosts)


def _take(connection: Connection) -> list[LeasedDelivery]:
    """A hundred calls that are due, of the destinations that wait longest."""
    room = dict.fromkeys(deliveries.due(connection, deliveries.PROVEN, NOW, 50), 2)
    return deliveries.turn(connection, [], room, NOW, 60.0, deliveries.Breaker()).rows


async def _claims(store: Store, rounds: int) -> float:
    """Seconds to lease 100 subscriptions, and 100 deliveries; the median."""
    found = []
    after: tuple[float, int] | None = (-1.0, 0)
    for number in range(rounds):
        began = time.perf_counter()
        found_, after = await store.read(lambda c, after=after: rows.held_from(c, "p", after, 100))  # type: ignore[misc]
        watched = await store.write(lambda c, some=found_: rows.take(c, [one.id for one in some], NOW, 60.0))  # type: ignore[misc]
        owed = await store.write(_take)
        found.append(time.perf_counter() - began)
        assert (len(watched), len(owed)) == (100, 100), number
    return statistics.median(found)


def claiming(tracked: int = TRACKED, rounds: int = 5) -> dict[str, float]:
    """Seconds of a claim with a thousand messages that are due, and with so many more that are not, and their ratio."""

    async def measured(folder: str, more: int) -> float:
        store = await open_store(f"sqlite:///{folder}/{more}.db", "bench", Path(folder))
        await store.write(lambda c: _fill(c, 1, DUE, due=True))
        for first in range(DUE + 1, DUE + 1 + more, 50_000):
            count = min(50_000, DUE + 1 + more - first)
            await store.write(lambda c, first=first, count=count: _fill(c, first, count, due=False))  # type: ignore[misc]
        seconds = await _claims(store, rounds)
        await store.close()
        return seconds

    with tempfile.TemporaryDirectory() as folder:
        few = asyncio.run(measured(folder, 0))
        many = asyncio.run(measured(folder, tracked))
    return {"tracked": tracked, "few_ms": few * 1000, "many_ms": many * 1000, "ratio": many / few}
