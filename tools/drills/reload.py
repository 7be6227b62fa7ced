"""`python -m tools.drills.reload`: a process under load reads its file anew, again and again, and no request and no callback is lost."""

import asyncio
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tools.drills.world import LOST, TOLD, Load, Product, World, said, world

ONE, TWO, THREE = (f"AC{number:032}" for number in (1, 2, 3))
LOST_EACH: Final = 10
"""One send of so many loses its answer."""

_FILE: Final = """
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
linger = 0
[store]
url = "sqlite:///translator.db"
[callbacks]
allow = ["127.0.0.1"]
ports = [{port}]
poll = 0.2
[backs.provider]
dialect = "properties-v2"
url = "{url}"
{rows}
"""
_ROW: Final = """
[[accounts]]
front = {{ dialect = "restcomm", account = "{account}", token = {token} }}
back = {{ name = "provider", account = "A1", property = "{place}", token = "back-token" }}
"""


class Reloading:
    """A product whose file changes while requests are in flight. Clients use one token until they get the next one."""

    def __init__(self, made: World, pause: float) -> None:
        self._made, self._pause = made, pause
        self._tokens, self._place, self._more = '"t0"', "P2", ""
        self._token = "t0"
        self._is_at = self._place
        """The property of the second account's messages; empty while that changes."""
        self._under_way: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self.places: dict[str, str] = {}
        self.faults: list[str] = []

    def _write(self, more: str = "") -> None:
        rows = _ROW.format(account=ONE, token=self._tokens, place="P1")
        rows += _ROW.format(account=TWO, token='"two"', place=self._place) + self._more + more
        port = int(self._made.hook.rpartition(":")[2].partition("/")[0])
        self._made.file.write_text(_FILE.format(port=port, url=self._made.provider, rows=rows), "utf-8")

    async def start(self) -> Product:
        self._write()
        self._product = await self._made.start()
        return self._product

    async def _reload(self, event: str = "reloaded", more: str = "") -> dict[str, Any]:
        self._write(more)
        self._product.process.send_signal(signal.SIGHUP)
        self._events[event] += 1
        line = await self._product.until(event, self._events[event])
        await asyncio.sleep(self._pause)
        return line

    async def send(self, number: int) -> None:
        """Send a message of one account or the other. While its account is being moved, either property is right."""
        text = self._made.text(LOST if number % LOST_EACH == 0 else "")
        login = (ONE, self._token) if number % 2 else (TWO, "two")
        before = self._is_at
        self._under_way[login[1]] += 1
        await self._made.send(self._product, login, text)
        self._under_way[login[1]] -= 1
        if login[0] == ONE or before == self._is_at != "":
            self.places[text] = "P1" if login[0] == ONE else before

    async def read(self, number: int) -> None:
        """A list of one account or the other."""
        login = (ONE, self._token) if number % 2 else (TWO, "two")
        self._under_way[login[1]] += 1
        await self._made.read(self._product, login)
        self._under_way[login[1]] -= 1

    async def rotate(self, new: str) -> None:
        """Change the token: accept the new one beside the old one, then the new one alone when no request uses the old one any more."""
        old, self._tokens = self._token, f'["{new}", "{self._token}"]'
        await self._reload()
        self._expect([await self._status(old), await self._status(new)], [200, 200], "two tokens at a time")
        self._token, self._tokens = new, f'"{new}"'
        while self._under_way[old]:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.01)
        await self._reload()
        self._expect([await self._status(old), await self._status(new)], [401, 200], "the old token is gone")

    async def spoil(self) -> None:
        """Reload a wrong file. It changes nothing, although its first rows would: another token, and one more account."""
        kept, self._tokens = self._tokens, '"stolen"'
        more = _ROW.format(account=THREE, token='"three"', place="P3") + "\n[[accounts]]\nfront = { dialect = 1 }\n"
        await self._reload("reload-refused", more)
        self._tokens = kept
        self._expect([await self._status_of((THREE, "three"))], [401], "an account of a bad file")
        self._expect([await self._status("stolen"), await self._status(self._token)], [401, 200], "a bad file")

    async def move(self) -> None:
        """Move the second account to another property, and add an account with the property of before.

        So an account still uses that property, and the callbacks of earlier messages have to come.
        """
        login = (THREE, "three")
        self._expect([await self._status_of(login)], [401], "an account before it came")
        self._is_at = ""
        self._place, self._more = "P3", _ROW.format(account=THREE, token='"three"', place="P2")
        await self._reload()
        self._is_at = self._place
        text = self._made.text()
        self.places[text] = "P2"
        self._expect([(await self._made.send(self._product, login, text)).status], [200], "the account that came")

    async def _status(self, token: str) -> int:
        return await self._status_of((ONE, token))

    async def _status_of(self, login: tuple[str, str]) -> int:
        """The status of a list that is no part of the load."""
        status = await self._made.read(self._product, login)
        self._made.reads[status] -= 1
        return status

    def _expect(self, found: list[int], wanted: list[int], what: str) -> None:
        if found != wanted:
            self.faults.append(f"{what}: {found} in place of {wanted}")

    def judged(self) -> list[str]:
        """The faults that were seen."""
        sent, rows = self._made.sent, {row.text: row for row in self._made.twin.messages}
        # A client whose send was unknown for longer than `wait` gets 504. Every other client gets 200.
        bad = [one for one in sent if one.status not in ((200, 504) if one.text.startswith(LOST) else (200,))]
        return [
            *self.faults,
            *self._made.faults(),
            *(f"{one.text}: answered {one.status} {one.body[:200]}" for one in bad),
            *(f"{one.text}: not at the provider" for one in sent if one.text not in rows),
            *(f"{text}: told {words}" for text, words in self._made.receiver.told.items() if tuple(words) != TOLD),
            *(f"{text}: not at {place}" for text, place in self.places.items() if text in rows and rows[text].property_sid != place),
            *(f"{count} lists answered {status}" for status, count in self._made.reads.items() if count and status != 200),
        ]  # fmt: skip


