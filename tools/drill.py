"""Kills real processes: `make drill`. After every death no message is at the provider twice, and no acknowledged message is lost.

The provider and the application that receives callbacks live in this process. The proxy is a process of its own.
It dies at the step that its command line names (`tools.dying`) or is killed from here, and is started again on the same store.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import httpx

from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount
from conformance.twins.properties_v2.lifecycle import Pace
from conformance.twins.serving import serve
from tests import postgres
from tests.stores import emptied
from tools.drills.application import Application
from tools.drills.files import is_whole
from tools.drills.proxy import CONFIGURATION, Proxy
from tools.dying import STEPS

ACCOUNT, TOKEN = "AC00000000000000000000000000000001", "front-token"
POINTS = tuple(f"{step}:{when}" for step in STEPS for when in ("before", "after"))


class Drill:
    """A world around proxies that die. `acknowledged` are the texts that were answered with 200."""

    def __init__(self, folder: Path, store: str) -> None:
        self._folder, self.store = folder, store
        self.twin = PropertiesV2Twin(accounts={"A1": TwinAccount("back-token", ("P1",))}, pace=Pace(0, 1))
        self.application = Application()
        self.acknowledged: list[str] = []
        self.statuses: Counter[int] = Counter()
        self._numbers = itertools.count(1)

    @contextlib.asynccontextmanager
    async def world(self) -> AsyncIterator["Drill"]:
        """Everything but the proxy, while the block runs."""
        async with (
            serve(self.twin.app) as provider,
            serve(self.application.app) as application,
            httpx.AsyncClient() as client,
        ):
            port = int(application.rpartition(":")[2])
            self._hook, self._client = f"{application}/hook", client
            text = CONFIGURATION.format(store=self.store, port=port, provider=provider)
            (self._folder / "translator.toml").write_text(text, "utf-8")
            yield self

    async def start(self, step: str = "never", *settings: str) -> Proxy:
        """A proxy that dies at a step, once it listens."""
        return await begun(self._folder / "translator.toml", step, *settings)

    async def send(self, proxy: Proxy, *, text: str = "") -> int:
        """Send with a callback. Returns the status; 0 if no response came."""
        text = text or f"text {next(self._numbers)}"
        form = {"From": "15550100001", "To": "15550100005", "Body": text, "StatusCallback": self._hook}
        path = f"{proxy.url}/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json"
        status = 0
        if proxy.url:
            with contextlib.suppress(httpx.HTTPError):
                answer = await self._client.post(path, data=form, auth=(ACCOUNT, TOKEN), timeout=10)
                status = answer.status_code
        if status == 200:
            self.acknowledged.append(text)
        self.statuses[status] += 1
        return status

    @property
    def texts(self) -> Counter[str]:
        """The texts at the provider, with the number of messages of each."""
        return Counter(row.text for row in self.twin.messages)

    def faults(self) -> list[str]:
        """The faults: a text that is at the provider twice, an acknowledged text that is not there, a status that was not delivered."""
        twice = [f"{text}: {count} times at the provider" for text, count in self.texts.items() if count > 1]
        lost = [
            f"{text}: acknowledged, and not at the provider" for text in self.acknowledged if text not in self.texts
        ]
        untold = [f"{text}: told {self.application.told.get(text)}" for text in self.texts if not self._is_told(text)]
        return twice + lost + untold

    def _is_told(self, text: str) -> bool:
        """True if `sent` and `delivered` were delivered, and the first of each came in that order."""
        return list(dict.fromkeys(self.application.told.get(text, []))) == ["sent", "delivered"]

    async def settle(self, seconds: float = 120.0) -> None:
        """Wait until every message at the provider has had its callbacks."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(not self._is_told(text) for text in self.texts):  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.1)


