"""Two processes on one store, before the two simulated providers of a migrating account, by a clock that a test sets.

Each process acts on the stage that it read last. A send can be held at a provider while other things happen.
"""

import asyncio
import copy
import random
from base64 import b64encode
from collections import Counter
from typing import Any

from tests.kept import Provider
from tests.moving import Moving
from translator.core.effects import MigrationState
from translator.core.exchange import exchange
from translator.core.http.formats import json
from translator.core.http.messages import Answer, Request
from translator.core.migration import MigrationRules
from translator.shell.runtime.effect_runner import RequestContext
from translator.shell.store import Store


class Holding(Provider):
    """A simulated provider. While `holds` is true, the response to a send waits for `go`, after the message was made."""

    def __init__(self, dialect: str, clock: Any, seed: int) -> None:
        super().__init__(dialect, clock)
        if dialect == "restcomm":
            self.twin._random = random.Random(seed)
        else:
            self.twin.seed = seed
        self.holds = False
        self.entered, self.go = asyncio.Event(), asyncio.Event()

    async def ask(self, request: Request, request_id: str, *_: object) -> Answer:
        answer = await super().ask(request, request_id)
        if self.holds and request.method == "POST":
            self.entered.set()
            await self.go.wait()
        return answer

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The SID and the text of each message."""
        return [(row.sid, getattr(row, "body" if self.dialect == "restcomm" else "text")) for row in self.twin.messages]


class Replica(Moving):
    """One of the processes."""

    async def begin(self) -> None:
        """Do what a process does first on a store that another one uses too."""
        self.start()
        await self.migrations.prepare(self._accounts)

    @property
    def known(self) -> str:
        """The stage that this process acts on. Empty before the first read."""
        stage = self.migrations.stage(MigrationState(self.entry.name, self.entry.migration))
        return stage.stage if stage.is_known else ""

    async def get(self, sid: str) -> tuple[int, Any]:
        """Get a message, as status and text."""
        status, shown = await self._read(f"/{sid}.json" if self.front == "restcomm" else f"/{sid}")
        shown = shown.get("Message", shown)
        return status, shown.get("body", shown.get("Text"))

    async def listed(self) -> tuple[int, int]:
        """List messages, as status and number of rows."""
        status, shown = await self._read(".json" if self.front == "restcomm" else "")
        return status, len(shown.get("messages", shown.get("Messages", ())))

    async def _read(self, path: str) -> tuple[int, dict[str, Any]]:
        account, base = "A1", "/v2/Properties/P1/Messages"
        if self.front == "restcomm":
            account, base = "AC1", "/2012-04-24/Accounts/AC1/SMS/Messages"
        login = b64encode(f"{account}:front-token".encode()).decode()
        request = Request("GET", base + path, "", (("authorization", f"Basic {login}"),), b"")
        steps = exchange(self._accounts, self._limits, request, self.clock())
        reply = await self.driver.run(RequestContext("a-read"), steps)
        shown = json.read(reply.response.body)
        return reply.response.status, shown if isinstance(shown, dict) else {}


class Replicas:
    """The processes `one` and `other`, and the providers `old` and `new`."""

    def __init__(self, store: Store, rules: MigrationRules, front: str = "restcomm", old: str = "restcomm") -> None:
        self.one = Replica(store, rules, front, old)
        self.new = self.one.provider = Holding(self.one.provider.dialect, self.one.clock, 1)
        self.old = self.one.old = Holding(old, self.one.clock, 2)
        self.other = copy.copy(self.one)

    @property
    def both(self) -> tuple[Replica, Replica]:
        return self.one, self.other

    async def begin(self) -> None:
        for one in self.both:
            await one.begin()

    @property
    def texts(self) -> Counter[str]:
        """The number of messages of each text, at both providers together."""
        return Counter(text for home in (self.old, self.new) for _, text in home.rows)
