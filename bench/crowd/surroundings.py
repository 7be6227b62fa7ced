"""The common parts of the rows: the product in a world, its memory, and the attacker's process."""

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bench.beside.machine import MissingError, busy_seconds, cpu_seconds, own_seconds, peak_bytes, tree
from bench.crowd.forms import FORMS
from bench.crowd.slices import Length
from bench.traffic.figures import Lag
from bench.traffic.lives import Pace
from bench.traffic.load import Callers
from bench.traffic.verdicts import Figure
from bench.traffic.worlds import Simulated, World, world

MIB: Final = 1024 * 1024
LIMIT: Final = 3 * 1024 * MIB
"""Bytes of memory at which an attack is ended early, so that the machine itself is not taken."""

PATIENCE: Final = 8.0
"""Seconds after which a client of the bench gives up its request."""

SOON: Final = Pace(0.3, 0.8, 0.0, 0.0)
POLL: Final = "poll = 0.5"
"""Statuses are polled twice a second, so that a delay is that of the callbacks."""

MUST_SENDS: Final = 1.3
MUST_OTHERS: Final = 1.5
MUST_AFTER: Final = 1.5
_AFTER: Final = 1.0
"""Seconds after an attack until the memory is measured again."""

_LOOK: Final = 0.02
_OTHERS: Final = 0.3
"""Processors that other processes may use. With more a latency that is too long is not judged."""


class Given(NamedTuple):
    """The options of a row: the build, its slices, the numbers of connections and names, the place of compiled modules, and the forms."""

    checkout: Path
    length: Length
    connections: int = 2000
    names: int = 20_000
    pycache: Path | None = None
    forms: tuple[str, ...] = tuple(FORMS)


class Scene:
    """A world whose product runs, with patient clients in front of it."""

    def __init__(self, made: World) -> None:
        self.made = made
        self.callers = Callers(made.front, PATIENCE)
        self.lag = Lag()

    def resident(self) -> int:
        """The bytes of memory that the product has."""
        pages = Path(f"/proc/{self.made.pid}/statm").read_text("ascii").split()[1]
        return int(pages) * resource.getpagesize()

    def peak(self) -> int:
        """The most bytes of memory that the product has had since it started."""
        return peak_bytes(tree(self.made.pid))

    def defects(self) -> list[dict[str, Any]]:
        """The events `defect` of the product's log, with the place of each."""
        lines = (self.made.folder / "log").read_bytes().splitlines()
        return [msgspec.json.decode(line) for line in lines if b'"defect"' in line]

    async def resident_after(self) -> int:
        """The same as `resident`, one second after the attack has ended."""
        await asyncio.sleep(_AFTER)
        return self.resident()


@contextlib.asynccontextmanager
async def scene(
    given: Given, providers: int = 1, variables: dict[str, str] | None = None, fill: Any = None
) -> AsyncIterator[Scene]:
    """A product that serves, with an account for each provider. `fill(world)` fills its store before it starts."""
    paces = [SOON] * providers
    async with world(
        given.checkout, paces, callbacks=POLL, pycache=given.pycache, module="bench.crowd.provider"
    ) as made:
        made.variables = variables or {}
        if fill is not None:
            await fill(made)
        await made.start()
        found = Scene(made)
        try:
            yield found
        finally:
            found.callers.close()


class Attack:
    """The connections of an unauthenticated client, made by a process of its own."""

    def __init__(self, process: Simulated) -> None:
        self._process = process

    async def begin(self, forms: Sequence[str], connections: int, seconds: float = 0.0) -> None:
        """Begin to make so many connections, evenly over so many seconds."""
        await self._process.ask("/attack", forms=list(forms), connections=connections, seconds=seconds)

    async def end(self) -> dict[str, Any]:
        """Close all connections. Returns the number that were made, the number that failed, and the bytes that were sent."""
        found: dict[str, Any] = await self._process.ask("/end")
        return found

    async def watched(self, on: Scene, connections: int, seconds: float) -> tuple[int, int]:
        """Wait until all connections are made and so many seconds more. Returns the peak memory of the product and the bytes sent."""
        most, state, ends = on.resident(), dict[str, Any](), 0.0
        loop = asyncio.get_running_loop()
        limit = loop.time() + PATIENCE
        while not ends or loop.time() < ends:
            await asyncio.sleep(_LOOK)
            most = max(most, on.resident())
            state = await self._process.ask("/state")
            if most > LIMIT:
                break
            if not ends and (state["made"] + state["failed"] >= connections or loop.time() > limit):
                ends = loop.time() + seconds
        return most, int(state["sent"])


@contextlib.asynccontextmanager
async def attacker(on: Scene) -> AsyncIterator[Attack]:
    """An attacker of that product, while the block runs."""
    process = await asyncio.to_thread(Simulated, "bench.crowd.attacker", str(on.made.front))
    try:
        yield Attack(process)
    finally:
        process.end()


def names_of(folder: Path) -> str:
    """Compile the library that stands in front of the system's resolver. Raises MissingError if there is no `cc`."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise MissingError("cc is needed: install a C compiler")
    made = folder / "names.so"
    source = Path(__file__).with_name("names.c")
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return str(made)


def memory_figure(what: str, before: int, after: int) -> Figure:
    """The memory one second after an attack, in times of the memory before."""
    return Figure(f"{what}: memory one second after, to that before", after / before, "", MUST_AFTER, exact=True)


def refused_figure(what: str, count: int) -> Figure:
    """The number of an account's requests that were not answered 200 during the attack. None may be."""
    return Figure(what, float(count), "", 0, exact=True)


def defects_figure(what: str, found: Sequence[Any]) -> Figure:
    """The number of defects that the product has logged. There may be none."""
    return Figure(f"{what}: defects in the log", float(len(found)), "", 0, exact=True)


class Others:
    """The processors that other processes use, from now on."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), busy_seconds(), self._used()

    def _used(self) -> float:
        return cpu_seconds(tree(os.getpid())[1:]) + own_seconds()

    def processors(self) -> float:
        """The number of processors, on average. The system's own work for the battery counts as well."""
        passed = time.monotonic() - self._began
        return max(0.0, busy_seconds() - self._busy - (self._used() - self._own)) / passed

    def said(self) -> str:
        """Why figures are not to be believed; empty if other processes used little."""
        used = self.processors()
        return f"other processes used {used:.1f} processors" if used > _OTHERS else ""
