"""A world around the product: processes that are started, watched and ended by their own ids, in a temporary folder.

load ─▶ product (a checkout's own `python -m translator serve`) ─▶ provider
                 └──────────────────────────────────────────────▶ receiver
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bench.beside.machine import cpu_seconds, end, free_port, tree, wait_for
from bench.traffic.lives import Pace
from bench.traffic.load import ACCOUNT, TOKEN, Callers
from bench.traffic.provider import ACCOUNT as BACK_ACCOUNT
from bench.traffic.provider import PROPERTY
from bench.traffic.provider import TOKEN as BACK_TOKEN

ROOT: Final = Path(__file__).resolve().parents[2]
_STARTS: Final = 180.0
"""Seconds that a start may take: an older store of a million rows may have to be brought up to date."""

_ENDS: Final = 45.0
_PR_SET_PDEATHSIG: Final = 1

_TOP: Final = """
[server]
listen = "127.0.0.1:{front}"
admin = "127.0.0.1:{admin}"
[callbacks]
allow = ["127.0.0.0/8"]
ports = {ports}
{callbacks}
"""
_BACK: Final = """
[backs.back{number}]
dialect = "properties-v2"
url = "http://127.0.0.1:{port}"
[[accounts]]
front = {{ dialect = "restcomm", account = "{account}", token = "{token}" }}
back = {{ name = "back{number}", account = "{behind}", property = "{property}", token = "{back_token}" }}
"""


_RESTCOMM: Final = """
[backs.back{number}]
dialect = "restcomm"
url = "http://127.0.0.1:{port}"
[[accounts]]
front = {{ dialect = "restcomm", account = "{account}", token = "{token}" }}
back = {{ name = "back{number}", account = "{behind}", token = "{back_token}" }}
"""

PROVIDERS: Final = {"properties-v2": ("provider", _BACK), "restcomm": ("restcomm", _RESTCOMM)}
"""By the dialect that the simulated provider speaks: its module, and its part of the configuration."""


def account_of(number: int) -> str:
    """The account in front of the provider of that number, from 0 on."""
    return f"{ACCOUNT[:-4]}{number + 1:04}"


def environment(pycache: Path) -> dict[str, str]:
    """The variables of the product's process. None leads it to other modules, and compiled modules have a place outside of its
    checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SMS_TRANSLATOR_"))}
    return kept | {"PYTHONPYCACHEPREFIX": str(pycache)}


def where_it_is(checkout: Path, pycache: Path) -> Path:
    """The module that a process in a checkout runs. Raises RuntimeError if it is not the checkout's own."""
    words = [sys.executable, "-c", "import translator; print(translator.__file__)"]
    said = subprocess.run(words, cwd=checkout, env=environment(pycache), capture_output=True, text=True, check=True)
    found = Path(said.stdout.strip()).resolve()
    if not found.is_relative_to(checkout.resolve()):
        raise RuntimeError(f"a process in {checkout} runs {found}")
    return found


