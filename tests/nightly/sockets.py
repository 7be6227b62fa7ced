"""A real server on loopback, whose clients send any part of any request and disconnect at any byte.

The next client has to be served, and nothing may be left behind. The actions of a client are drawn from its input, so one input does
the same each time, but for the packets of the network.
"""

import asyncio
import contextlib
import gc
from functools import cache
from random import Random
from typing import Final
from zlib import crc32

import structlog

from tests.nightly.mutating import split
from tests.test_connection import UNREACHED, Place, World, get, until
from translator.shell.server.http1 import Http1Protocol
from translator.shell.server.http1_request import Http1Request

CALLERS: Final = 4
"""The number of clients at once."""

COUNTED: Final = 16
"""After this many inputs, the objects that are left are counted."""


def sockets(data: bytes) -> None:
    """Raises AssertionError if the next client is not served, something is left behind, or a defect is logged."""
    with structlog.testing.capture_logs() as logs:
        _world()(lambda at: _script(at, data))
    assert not [line for line in logs if line["event"] == "defect"], logs
    if crc32(data) % COUNTED == 0:
        gc.collect()
        left = [found for found in gc.get_objects() if isinstance(found, Http1Request) or _is_closed(found)]
        assert not left, f"{len(left)} objects of connections are left"


@cache
def _world() -> World:
    """One server for all inputs."""
    return World("uvloop")


def close() -> None:
    """Stop the server, if it was begun."""
    if _world.cache_info().currsize:
        _world().close()
        _world.cache_clear()


def _is_closed(found: object) -> bool:
    return isinstance(found, Http1Protocol) and found not in found._registry.connections and found is not _last()


def _last() -> object:
    door = _world()._place.door
    return door.last if door is not None else None


async def _script(at: Place, data: bytes) -> None:
    random = Random(crc32(data))
    await asyncio.gather(*(_said(at, data, random.randrange(2**32)) for _ in range(CALLERS)))
    async with at.caller() as caller:  # one in good faith is answered
        for _ in range(2):
            await caller.say(get())
            assert (await caller.answer()).status == UNREACHED
    await at.left()
    assert at.door is not None
    held = at.door.budget.totals
    await until(lambda: not any(size for _, _, size in held()))


async def _said(at: Place, data: bytes, seed: int) -> None:
    """One client: it sends a part of the input in pieces, reads or does not, and disconnects in one of three ways."""
    random = Random(seed)
    most = len(data) if random.random() < 0.4 else random.randrange(len(data) + 1)
    async with at.caller() as caller:
        with contextlib.suppress(ConnectionError):
            for piece in split(random, data[:most]):
                await caller.say(piece)
                await asyncio.sleep(0)
            match random.randrange(4):
                case 0:
                    caller.hang_up(rudely=True)
                case 1:
                    caller.hang_up()
                case 2:
                    caller.writer.write_eof()
                    await caller.ended()
                case _:
                    await asyncio.sleep(0.001)
