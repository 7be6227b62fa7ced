"""What the drills share: a provider, a receiver of callbacks, a load, and a real process of the product between them.

load ─▶ product (`python -m translator serve`) ─▶ provider
                 └──────────────────────────────▶ receiver

Provider, receiver and load live in the process of the drill, so nothing that is done to the product reaches them.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
from starlette.types import Message, Receive, Scope, Send

from conformance.twins.properties_v2 import Pace, PropertiesV2Twin, TwinAccount
from conformance.twins.serving import serve
from tools.drills.receiver import Receiver

ROOT: Final = Path(__file__).parents[2]
LOST: Final = "lost "
"""The provider makes a message whose text begins so, and answers 502: the outcome of its send is unknown."""

PATIENCE: Final = 30.0
"""Seconds that a drill waits for one thing."""

TOLD: Final = ("sent", "delivered")
"""The statuses whose callbacks each message has, in this order."""


class Losing:
    """A provider that makes a message and loses its response, if the text begins with `LOST`."""

    def __init__(self, twin: PropertiesV2Twin) -> None:
        self._twin = twin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        before = len(self._twin.messages) if scope["method"] == "POST" else 0
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self._twin.app(scope, receive, keep)
        if scope["method"] == "POST" and any(row.text.startswith(LOST) for row in self._twin.messages[before:]):
            await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"0")]})
            kept = [{"type": "http.response.body", "body": b""}]
        for message in kept:
            await send(message)


class Product:
    """A process of the product: its log, and its ports."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.log = process, list[dict[str, Any]]()
        self._came = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())
        self.admin = self.front = ""

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            try:
                self.log.append(json.loads(line))
            except ValueError:  # an error that ends the process at its start is no JSON
                self.log.append({"event": line.decode(errors="replace").strip()})
            async with self._came:
                self._came.notify_all()
        async with self._came:
            self._came.notify_all()

    def _seen(self, key: str, value: str) -> list[dict[str, Any]]:
        return [line for line in self.log if key in line and value in (line[key], "")]

    async def until(self, event: str, count: int = 1, *, key: str = "event") -> dict[str, Any]:
        """The log line that is the `count`th of an event. Raises AssertionError if it does not come."""
        async with self._came:
            came = self._came.wait_for(lambda: len(self._seen(key, event)) >= count or self._reading.done())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(came, PATIENCE)
        seen = self._seen(key, event)
        assert len(seen) >= count, f"no {event} in the log; its end: {self.log[-5:]}"
        return seen[count - 1]

    async def listens(self) -> None:
        """Wait until the log names the ports: first for operators, then for applications."""
        self.admin = f"http://{(await self.until('', 1, key='listen'))['listen']}"
        self.front = f"http://{(await self.until('', 2, key='listen'))['listen']}"

    def notes(self) -> dict[str, int]:
        """The number of log lines that are a warning or worse, by event."""
        return dict(Counter(str(line.get("event")) for line in self.log if line.get("level") not in ("info", "debug")))

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """End the process. Returns its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        try:
            await asyncio.wait_for(self.process.wait(), PATIENCE)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self._reading
        return self.process.returncode


class Sent(NamedTuple):
    """A send as its client saw it: account, text, the status of its response (0 if none came) and the body."""

    account: str
    text: str
    status: int
    body: str


class World:
    """Everything around the product. `providers` and `hook` are addresses; `sent` and `reads` are the results that clients saw."""

    def __init__(self, folder: Path, twin: PropertiesV2Twin, receiver: Receiver) -> None:
        self.folder, self.twin, self.receiver = folder, twin, receiver
        self.sent: list[Sent] = []
        self.reads: Counter[int] = Counter()
        self.provider = self.hook = ""
        self._client: httpx.AsyncClient
        self._numbers = itertools.count(1)
        self._running: list[Product] = []

    @property
    def file(self) -> Path:
        return self.folder / "translator.toml"

    def text(self, kind: str = "") -> str:
        """A text that no other send has."""
        return f"{kind}text {next(self._numbers)}"

    async def start(self, environment: Mapping[str, str] | None = None, *, listens: bool = True) -> Product:
        """A process of the product with the file that was written. It is killed at the end of the world."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "translator", "serve", "-c", str(self.file), "-o", "json",
            stderr=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, **(environment or {})},
        )  # fmt: skip
        product = Product(process)
        self._running.append(product)
        if listens:
            await product.listens()
        return product

    async def send(self, product: Product, login: tuple[str, str], text: str) -> Sent:
        """A send with a callback."""
        form = {"From": "15550100001", "To": "15550100005", "Body": text, "StatusCallback": self.hook}
        answer = await self._ask(product, login, form)
        found = Sent(login[0], text, answer.status_code, answer.text)
        self.sent.append(found)
        return found

    async def read(self, product: Product, login: tuple[str, str]) -> int:
        """The status of a list."""
        status = (await self._ask(product, login)).status_code
        self.reads[status] += 1
        return status

    async def _ask(
        self, product: Product, login: tuple[str, str], form: dict[str, str] | None = None
    ) -> httpx.Response:
        url = f"{product.front}/2012-04-24/Accounts/{login[0]}/SMS/Messages.json"
        try:
            if form is None:
                return await self._client.get(url, params={"PageSize": "20"}, auth=login)
            return await self._client.post(url, data=form, auth=login)
        except httpx.HTTPError as error:
            return httpx.Response(0, text=repr(error))

    async def ready(self, product: Product, what: str = "") -> int:
        """The status of `/readyz`."""
        answer = await self._client.get(f"{product.admin}/readyz", params={"for": what} if what else {})
        return answer.status_code

    async def metrics(self, product: Product) -> str:
        return (await self._client.get(f"{product.admin}/metrics")).text

    @property
    def texts(self) -> Counter[str]:
        """The texts at the provider, with the number of messages of each."""
        return Counter(row.text for row in self.twin.messages)

    def untold(self) -> dict[str, list[str]]:
        """The messages that lack the callback of a status, in order of the first time that each came."""
        told = self.receiver.told
        return {
            text: told.get(text, [])
            for text in self.texts
            if list(dict.fromkeys(told.get(text, []))) != list(TOLD)
        }  # fmt: skip

    def again(self) -> dict[str, list[str]]:
        """The messages with a repeated callback although the first attempt was answered with 200."""
        return {text: words for text, words in self.receiver.told.items() if len(words) != len(set(words))}

    async def settle(self, seconds: float = PATIENCE) -> None:
        """Wait until every message at the provider has had its callbacks."""
        until = time.monotonic() + seconds
        while self.untold() and time.monotonic() < until:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.1)

    def faults(self) -> list[str]:
        """The faults: a message sent twice, one lost, a request without a response, a callback that was not delivered."""
        texts = self.texts
        return [
            *(f"{text}: {count} times at the provider" for text, count in texts.items() if count > 1),
            *(f"{one.text}: answered 200, and not at the provider" for one in self.sent if one.status == 200 and one.text not in texts),
            *(f"{one.text}: no answer: {one.body}" for one in self.sent if one.status == 0),
            *(f"{self.reads[0]} lists without an answer" for _ in range(self.reads[0] > 0)),
            *(f"{text}: told {words}" for text, words in self.untold().items()),
        ]  # fmt: skip