def _end_with_the_bench() -> None:
    """End the product when the bench is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


class Simulated:
    """A simulated provider or receiver: a process of its own that reports its figures over HTTP."""

    def __init__(self, module: str, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module if "." in module else f"bench.traffic.{module}", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self._callers = Callers(self.port)

    async def ask(self, path: str, **given: Any) -> Any:
        """Return the response at a path. With arguments, they are sent there as JSON."""
        body = msgspec.json.encode(given) if given else b""
        head = f"{'POST' if given else 'GET'} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = await self._callers.ask(head.encode() + body)
        return msgspec.json.decode(answer.body)

    def end(self) -> None:
        """End the process."""
        self._callers.close()
        end(self.process)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Use(NamedTuple):
    """What a process has used: seconds of a processor, resident bytes, open descriptors."""

    cpu: float
    resident: int
    descriptors: int


class World:
    """The processes and the folder of one scenario. `front` is the product's port."""

    def __init__(self, checkout: Path, folder: Path, pycache: Path, dialect: str) -> None:
        self._checkout, self.folder, self._pycache, self._dialect = checkout, folder, pycache, dialect
        self.providers: list[Simulated] = []
        self.receiver: Simulated | None = None
        self.front, self.admin, self.closed = free_port(), free_port(), free_port()
        self.variables: dict[str, str] = {}
        self._running: subprocess.Popen[bytes] | None = None
        self.callers = Callers(self.front)

    @property
    def provider(self) -> Simulated:
        return self.providers[0]

    @property
    def pid(self) -> int:
        """The product's process."""
        assert self._running is not None
        return self._running.pid

    @property
    def store(self) -> Path:
        return self.folder / "translator.db"

    @property
    def hook(self) -> str:
        """The URL at which the receiver accepts callbacks."""
        assert self.receiver is not None
        return f"http://127.0.0.1:{self.receiver.port}/hook"

    def configure(self, callbacks: str = "") -> None:
        """Write the configuration; `callbacks` are more lines of that section. All that is not in it has its default."""
        ports = [self.closed, *([self.receiver.port] if self.receiver else [])]
        text = _TOP.format(front=self.front, admin=self.admin, ports=ports, callbacks=callbacks)
        for number, provider in enumerate(self.providers):
            text += PROVIDERS[self._dialect][1].format(
                number=number, port=provider.port, account=account_of(number), token=TOKEN, behind=BACK_ACCOUNT,
                property=PROPERTY, back_token=BACK_TOKEN,
            )  # fmt: skip
        (self.folder / "translator.toml").write_text(text, "utf-8")

    async def start(self) -> None:
        """Start the product, and wait until it answers: it may listen long before that. Raises RuntimeError."""
        self._running = self._started()
        try:
            await asyncio.to_thread(wait_for, self.front, self._running, _STARTS)
        except RuntimeError as error:
            raise RuntimeError(f"{error}; its log ends with: {self._tail()}") from None
        until = time.monotonic() + _STARTS
        while (await self.callers.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).status == 0:
            if self._running.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"it answers nothing; its log ends with: {self._tail()}")
            await asyncio.sleep(0.1)

    def _started(self) -> subprocess.Popen[bytes]:
        words = ["-m", "translator", "serve", "-c", str(self.folder / "translator.toml"), "-o", "json"]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *words], cwd=self._checkout, env=environment(self._pycache) | self.variables, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log,
                preexec_fn=_end_with_the_bench,  # noqa: PLW1509 - one call of the C library, from the only thread that forks
            )  # fmt: skip

    def _tail(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")[-1500:]

    async def stop(self) -> None:
        """Let the product drain and end."""
        self.callers.close()
        if self._running is not None:
            await asyncio.to_thread(end, self._running, _ENDS)
            self._running = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the product while the block runs. It uses no processor and no disk, and goes on afterwards."""
        assert self._running is not None
        stopped = tree(self._running.pid)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the product at once."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None

    def use(self) -> Use:
        """The processor time, memory and descriptors that the product has used so far."""
        pid = self.pid
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        return Use(cpu_seconds(tree(pid)), resident * 1024, len(os.listdir(f"/proc/{pid}/fd")))

    async def told(self, after: int = 0) -> list[tuple[float, str, int, str]]:
        """The callbacks that the receiver got, without the first ones: time, path, number of the message, status."""
        assert self.receiver is not None
        return [tuple(call) for call in await self.receiver.ask(f"/told?{after}")]

    async def lags(self) -> dict[str, dict[str, float]]:
        """How late the simulated processes are, in milliseconds."""
        found = {f"provider {number}": (await one.ask("/control"))["lag"] for number, one in enumerate(self.providers)}
        return found | ({"receiver": await self.receiver.ask("/lag")} if self.receiver else {})

    def notes(self) -> dict[str, int]:
        """The number of log lines above level info, by event."""
        found: Counter[str] = Counter()
        for line in (self.folder / "log").read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError, AttributeError):
                said = msgspec.json.decode(line)
                if said.get("level", "info").lower() not in ("info", "debug"):
                    found[str(said.get("event", said.get("message", "?")))] += 1
        return dict(found.most_common(12))


@contextlib.asynccontextmanager
async def world(
    checkout: Path, paces: Sequence[Pace] = (Pace(),), *, answers_in: float = 0.001, callbacks: str = "",
    pycache: Path | None = None, dialect: str = "properties-v2", module: str = "",
) -> AsyncIterator[World]:  # fmt: skip
    """Everything, with a provider for each pace, while the block runs. The user of the block starts the product.

    `module` runs as a provider in place of the dialect's own.
    """
    folder = Path(tempfile.mkdtemp(prefix="traffic-"))
    made = World(checkout, folder, pycache or folder / "pycache", dialect)
    try:
        for pace in paces:
            made.providers.append(Simulated(module or PROVIDERS[dialect][0], *map(str, pace)))
        made.receiver = Simulated("receiver", str(answers_in))
        made.configure(callbacks)
        yield made
    finally:
        made.callers.close()
        made.kill()
        for one in [*made.providers, *filter(None, [made.receiver])]:
            one.end()
        shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    """Print the progress on standard error."""
    print(text, file=sys.stderr, flush=True)
