"""A real `serve` between two simulated providers, and the command line beside it."""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any, Final

from conformance.clock import ManualClock
from conformance.twins.restcomm import RestcommTwin
from conformance.twins.serving import serve
from tests.commands import fetch, run, running

CONFIG: Final = """
[server]
listen = "127.0.0.1:0"
admin = ""
[store]
url = "sqlite:///kept.db"
[backs.new]
dialect = "restcomm"
url = "{new}"
[backs.old]
dialect = "restcomm"
url = "{old}"
[[accounts]]
front = {{ dialect = "restcomm", account = "AC1", token = "t" }}
back = {{ name = "new", account = "AC2", token = "t" }}
old = {{ name = "old", account = "AC9", token = "t" }}
[accounts.migration]
stage = "canary"
"""
WITHIN: Final = 5.0
"""Seconds within which each replica acts on a change."""


class Served:
    """A process that serves, and the texts that each provider got."""

    def __init__(self, config: Path, address: str, new: RestcommTwin, old: RestcommTwin) -> None:
        self._config, self._address, self._new, self._old = config, address, new, old
        self._number = 0

    def send(self) -> None:
        """Send one text."""
        self._number += 1
        data = f"From=15550100001&To=15550100005&Body=text {self._number}".replace(" ", "+").encode()
        status, _, body = fetch(f"http://{self._address}/2012-04-24/Accounts/AC1/SMS/Messages.json", data, "AC1:t")
        assert status == 200, body

    def sent(self) -> tuple[int, int]:
        """Return the number of messages of the old and of the new provider."""
        return len(self._old.messages), len(self._new.messages)

    def migrate(self, *words: str) -> None:
        """Run a command that changes the stage."""
        done = run("migrate", *words, "--reason", "a test", "-c", self._config)
        assert done.returncode == 0, done.stderr


def drive(served: Served) -> list[tuple[int, int]]:
    """Send before and after each change. The second of two sends comes when each replica acts on the change."""
    seen = []
    for words in ((), ("set", "--percent", "100"), ("rollback",)):
        if words:
            served.migrate(*words)
            time.sleep(WITHIN)
        served.send()
        seen.append(served.sent())
    return seen


def test_a_running_proxy_follows_the_command_line_within_seconds(tmp_path: Path) -> None:
    clock = ManualClock(1_790_000_000)
    new, old = (RestcommTwin(accounts={account: "t"}, clock=clock) for account in ("AC2", "AC9"))
    config = tmp_path / "translator.toml"

    async def main() -> list[Any]:
        async with serve(new.app) as at_new, serve(old.app) as at_old:
            await asyncio.to_thread(config.write_text, CONFIG.format(new=at_new, old=at_old), "utf-8")
            return await asyncio.to_thread(work)

    def work() -> list[Any]:
        with running("serve", "-c", config, "-o", "json") as process:
            assert process.stderr is not None
            lines = iter(json.loads(line) for line in process.stderr)
            address = next(line["listen"] for line in lines if line["event"] == "serving")
            seen = drive(Served(config, address, new, old))
            process.send_signal(signal.SIGINT)
            said = [line for line in lines if line["event"] == "migration-stage"]
        return [seen, [(line["stage"], line["percent"], line["generation"]) for line in said]]

    seen, said = asyncio.run(main())
    assert seen == [(1, 0), (1, 1), (2, 1)]
    assert said == [("canary", 100.0, 2), ("old", 0.0, 3)]