@contextlib.asynccontextmanager
async def world(folder: Path, receiver: Receiver | None = None, *, delivered_after: int = 1) -> AsyncIterator[World]:
    """Everything but the product, while the block runs. The processes that it started are ended."""
    twin = PropertiesV2Twin(
        accounts={"A1": TwinAccount("back-token", ("P1", "P2", "P3"))}, pace=Pace(0, delivered_after)
    )
    made = World(folder, twin, receiver or Receiver())
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with (
        serve(Losing(twin)) as made.provider,
        serve(made.receiver.app) as hook,
        httpx.AsyncClient(timeout=PATIENCE, limits=limits) as made._client,
    ):
        made.hook = f"{hook}/hook"
        try:
            yield made
        finally:
            for product in made._running:
                if product.process.returncode is None:
                    await product.end(signal.SIGKILL)


class Load:
    """Begins a piece of work so many times a second until `stop`, also if earlier ones fail."""

    def __init__(self, rate: float, work: Callable[[int], Awaitable[Any]]) -> None:
        self._rate, self._work = rate, work
        self._stopped = False
        self._going = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                if self._stopped:
                    return
                group.create_task(self._one(number))
                await asyncio.sleep(1 / self._rate)

    async def _one(self, number: int) -> None:
        await self._work(number)

    async def stop(self) -> None:
        """Begin nothing more, and wait until all work is done."""
        self._stopped = True
        await self._going


def said(name: str, found: Mapping[str, Any], faults: list[str], good: str) -> int:
    """Print the result of a drill. Returns the number of faults."""
    shown = ", ".join(f"{key} {value}" for key, value in found.items())
    print(f"{name}: {shown}: {faults[:20] or good}", flush=True)
    return len(faults)
