"""A process that serves before a simulated provider, and reads its configuration anew."""

import asyncio
import json
import signal
import threading
from pathlib import Path
from typing import Any

from starlette.types import Receive, Scope, Send

from conformance.clock import ManualClock
from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount, seeded_messages
from tests.commands import ACCOUNT, LISTS, PROPERTY, SECONDS, fetch
from tests.processes import lines_of

NOW = 1_570_000_000

FILE = """
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
{server}
[store]
url = "sqlite:///translator.db"
[callbacks]
allow = ["127.0.0.1"]
ports = [1]
poll = 0.1
[backs.provider]
dialect = "properties-v2"
url = "{url}"
[[accounts]]
front = {{ dialect = "restcomm", account = "%s", token = {token} }}
back = {{ name = "provider", account = "A1", property = "%s", token = "right" }}
{rows}
""" % (ACCOUNT, PROPERTY)  # noqa: UP031 - the values that are filled in later stand in braces


class Provider:
    """A simulated provider with so many messages. While `go_on` is not set, it answers no request."""

    def __init__(self, messages: int) -> None:
        clock = ManualClock(NOW)
        self.twin = PropertiesV2Twin(accounts={"A1": TwinAccount("right", (PROPERTY,))}, clock=clock)
        self.twin.load(seeded_messages("A1", PROPERTY, messages, messages, NOW, documented=False))
        self.go_on, self.was_asked = threading.Event(), threading.Event()
        self.go_on.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.was_asked.set()
        await asyncio.to_thread(self.go_on.wait, SECONDS)
        await self.twin.app(scope, receive, send)


class Serving:
    """A process that serves, and its file."""

    def __init__(self, process: Any, config: Path, admin: str, front: str) -> None:
        self.process, self.config, self.admin, self.front = process, config, admin, front

    def reload(self, event: str = "reloaded", **parts: str) -> dict[str, Any]:
        """Write the file anew, send SIGHUP, and wait for the log line of the reload. Returns that line."""
        self.config.write_text(written(**parts), "utf-8")
        self.process.send_signal(signal.SIGHUP)
        [line] = lines_of(self.process, event, 1)
        return line

    def status(self, token: str, account: str = ACCOUNT) -> int:
        return fetch(f"http://{self.front}{LISTS.replace(ACCOUNT, account)}", login=f"{account}:{token}")[0]

    def total(self, query: str = "") -> int:
        """The total of a list."""
        status, _, body = fetch(f"http://{self.front}{LISTS}{query}", login=f"{ACCOUNT}:t")
        assert status == 200
        return int(json.loads(body)["total"])

    def metric(self, line: str) -> bool:
        return line.encode() in fetch(f"http://{self.admin}/metrics")[2].splitlines()


def written(
    url: str = "http://127.0.0.1:1",
    token: str = '"t"',  # noqa: S107 - it opens nothing
    rows: str = "",
    server: str = "",
) -> str:
    return FILE.format(url=url, token=token, rows=rows, server=server)
