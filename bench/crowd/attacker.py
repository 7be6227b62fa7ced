"""A process that holds connections of an unauthenticated client to one port: `python -m bench.crowd.attacker PORT`.

It prints its own port, and ends with its standard input. It is nice to other processes, so that it takes no processor from them.

    POST /attack {"forms": [...], "connections": n, "seconds": s}   so many connections, evenly over the time, the forms in turn
    GET  /state   {"made", "sent", "failed", "lag"}: connections that were made, bytes that the system took, connections that failed
    GET  /end     all connections are closed
"""

import asyncio
import contextlib
import os
import socket
import sys
import time
from typing import Any, Final

import msgspec
import uvloop

from bench.beside.machine import allow_files
from bench.crowd.forms import FORMS
from bench.traffic.figures import Lag
from bench.traffic.serving import Asked, Said, read_json, serve

_NICE: Final = 5
_PATIENCE: Final = 1.0
_STEP: Final = 0.01
"""Seconds between two groups of connections."""


class Attacker:
    """All connections of one attack."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[socket.socket] = []
        self._running: asyncio.Task[None] | None = None
        self._made = self._sent = self._failed = 0
        self.lag = Lag()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/attack":
            given = read_json(asked.body)
            self._made = self._sent = self._failed = 0
            self._running = asyncio.get_running_loop().create_task(self._attack(**given))
        elif asked.path == "/end":
            self._end()
        return Said(body=msgspec.json.encode(self._state()))

    def _state(self) -> dict[str, Any]:
        return {"made": self._made, "sent": self._sent, "failed": self._failed, "lag": self.lag.said()}

    async def _attack(self, forms: list[str], connections: int, seconds: float) -> None:
        began = time.monotonic()
        while self._made + self._failed < connections:
            share = min(1.0, (time.monotonic() - began) / seconds) if seconds else 1.0
            while self._made + self._failed < connections * share:
                self._connect(FORMS[forms[(self._made + self._failed) % len(forms)]])
            await asyncio.sleep(_STEP)

    def _connect(self, said: bytes) -> None:
        try:
            one = socket.create_connection(("127.0.0.1", self._port), _PATIENCE)
        except OSError:
            self._failed += 1
            return
        self._open.append(one)
        self._made += 1
        one.setblocking(False)
        with contextlib.suppress(OSError):  # the server refused it, or the system takes no more for now
            self._sent += one.send(said)

    def _end(self) -> None:
        if self._running is not None:
            self._running.cancel()
        for one in self._open:
            one.close()
        self._open.clear()


async def _main() -> None:
    attacker = Attacker(int(sys.argv[1]))
    await serve(attacker, attacker.lag)


if __name__ == "__main__":
    allow_files()
    os.nice(_NICE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
