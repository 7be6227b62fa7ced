"""The cost of TLS at the front: `python -m bench.tls`.

One server process answers sends without a provider. It does so over plain TCP, over the project's own TLS transport, and over the TLS of
the event loop (`ssl=` of `create_server`). The figures are CPU of that process alone, in microseconds. One is for a new connection with one
send, the other for a send on an open connection. TLS 1.3, an ECDSA P-256 certificate, no session is resumed.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import trustme
from uvicorn import Config
from uvicorn.server import ServerState

from bench.beside import data
from bench.engines import answer_of_a_send
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.exchange import Limits
from translator.core.http import messages
from translator.shell.server.handler import Proxy
from translator.shell.wiring import Dialects

try:
    import uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]

MODES: Final = ("plain", "own", "loop")
HANDSHAKES: Final = 480
SENDS: Final = 6400
CONNECTIONS: Final = 16
ROUNDS: Final = 3

_BODY: Final = b"From=19876543212&To=13216549878&Body=Test+SMS"
_SEND: Final = (
    f"POST {data.MESSAGES}.json HTTP/1.1\r\nHost: x\r\nAuthorization: {data.LOGIN}\r\n"
    f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(_BODY)}\r\n\r\n"
).encode() + _BODY


class _Provider:
    """A provider client that opens no socket."""

    def __init__(self) -> None:
        self._answer = answer_of_a_send()

    async def ask(self, _: messages.Request, __: str, ___: Any = None, /) -> messages.Answer:
        return self._answer

    async def aclose(self) -> None:
        """There is nothing to close."""


def _proxy() -> Proxy:
    dialects = Dialects()
    old, new = (dialects.of(name, "front", {}, "bench") for name in ("restcomm", "properties-v2"))
    account = Account(
        Endpoint(old, data.ACCOUNT, "", data.TOKEN), ConfiguredProvider("provider", new),
        Endpoint(new, data.BACK_ACCOUNT, data.PROPERTY, data.BACK_TOKEN), shared=False,
    )  # fmt: skip
    return Proxy(Accounts([account]), Limits(), {"provider": _Provider()})


async def _serve(mode: str, certificate: str) -> None:
    """Serve until standard input ends. Prints the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    proxy, state = _proxy(), ServerState()
    config = Config(proxy.application(), log_config=None)
    door = proxy.door(context if mode == "own" else None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: door(config, state, {}), "127.0.0.1", 0, backlog=1024, ssl=context if mode == "loop" else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the log is written, and no reader is needed
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


async def _one(port: int, context: ssl.SSLContext | None, sends: int) -> None:
    """One connection with so many sends, one after another."""
    name = "localhost" if context is not None else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    for _ in range(sends):
        writer.write(_SEND)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a send was answered {head[:60]!r}")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
    writer.transport.abort()


async def _load(port: int, context: ssl.SSLContext | None, connections: int, sends: int) -> None:
    """Make so many connections, sixteen at a time."""
    left = iter(range(connections))

    async def work() -> None:
        for _ in left:
            await _one(port, context, sends)

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def _cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measure(loop_name: str, mode: str, certificate: str, context: ssl.SSLContext) -> dict[str, float]:
    """Microseconds of CPU of the server for one connection with one send, and for one send."""
    command = [sys.executable, "-m", "bench.tls", loop_name, mode, certificate]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        over = None if mode == "plain" else context
        asyncio.run(_load(port, over, CONNECTIONS, 50))
        figures = {}
        for name, connections, sends in (("connect_us", HANDSHAKES, 1), ("send_us", CONNECTIONS, SENDS // CONNECTIONS)):
            before = _cpu_of(process.pid)
            asyncio.run(_load(port, over, connections, sends))
            figures[name] = (_cpu_of(process.pid) - before) / (connections * sends) * 1e6
        assert process.stdin is not None
        process.stdin.close()
    return figures


def measure() -> dict[str, dict[str, float]]:
    """By event loop and mode: the least of the rounds."""
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        certificate = str(Path(folder) / "front.pem")
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        names = ("asyncio", "uvloop") if uvloop is not None else ("asyncio",)
        for _ in range(ROUNDS):
            for loop_name in names:
                for mode in MODES:
                    row = _measure(loop_name, mode, certificate, context)
                    best = found.setdefault(f"{loop_name} {mode}", row)
                    found[f"{loop_name} {mode}"] = {name: min(best[name], value) for name, value in row.items()}
    return found


def main(arguments: list[str]) -> None:
    """Measure and print, or serve if a mode is given."""
    if arguments:
        loop_name, mode, certificate = arguments
        factory: Callable[[], asyncio.AbstractEventLoop] | None = None
        if loop_name == "uvloop":
            factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(_serve(mode, certificate))
        return
    figures = measure()
    for name, row in figures.items():
        print(f"{name:16}{row['connect_us']:10,.0f} us a connection{row['send_us']:10,.1f} us a send")
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
