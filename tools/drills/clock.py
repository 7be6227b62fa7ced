"""`python -m tools.drills.clock`: the wall clock of a process is set an hour forward and an hour back, under load.

libfaketime (Debian's package `libfaketime`) gives the process the time that a file says, and leaves its monotonic clock alone. Provider,
receiver and load have the true time. LIBFAKETIME names the library where it is not in its usual place. Without it the drill is not
done, and says so.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

from tools.drills.receiver import Call, Receiver
from tools.drills.world import LOST, PATIENCE, Load, Product, World, said, world

VARIABLE: Final = "LIBFAKETIME"
NOT_DONE: Final = f"a clock that is set: NOT DONE: libfaketime is not here (Debian: apt-get install libfaketime); {VARIABLE} may name it"
HOUR: Final = 3600
_LOGIN: Final = ("AC00000000000000000000000000000001", "front-token")
_OWED_EACH: Final = 12
"""The receiver answers 500 to the first callback of each status of one message in this many."""

_LOST_EACH: Final = 10
_GAP: Final = (4.0, 6.7)
"""Seconds in which the second attempt may begin after the first: 5, a tenth more or less (docs/reliability.md).
A process that follows the wall clock may be a tenth faster or slower."""

_BUSY: Final = 20.0
"""Seconds more that a busy machine may take. A delay that moves with a step is an hour too long, or zero."""

_LATE: Final = 20.0
"""Seconds from the time at which `delivered` could be known to the latest time of its callback. Polls are 0.2 s apart."""

_DELIVERED_AFTER: Final = 3

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
[[accounts]]
front = {{ dialect = "restcomm", account = "AC00000000000000000000000000000001", token = "front-token" }}
back = {{ name = "provider", account = "A1", property = "P1", token = "back-token" }}
"""


class WallClock:
    """The wall clock of the product's process. `ahead` is the number of seconds by which it is ahead of the true one."""

    def __init__(self, folder: Path, library: str) -> None:
        self._file, self._library = folder / "ahead", library
        self.ahead = 0
        self.set(0)

    def set(self, ahead: int) -> None:
        """Step the clock. The process sees that within a second. A read of the file meanwhile sees the old value or the new one."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+d}\n", "ascii")
        new.replace(self._file)
        self.ahead = ahead

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that has this clock."""
        return {
            "LD_PRELOAD": self._library, "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip


def library() -> str:
    """The path of a libfaketime for programs with threads that works. Empty if there is none."""
    usual = (
        found for root in ("lib", "lib64") for found in Path("/", "usr", root).glob("**/faketime/libfaketimeMT.so.1")
    )
    for path in filter(None, (os.environ.get(VARIABLE, ""), *map(str, usual))):
        with tempfile.TemporaryDirectory() as folder:
            clock = WallClock(Path(folder), path)
            clock.set(HOUR)
            command = [sys.executable, "-c", "import time; print(time.time(), time.monotonic())"]
            environment = {**os.environ, **clock.environment}
            ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)
            wall, monotonic = map(float, ran.stdout.split() or (0, 0))
            if abs(wall - time.time() - HOUR) < 60 and abs(monotonic - time.monotonic()) < 60:
                return path
    return ""


def is_owed(text: str, _: str) -> bool:
    """True if the first callback of a text is answered with 500."""
    return int(text.rpartition(" ")[2]) % _OWED_EACH == 0


def gaps(calls: list[Call]) -> dict[tuple[str, str], float]:
    """Seconds from the first attempt to the second one, of each delivery whose first attempt is answered with 500."""
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for call in calls:
        found[call.text, call.status].append(call.at)
    return {name: times[1] - times[0] for name, times in found.items() if is_owed(*name) and len(times) > 1}


