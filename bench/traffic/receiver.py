"""A simulated application that receives callbacks: `python -m bench.traffic.receiver SECONDS`.

It answers every callback after so many seconds, and remembers the time of each. Below a path that begins with `/hang` it never answers.
Prints its port, and ends with its standard input.

    GET /told?N   the callbacks after the first N: [[when, path, number, status], …]
    GET /lag      how late this process is
"""

import asyncio
import re
import sys
import time
from typing import Final

import msgspec
import uvloop

from bench.traffic.figures import Lag
from bench.traffic.serving import Asked, Said, serve

_NUMBER: Final = re.compile(rb"(?:^|&)Body=(?:lost\+|lost%20)?m(\d+)")
_STATUS: Final = re.compile(rb"(?:^|&)MessageStatus=([a-z]+)")


class Receiver:
    """A receiver that keeps the callbacks it got, in the order of their arrival."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._told: list[tuple[float, str, int, str]] = []
        self.lag = Lag()

    def __call__(self, asked: Asked) -> Said:
        if asked.method == "GET" and asked.path == "/told":
            return Said(body=msgspec.json.encode(self._told[int(asked.query or b"0") :]))
        if asked.method == "GET" and asked.path == "/lag":
            return Said(body=msgspec.json.encode(self.lag.said()))
        form = asked.body or asked.query
        number, status = _NUMBER.search(form), _STATUS.search(form)
        word = status[1].decode() if status else ""
        self._told.append((time.time(), asked.path, int(number[1]) if number else -1, word))
        return Said(delay=self._seconds, hang=asked.path.startswith("/hang"))


async def _main() -> None:
    receiver = Receiver(float(sys.argv[1]))
    await serve(receiver, receiver.lag)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