async def reloads(
    folder: Path, *, pause: float = 1.0, rate: float = 25.0, turns: int = 1
) -> tuple[dict[str, Any], list[str]]:
    """Reload under load: tokens two at a time, a bad file, an account that moves while another comes. Returns the figures and the
    faults."""
    began = time.monotonic()
    async with world(folder) as made:
        going = Reloading(made, pause)
        product = await going.start()
        loads = Load(rate, going.send), Load(rate / 5, going.read)
        await asyncio.sleep(pause)
        for turn in range(turns):
            await going.rotate(f"t{turn + 1}")
        await going.spoil()
        await going.move()
        await asyncio.gather(*(load.stop() for load in loads))
        await made.settle()
        page = await made.metrics(product)
        code = await product.end()
        faults = going.judged()
        wanted = [("done", 2 * turns + 1), ("refused", 1)]
        faults += [
            f"not {count} reloads {name}"
            for name, count in wanted
            if f'reloads_total{{outcome="{name}"}} {count}.0' not in page
        ]
        faults += [f"it ended with {code}"] * (code != 0)
        unknown = [one.status for one in made.sent if one.text.startswith(LOST)]
        found = {
            "reloads": 2 * turns + 2, "sends": len(made.sent), "unknown": dict(Counter(unknown)), "lists": made.reads[200],
            "calls": len(made.receiver.calls), "seconds": round(time.monotonic() - began),
        }  # fmt: skip
        return found, faults


def drill(folder: Path) -> int:
    """Run the drill and print its figures. Returns the number of faults."""
    found, faults = asyncio.run(reloads(folder, turns=3))
    return said(
        "reloads", found, faults, "nothing twice, nothing lost, each status told once, a bad file changes nothing"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        sys.exit(drill(Path(name)) > 0)