class Stepping:
    """A product whose clock is set while it works."""

    def __init__(self, made: World, clock: WallClock) -> None:
        self._made, self._clock = made, clock
        self._sent: dict[str, float] = {}
        self.owed_at_steps: list[int] = []
        self.watched_at_steps: list[int] = []

    async def start(self) -> Product:
        port = int(self._made.hook.rpartition(":")[2].partition("/")[0])
        self._made.file.write_text(_FILE.format(port=port, url=self._made.provider), "utf-8")
        self._product = await self._made.start(self._clock.environment)
        return self._product

    async def send(self, number: int) -> None:
        text = self._made.text(LOST if number % _LOST_EACH == 1 else "")
        self._sent[text] = time.monotonic()
        await self._made.send(self._product, _LOGIN, text)

    def step(self, ahead: int) -> None:
        """Set the clock, and count the undelivered callbacks and the open subscriptions of that moment."""
        owed = {(call.text, call.status) for call in self._made.receiver.calls if call.answer != 200}
        self.owed_at_steps.append(
            len(owed - {(call.text, call.status) for call in self._made.receiver.calls if call.answer == 200})
        )
        self.watched_at_steps.append(len(self._made.untold()))
        self._clock.set(ahead)

    def lateness(self) -> dict[str, float]:
        """Seconds from the earliest time at which `delivered` could be known to its first callback. Messages whose `sent` was delayed
        are left out."""
        found: dict[str, float] = {}
        for call in self._made.receiver.calls:
            if call.status == "delivered" and not is_owed(call.text, "") and call.text in self._sent:
                found.setdefault(call.text, call.at - self._sent[call.text] - _DELIVERED_AFTER)
        return found

    def judged(self) -> list[str]:
        """The faults that were seen."""
        low, high = _GAP[0], _GAP[1] + _BUSY
        # 504 is right if the machine is so busy that a provider's response is late. More than a few have another cause.
        bad = [one for one in self._made.sent if one.status not in (200, 504)]
        slow = [one for one in self._made.sent if one.status == 504]
        return [
            *self._made.faults(),
            *(f"{one.text}: answered {one.status} {one.body[:200]}" for one in bad),
            *([f"{len(slow)} sends are 504"] * (len(slow) > len(self._made.sent) // 10)),
            *(f"{text}: told {words}" for text, words in self._made.again().items()),
            *(f"{name}: called again after {gap:.1f} s" for name, gap in gaps(self._made.receiver.calls).items() if not low <= gap <= high),
            *(f"{text}: delivered told {late:.1f} s late" for text, late in self.lateness().items() if late > _LATE),
            *(["nothing was owed, or nothing watched for, when the clock was set"] * (0 in self.owed_at_steps + self.watched_at_steps)),
        ]  # fmt: skip


STEPS: Final = (HOUR, 0, -HOUR, HOUR, 0)
"""By how much the clock is ahead, one after another: steps of an hour forward and back, and one of two hours."""


async def stepped(
    folder: Path, library: str, *, rate: float = 15.0, pause: float = 7.0
) -> tuple[dict[str, Any], list[str]]:
    """Step the clock under load. Returns the figures and the faults."""
    began = time.monotonic()
    async with world(folder, Receiver(is_owed), delivered_after=_DELIVERED_AFTER) as made:
        going = Stepping(made, WallClock(folder, library))
        product = await going.start()
        load = Load(rate, going.send)
        for ahead in STEPS:
            await asyncio.sleep(pause)
            going.step(ahead)
        await asyncio.sleep(pause)
        await load.stop()
        await made.settle(2 * PATIENCE)
        code = await product.end()
        faults = going.judged() + [f"it ended with {code}"] * (code != 0)
        between, late = sorted(gaps(made.receiver.calls).values()), sorted(going.lateness().values())
        found = {
            "steps": STEPS, "sends": len(made.sent), "unknown": dict(Counter(one.status for one in made.sent if one.text.startswith(LOST))),
            "owed at the steps": going.owed_at_steps, "watched for": going.watched_at_steps,
            "gaps of 5 s": [round(gap, 1) for gap in (between[0], between[-1])], "late at most": round(late[-1], 1), "log": product.notes(),
            "seconds": round(time.monotonic() - began),
        }  # fmt: skip
        return found, faults


def drill(folder: Path) -> int:
    """Run the drill and print its figures. Returns the number of faults."""
    where = library()
    if not where:
        print(NOT_DONE, file=sys.stderr, flush=True)
        return 0
    found, faults = asyncio.run(stepped(folder, where))
    return said("a clock that is set", found, faults, "nothing twice, nothing lost, no due time moved")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        sys.exit(drill(Path(name)) > 0)
