"""`python -m tools.drills.migration [DEATHS [postgres]]`: accounts move between two providers.

Meanwhile processes die, providers fail, and a person changes stages.

clients ─▶ product (dies, and is started again) ─┬▶ four old providers
person  ─▶ its store                             └▶ four new providers
At the end no text is at two providers, or twice at one. Each SID that a client got answers, and each callback that was due has come.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import text as sql

from conformance.twins.serving import serve
from tests import postgres
from tools.drill import POINTS, begun, stop
from tools.drills.judgement import Row, Sent, judged
from tools.drills.proxy import Proxy
from tools.drills.two_homes import ACCOUNTS, Application, Moved, Provider, configuration
from tools.drills.world import Load, said
from translator.core.migration import NotAllowed
from translator.shell.config.load import load
from translator.shell.operations.migrate_admin import change
from translator.shell.operations.store_admin import beside
from translator.shell.store import Store
from translator.shell.store.stages import Overtaken
from translator.shell.wiring import assemble

TOKEN: Final = "front-token"
PATIENCE: Final = 60.0
"""Seconds that the end of the drill may take."""

FASTER: Final = (
    "service.EVERY=0.3", "service.SHUTDOWN_GRACE_SECONDS=2", "callback_dispatcher.LEASE=4", "callback_client.TIMEOUT=1",
    "polling_round.LEASE=4", "reconciler.LEASE=4",
)  # fmt: skip
"""Seconds between two reads of the stages, and shorter leases, so that the drill does not wait for minutes."""

RECIPIENTS: Final = tuple(f"155501000{number}" for number in range(10, 40))
_ACTIONS: Final = ("advance", "advance", "advance", "set", "set", "rollback", "release-guard")


class Drill:
    """The world around processes of the product, each of which runs `module`."""

    def __init__(self, folder: Path, store: str, seed: int, module: str) -> None:
        self._folder, self._store, self._module = folder, store, module
        self._draw = random.Random(seed)
        self.providers = {
            moved.provider(home): Provider(
                moved.old if home == "old" else moved.new, 10 * moved.number + (home == "new")
            )
            for moved in ACCOUNTS
            for home in ("old", "new")
        }
        self.application = Application(lambda: self._draw.random() < 0.05)
        self.sent: list[Sent] = []
        self.faults: list[str] = []
        self.changes: Counter[str] = Counter()
        self.reads: Counter[int] = Counter()
        self.deaths = 0
        self._numbers = itertools.count(1)
        self._proxies: list[Proxy] = []

    @contextlib.asynccontextmanager
    async def world(self) -> AsyncIterator["Drill"]:
        """Everything but the product, while the block runs. All processes are killed after it."""
        async with contextlib.AsyncExitStack() as stack:
            urls = {name: await stack.enter_async_context(serve(one)) for name, one in self.providers.items()}
            self._hook = await stack.enter_async_context(serve(self.application.app))
            self._client = await stack.enter_async_context(httpx.AsyncClient(timeout=10.0))
            file = self._folder / "translator.toml"
            file.write_text(configuration(self._store, self._hook, self.providers, urls), "utf-8")
            self._settings = load(file, os.environ)
            self._accounts = assemble(self._settings).accounts
            try:
                yield self
            finally:
                await asyncio.gather(*(stop(proxy, kill=True) for proxy in self._proxies if proxy.is_alive))

    # ---- processes -------------------------------------------------------------------------------------------------------

    async def start(self, step: str = "never") -> Proxy:
        """Start a process that dies at a step."""
        file = self._folder / "translator.toml"
        proxy = await begun(file, step, *FASTER, heard=self._hear, module=self._module)
        self._proxies.append(proxy)
        return proxy

    def _hear(self, line: str) -> None:
        if '"defect"' in line:
            self.faults.append(line[:500])

    async def dies(self, number: int, seconds: float) -> None:
        """Start a process, and wait until it has died: at a step that comes for the nth time, or after so many seconds."""
        step = f"{self._draw.choice(POINTS)}:{self._draw.randrange(1, 12)}" if number % 3 else "never"
        proxy = await self.start(step)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(proxy.process.wait(), seconds)
        await self.end(proxy)

    async def end(self, proxy: Proxy) -> None:
        """Kill a process, if it lives, and count its death."""
        await stop(proxy, kill=True)
        self.deaths += 1

    # ---- the person ------------------------------------------------------------------------------------------------------

    async def person(self, pause: float) -> None:
        """Bring all accounts to a canary. Then change stages at random, until cancelled. The first process has to make the store before."""
        while not self._living:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.1)
        async with beside(self._settings) as store:
            for moved, action in itertools.product(ACCOUNTS, ("advance", "advance", "set")):
                await self._change(store, moved, action, 50.0)
            while True:
                await asyncio.sleep(pause * self._draw.random() * 2)
                moved, action = self._draw.choice(ACCOUNTS), self._draw.choice(_ACTIONS)
                await self._change(store, moved, action, self._draw.choice([0.0, 5.0, 50.0, 100.0]))

    async def _change(self, store: Store, moved: Moved, action: str, percent: float) -> None:
        """Change a stage, if it allows that. `percent` counts for `set` only."""
        entry = self._accounts.by_name[moved.name]
        with contextlib.suppress(NotAllowed, Overtaken):
            stage = await change(store, entry, action, "ann", "a drill", percent if action == "set" else None)
            self.changes[stage.stage] += 1

    # ---- the clients -----------------------------------------------------------------------------------------------------

    async def send(self, number: int) -> None:
        """Send a text that no other send has. With an idempotency key the client tries up to three times."""
        if not self._living:  # a client notices that too, and sends later
            return
        moved, text = ACCOUNTS[number % len(ACCOUNTS)], f"text {next(self._numbers)}"
        key = text if self._draw.random() < 0.5 else ""
        to, statuses, sid = self._draw.choice(RECIPIENTS), list[int](), ""
        for again in range(3 if key else 1):
            await asyncio.sleep(again * 0.5)
            status, body = await self._sent(moved, text, to, key)
            statuses.append(status)
            if status == 200:
                given = json.loads(body)
                sid = given["sid"] if "sid" in given else given["Message"]["MessageSid"]
                break
        self.sent.append(Sent(moved, text, tuple(statuses), sid))

    async def _sent(self, moved: Moved, text: str, to: str, key: str) -> tuple[int, bytes]:
        hook = f"{self._hook}/hook/{moved.number}"
        headers = {"idempotency-key": key} if key else {}
        if moved.front == "restcomm":
            form = {"From": "15550100001", "To": to, "Body": text, "StatusCallback": hook}
            return await self._asked(moved, "POST", ".json", headers=headers, data=form)
        row = {"From": "+15550100001", "To": f"+{to}", "Text": text, "DeliveryReceiptWebhookUri": hook}
        return await self._asked(moved, "POST", "", headers=headers, json=row)

    async def read(self, _: int) -> None:
        """Get a message that a client knows, or a list. A provider that fails may never be an unknown message."""
        known = [one for one in self.sent if one.sid]
        if not known or not self._living:
            return
        one = self._draw.choice(known)
        status, body = await self.get(one)
        self.reads[status] += 1
        if status == 404:
            self.faults.append(f"{one.text}: {one.sid} was answered 404: {body!r}")

    async def get(self, one: Sent) -> tuple[int, bytes]:
        """Get the message of a send, as status and body."""
        return await self._asked(
            one.account, "GET", f"/{one.sid}" + (".json" if one.account.front == "restcomm" else "")
        )

    @property
    def _living(self) -> list[Proxy]:
        return [proxy for proxy in self._proxies if proxy.is_alive and proxy.url]

    async def _asked(self, moved: Moved, method: str, path: str, **given: Any) -> tuple[int, bytes]:
        """Ask one of the living processes, as status and body. The status is 0 if no response came."""
        living = self._living
        if not living:
            return 0, b""
        base = (
            f"/2012-04-24/Accounts/{moved.sid}/SMS/Messages"
            if moved.front == "restcomm"
            else "/v2/Properties/F1/Messages"
        )
        url = self._draw.choice(living).url + base + path
        with contextlib.suppress(httpx.HTTPError):
            answer = await self._client.request(method, url, auth=(moved.sid, TOKEN), **given)
            return answer.status_code, answer.content
        return 0, b""

    # ---- the end ---------------------------------------------------------------------------------------------------------

    async def settle(self, seconds: float) -> None:
        """End all faults, and wait until nothing is left to do."""
        for provider in self.providers.values():
            provider.is_calm = True
        self.application.is_calm = True
        until = time.monotonic() + seconds
        while (await self.judge()) and time.monotonic() < until:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.5)

    async def judge(self) -> list[str]:
        """Return the faults as they are now."""
        async with beside(self._settings) as store:
            rows = await store.read(
                lambda connection: connection.execute(sql("SELECT provider_account, state, sid, text FROM sends")).all()
            )
        journal = [Row(*row) for row in rows]
        return judged(self.sent, self.providers, self.application.told, journal)

    def figures(self) -> dict[str, Any]:
        """Return what has happened."""
        return {
            "deaths": self.deaths,
            "sends": len(self.sent),
            "answers": dict(Counter(status for one in self.sent for status in one.statuses)),
            "messages": dict(Counter(name.partition("-")[0] for name, one in self.providers.items() for _ in one.rows)),
            "stages": dict(self.changes),
            "faults of providers": dict(
                Counter(each for one in self.providers.values() for each in one.faults.elements())
            ),
            "gets": dict(self.reads),
            "callbacks": len(self.application.told),
        }

    async def unanswered(self) -> list[str]:
        """Return the SIDs of clients that do not answer with their text."""
        found = []
        for one in self.sent:
            if one.sid:
                status, body = await self.get(one)
                if status != 200 or json.dumps(one.text).encode() not in body:
                    found.append(f"{one.text}: {one.sid} is answered {status} {body[:200]!r}")
        return found


async def moves(
    folder: Path, store: str, kills: int, *, seed: int = 7, rate: float = 12.0, seconds: float = 3.0, replicas: int = 1,
    module: str = "tools.dying", patience: float = PATIENCE,
) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    """Run the drill. A process lives for `seconds` at most. Returns the figures and the faults."""
    async with Drill(folder, store, seed, module).world() as drill:
        others = [await drill.start() for _ in range(replicas - 1)]
        loads = Load(rate, drill.send), Load(rate / 3, drill.read)
        person = asyncio.create_task(drill.person(0.4))
        for number in range(kills):
            await drill.dies(number, seconds)
            if others and number % 4 == 3:
                await drill.end(others.pop(0))
                others.append(await drill.start())
        last = await drill.start()
        await asyncio.sleep(seconds)
        person.cancel()
        await asyncio.gather(*(one.stop() for one in loads), _ended(person))
        for proxy in others:  # the last process has to find everything
            await drill.end(proxy)
        await drill.settle(patience)
        faults = [*drill.faults, *await drill.judge(), *await drill.unanswered()]
        await stop(last)
        return drill.figures(), faults


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for a cancelled task. Raises what it raised before."""
    with contextlib.suppress(asyncio.CancelledError):
        await task


def drill(folder: Path, kills: int = 30, url: str = "") -> int:
    """Run the drill and print its figures. With the address of a PostgreSQL server there are two processes at a time. Returns the number
    of faults."""
    store, replicas = url or f"sqlite:///{folder / 'translator.db'}", 2 if url else 1
    found, faults = asyncio.run(moves(folder, store, kills, replicas=replicas))
    name = "two providers, PostgreSQL" if url else "two providers"
    return said(name, found, faults, "nothing twice at either, each SID answers, each callback came, nothing lost")


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with postgres.server() as server, tempfile.TemporaryDirectory(prefix="drill-") as name:
        sys.exit(
            drill(Path(name), times, server.url if server is not None and sys.argv[2:] == ["postgres"] else "") > 0
        )
