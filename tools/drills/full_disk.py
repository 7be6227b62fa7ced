"""`python -m tools.drills.full_disk`: the file system of the store is full, and has room again.

The file system is a small tmpfs in a mount namespace of the drill's own, so it is gone when the drill is. Root may make one; others may
in a user namespace, if the machine allows that.
If the machine allows neither, the drill is not done, and says so.
"""

import asyncio
import contextlib
import errno
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tools.drills.files import is_whole
from tools.drills.world import ROOT, Load, Product, World, said, world

SIZE: Final = "6m"
NOT_DONE: Final = (
    "a full disk: NOT DONE: this machine lets nobody mount a tmpfs in a namespace of his own (unshare -m, unshare -rm)"
)
_LOGIN: Final = ("AC00000000000000000000000000000001", "front-token")
_NOTHING: Final = "it did nothing"
"""A part of the text of the 503, as the tables in `mappings/` have it."""

_FILE: Final = """
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
linger = 0
[store]
url = "sqlite:///{store}"
[sends]
wait = 1.0
[callbacks]
allow = ["127.0.0.1"]
ports = [{port}]
poll = 0.2
[backs.provider]
dialect = "properties-v2"
url = "{url}"
[[accounts]]
front = {{ dialect = "restcomm", account = "AC00000000000000000000000000000001", token = "front-token" }}
back = {{ name = "provider", account = "A1", property = "P1", token = "back-token" }}
"""