async def begun(
    file: Path, step: str, *settings: str, heard: Callable[[str], None] = lambda _: None, module: str = "tools.dying"
) -> Proxy:
    """Start a proxy that dies at a step, and return it once it listens. `heard` gets each line of its log. `module` is what runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, step, *settings, "-c", str(file), "-o", "json",
        stderr=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert process.stderr is not None
    seen = b""
    while line := await process.stderr.readline():
        seen += line
        heard(line.decode(errors="replace"))
        if b'"serving"' in line:
            address = json.loads(line)["listen"]
            drain = asyncio.create_task(_drained(process.stderr, heard))
            process.drain = drain  # type: ignore[attr-defined]  # kept, so that it is not collected
            return Proxy(process, f"http://{address}")
    await process.wait()
    if process.returncode == -signal.SIGKILL:  # it died on the way, at work that was left over
        return Proxy(process, "")
    raise AssertionError(seen.decode())


async def _drained(stream: asyncio.StreamReader, heard: Callable[[str], None]) -> None:
    while line := await stream.readline():
        heard(line.decode(errors="replace"))


async def stop(proxy: Proxy, *, kill: bool = False) -> None:
    """End a proxy, and wait until it is gone."""
    proxy.signal(signal.SIGKILL if kill else signal.SIGTERM)
    await asyncio.wait_for(proxy.process.wait(), 30)


SHORT: Final = (
    "callback_dispatcher.LEASE=4", "callback_client.TIMEOUT=1", "polling_round.LEASE=4", "reconciler.LEASE=4",
    "service.SHUTDOWN_GRACE_SECONDS=2",
)  # fmt: skip
"""Shorter leases and timeouts in seconds, so that the rows of a dead replica are free soon and the drill does not wait for minutes."""


async def killed_at(drill: Drill, points: list[str], *settings: str) -> int:
    """For each point, send to a proxy that dies there, and start the next proxy on the store that it left. Returns the number of
    deaths.

    After every fourth point a proxy is killed from outside, with sends that it has just acknowledged.
    """
    died = 0
    for number, point in enumerate(points, 1):
        proxy = await drill.start(point, *settings)
        await drill.send(proxy)
        try:
            await asyncio.wait_for(proxy.process.wait(), 15)
            died += proxy.process.returncode == -signal.SIGKILL
        except TimeoutError:
            await stop(proxy, kill=True)
        if number % 4 == 0:
            proxy = await drill.start("never", *settings)
            await asyncio.gather(*(drill.send(proxy) for _ in range(3)))
            await stop(proxy, kill=True)
            died += 1
    proxy = await drill.start("never", *settings)
    await drill.settle()
    await stop(proxy)
    return died


async def replicas(drill: Drill, sends: int = 12) -> dict[str, Any]:
    """Two replicas on one store. One is paused beyond its lease with work in hand, wakes, and is then killed with work in hand."""
    one, other = await drill.start("never", *SHORT), await drill.start("never", *SHORT)
    drill.application.pause = 0.3
    for number in range(sends):
        await drill.send((one, other)[number % 2])
    one.signal(signal.SIGSTOP)
    await asyncio.sleep(6)
    for _ in range(sends):
        await drill.send(other)
    one.signal(signal.SIGCONT)
    await asyncio.sleep(1)
    for _ in range(sends):
        await drill.send(one)
    await stop(one, kill=True)
    await drill.settle()
    await stop(other)
    told = sum(len(events) for events in drill.application.told.values())
    return {"messages": len(drill.texts), "calls": told, "again": told - 2 * len(drill.texts)}


async def stopped_database(drill: Drill, server: postgres.Server) -> list[int]:
    """PostgreSQL stops without warning under a proxy, and comes back. Returns the statuses of a send before, meanwhile and after."""
    proxy = await drill.start("never", *SHORT)
    statuses = [await drill.send(proxy)]
    await asyncio.to_thread(server.kill)
    statuses.append(await drill.send(proxy))
    await asyncio.to_thread(server.start)
    for _ in range(40):
        last = await drill.send(proxy)
        if last == 200:
            break
        await asyncio.sleep(0.25)
    statuses.append(last)
    await drill.settle()
    await stop(proxy)
    return statuses


# ---- the whole drill -------------------------------------------------------------------------------------------------


async def _all(kills: int, folder: Path, server: postgres.Server) -> int:
    bad = 0
    half = list(itertools.islice(itertools.cycle(POINTS), kills * 2 // 5))
    for name, store in (("sqlite", f"sqlite:///{folder / 'translator.db'}"), ("postgres", server.url)):
        began = time.monotonic()
        async with Drill(folder, store).world() as drill:
            died = await killed_at(drill, half, *(SHORT if name == "postgres" else ()))
        faults = drill.faults() + ([] if name == "postgres" or is_whole(store) else ["the file is not whole"])
        bad += len(faults)
        said = f"{died} deaths at {len(POINTS)} steps, answers {dict(drill.statuses)}, {len(drill.texts)} messages"
        known = f"{len(drill.acknowledged)} acknowledged, {time.monotonic() - began:.0f} s"
        print(f"{name}: {said}, {known}: {faults or 'nothing twice, nothing lost'}")
    await emptied(server.url)
    async with Drill(folder, server.url).world() as drill:
        found = await replicas(drill)
    bad += len(drill.faults())
    print(f"replicas: {found}: {drill.faults() or 'nothing twice, nothing lost, nothing out of order'}")
    async with Drill(folder, server.url).world() as drill:
        statuses = await stopped_database(drill, server)
    bad += len(drill.faults()) + (statuses != [200, 503, 200])
    print(f"a database that stops: answers {statuses}: {drill.faults() or 'nothing twice, nothing lost'}")
    return bad


def others(folder: Path, server: postgres.Server | None) -> int:
    """Run the drills of one kind of trouble each. Returns the number of faults."""
    from tools.drills import clock, full_disk, migration, reload  # they use the names above

    bad = 0
    for module in (reload, full_disk, clock, migration):
        place = folder / module.__name__.rpartition(".")[2]
        place.mkdir()
        bad += module.drill(place)
    if server is not None:
        bad += migration.drill(folder, url=server.url)
        asyncio.run(emptied(server.url))
    return bad


def main() -> int:
    """Kill as often as the command line says. Returns 0 if no message was doubled or lost."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.drill", description="Kill the proxy at every step of a send."
    )
    parser.add_argument("--kills", type=int, default=200)
    kills = parser.parse_args().kills
    with postgres.server() as server, tempfile.TemporaryDirectory(prefix="drill-") as folder:
        bad = others(Path(folder), server)
        if server is None:
            print(postgres.NOT_HERE, file=sys.stderr)
            return 1
        return 1 if bad + asyncio.run(_all(kills, Path(folder), server)) else 0


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    sys.exit(main())