class Disk:
    """The file system of the store. `fill` leaves no room on it, and `empty` gives the room back."""

    def __init__(self, folder: Path) -> None:
        self.store, self._ballast = folder / "translator.db", folder / "ballast"

    def fill(self) -> None:
        """Write until nothing more fits. Raises AssertionError if that does not happen, because then it is another file system."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (1 << 16, 1 << 12, 1):
                for _ in range(1 << 12):
                    try:
                        ballast.write(b"x" * size)
                    except OSError as error:
                        assert error.errno == errno.ENOSPC
                        break
                else:
                    raise AssertionError("the disk does not become full")

    def empty(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._ballast.unlink()


class Filling:
    """A product whose disk is full for a while, once while it runs, and once while it starts."""

    def __init__(self, made: World, disk: Disk) -> None:
        self._made, self._disk = made, disk
        self.faults: list[str] = []
        self.found: dict[str, Any] = {}
        self._refused: list[str] = []

    async def start(self) -> Product:
        port = int(self._made.hook.rpartition(":")[2].partition("/")[0])
        text = _FILE.format(store=self._disk.store, port=port, url=self._made.provider)
        self._made.file.write_text(text, "utf-8")
        return await self._made.start()

    async def send(self, product: Product, text: str = "") -> int:
        """Send a message. A 503 has to say that nothing was done, and no such message may be at the provider, now or at the end."""
        sent = await self._made.send(product, _LOGIN, text or self._made.text())
        if sent.status == 503:
            self._refused.append(sent.text)
            if _NOTHING not in sent.body:
                self.faults.append(f"{sent.text}: 503 {sent.body[:200]}")
        elif sent.status not in (200, 504):
            self.faults.append(f"{sent.text}: {sent.status} {sent.body[:200]}")
        return sent.status

    async def until_refused(self, product: Product) -> None:
        """Send until a send is 503: the log of the store has room within itself for some."""
        ends = time.monotonic() + 20
        while await self.send(product) != 503:
            if time.monotonic() > ends:
                self.faults.append("no send is 503 on a full disk")
                return

    async def full(self, product: Product) -> None:
        """Compare the responses and the readiness with what has to be seen while the disk is full."""
        before = len(self._made.twin.messages)
        statuses = {await self.send(product) for _ in range(5)}
        self._expect(statuses, {503}, "sends")
        self._expect(len(self._made.twin.messages), before, "messages at the provider")
        self._expect(await self._made.read(product, _LOGIN), 200, "a list")
        found = {what: await self._made.ready(product, what) for what in ("", "reads", "sends", "callbacks")}
        self._expect(found, {"": 200, "reads": 200, "sends": 503, "callbacks": 503}, "/readyz")

    async def room(self, product: Product) -> None:
        """Give room back. Measure the time until sends are ready, and send the refused texts again."""
        self._disk.empty()
        began = time.monotonic()
        while await self._made.ready(product, "sends") != 200 and time.monotonic() < began + 15:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.1)
        self.found.setdefault("ready again after", []).append(round(time.monotonic() - began, 1))
        self._expect(
            {text: self._made.texts[text] for text in self._refused if text in self._made.texts}, {}, "503, and sent"
        )
        again, self._refused = self._refused[-20:], []
        self._expect({await self.send(product, text) for text in again}, {200}, "the same sends again")

    async def now_and_then(self, product: Product, times: int) -> None:
        """The disk is full and has room by turns, at any step of a send. At the end it has room."""
        load = Load(40, lambda _: self.send(product))
        for number in range(times):
            self._disk.fill()
            await asyncio.sleep(0.1 + 0.07 * (number % 5))
            self._disk.empty()
            await asyncio.sleep(0.05 + 0.11 * (number % 3))
        await load.stop()
        await self.room(product)

    async def again(self, product: Product, turns: int) -> Product:
        """Fill the disk by turns. Then kill the process while the disk is full, and start another on the same store. Returns the new
        process."""
        await self.now_and_then(product, turns)
        self._disk.fill()
        await self.until_refused(product)
        await product.end(signal.SIGKILL)
        product = await self.start()
        await self.until_refused(product)
        await self.full(product)
        await self.room(product)
        return product

    def _expect(self, found: Any, wanted: Any, what: str) -> None:
        if found != wanted:
            self.faults.append(f"{what}: {found} in place of {wanted}")


async def filled(folder: Path, disk: Path, *, rate: float = 20.0, turns: int = 20) -> tuple[dict[str, Any], list[str]]:
    """Fill a disk under load, and give room back; then do so by turns, and across a death. With `turns` 0 neither follows.

    Returns the figures and the faults.
    """
    began = time.monotonic()
    async with world(folder) as made:
        going = Filling(made, Disk(disk))
        product = await going.start()
        loads = Load(rate, lambda _: going.send(product)), Load(rate / 4, lambda _: made.read(product, _LOGIN))
        await asyncio.sleep(1)
        going._disk.fill()
        await going.until_refused(product)
        await going.full(product)
        await asyncio.gather(*(load.stop() for load in loads))
        await going.room(product)
        notes = product.notes()
        if turns:
            product = await going.again(product, turns)
        await made.settle()
        code = await product.end()
        faults = going.faults + made.faults()
        faults += [f"it ended with {code}"] * (code != 0)
        faults += [f"{count} lists answered {status}" for status, count in made.reads.items() if status != 200]
        faults += [] if is_whole(f"sqlite:///{disk / 'translator.db'}") else ["the file is not whole"]
        found = {
            "answers": dict(Counter(one.status for one in made.sent)), "messages": len(made.texts), "lists": made.reads[200],
            "calls": len(made.receiver.calls), "told again": len(made.again()), **going.found, "log": {**notes, **product.notes()},
            "seconds": round(time.monotonic() - began),
        }  # fmt: skip
        return found, faults


def in_a_namespace() -> list[str]:
    """The words before a command that runs it with a mount namespace of its own; none if that is not allowed."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        with contextlib.suppress(OSError), tempfile.TemporaryDirectory() as folder:
            tried = subprocess.run([*words, "mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False)
            if tried.returncode == 0:
                return words
    return []


def fenced(folder: Path, *words: str) -> dict[str, Any] | None:
    """Run this module in a namespace with a small tmpfs. Returns its figures, or None if the machine does not allow that."""
    namespace = in_a_namespace()
    if not namespace:
        return None
    disk = folder / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size={SIZE},mode=700 none "$1" && exec "$2" -m tools.drills.full_disk "$3" "$1" $4'
    command = [*namespace, "sh", "-c", script, "sh", str(disk), sys.executable, str(folder), *(words or [""])]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def drill(folder: Path) -> int:
    """Run the drill and print its figures. Returns the number of faults."""
    result = fenced(folder)
    if result is None:
        print(NOT_DONE, file=sys.stderr, flush=True)
        return 0
    return said(
        "a full disk", result["found"], result["faults"], "nothing twice, nothing lost, each 503 true, reads go on"
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        seen, bad = asyncio.run(filled(Path(sys.argv[1]), Path(sys.argv[2]), turns=0 if "short" in sys.argv else 20))
        print(json.dumps({"found": seen, "faults": bad}))
        sys.exit(0)
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        sys.exit(drill(Path(name)) > 0)
