"""One account with good credentials takes connections, bodies, pipelined requests and lists. The other account is served meanwhile.

Nothing here is measured in seconds. The provider answers none of the first account's requests. The other account is answered all the
same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.test_connection import LOOPS, UNREACHED, Caller, Place, World, get, place, post, until
from tests.test_known_first import NAME, OTHERS, Silent, body_of, other, serving_two, two
from translator.core import exchange
from translator.core.accounts import Accounts
from translator.shell.aio.memory_budget import MemoryBudget
from translator.shell.client.provider_client import ProviderClient
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.server.handler import Proxy


@pytest.fixture(scope="module", params=LOOPS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.param)
    yield made
    made.close()


async def asked(stack: contextlib.AsyncExitStack, at: Place, whole: bytes) -> tuple[Caller, int]:
    """Send a request on a new connection, which stays open. Return the connection and the status."""
    caller = await stack.enter_async_context(at.caller())
    await caller.say(whole)
    return caller, (await caller.answer()).status


@contextlib.asynccontextmanager
async def ten_places() -> AsyncIterator[tuple[Place, contextlib.AsyncExitStack]]:
    """A server with two accounts and ten connections."""
    silent = Silent()
    silent.go_on.set()
    async with place(handle=serving_two(silent).handle) as at, contextlib.AsyncExitStack() as stack:
        assert at.door is not None
        at.door.most = 10
        yield at, stack


def test_account_that_keeps_all_its_connections_has_half_of_them(world: World) -> None:
    async def main() -> None:
        async with ten_places() as (at, stack):
            told = [await asked(stack, at, get()) for _ in range(12)]
            assert [status for _, status in told] == [UNREACHED] * 5 + [503] * 7
            assert await told[-1][0].ended() == b"", "it is closed"
            for whole in (get(), post(), get()):
                _, status = await asked(stack, at, other(whole))
                assert status == UNREACHED
            first = told[0][0]
            await first.say(get())
            assert (await first.answer()).status == UNREACHED, "what it has it keeps"

    world.run(main())


def test_connections_without_a_request_make_room_for_those_with_one(world: World) -> None:
    async def main() -> None:
        async with ten_places() as (at, stack):
            kept, _ = await asked(stack, at, other(get()))
            silent = [await stack.enter_async_context(at.caller()) for _ in range(40)]
            await silent[-1].say(b"GET / HTTP/1.1\r\nHost: x\r\n")
            assert (await silent[0].answer()).status == 503
            for whole in (get(), post()):
                _, status = await asked(stack, at, other(whole))
                assert status == UNREACHED
            await kept.say(other(get()))
            assert (await kept.answer()).status == UNREACHED, "a known client is not closed for an unknown one"

    world.run(main())


def test_connection_counts_for_the_account_of_its_last_request(world: World) -> None:
    """So a proxy in front may use one connection for all accounts."""

    async def main() -> None:
        async with ten_places() as (at, stack):
            callers = [(await asked(stack, at, get()))[0] for _ in range(3)]
            for caller in callers:
                await caller.say(other(get()))
                assert (await caller.answer()).status == UNREACHED
            assert at.door is not None
            assert at.door.shares._sizes == {OTHERS: 3}
            callers[0].hang_up()
            shares = at.door.shares
            await until(lambda: shares._sizes == {OTHERS: 2})

    world.run(main())


class Deaf:
    """A provider on a socket. It answers one account, and keeps the requests of the other. `held` counts those."""

    def __init__(self) -> None:
        self.held = 0
        self._go_on = asyncio.Event()

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.partition(b":")[2]))
                if ACCOUNTS_AT_PROVIDER[0] in head:
                    self.held += 1
                    await self._go_on.wait()
                status, body = (
                    (b"200 OK", b'{"Messages": []}') if head.startswith(b"GET") else (b"400 Bad Request", b"{}")
                )
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
                await writer.drain()
        writer.close()

    def let_go(self) -> None:
        self._go_on.set()


ACCOUNTS_AT_PROVIDER = (b"P-ONE", b"P-TWO")
"""The properties of the two accounts, which stand in the paths of their requests."""


@contextlib.asynccontextmanager
async def before_a_deaf_provider(**knobs: Any) -> AsyncIterator[tuple[Place, Deaf, contextlib.AsyncExitStack]]:
    """Two accounts, each with a property of its own, before one provider with five slots."""
    deaf = Deaf()
    server = await asyncio.start_server(deaf.attend, "127.0.0.1", 0)
    client = ProviderClient(
        f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=60, concurrency=5, is_shared=True
    )
    entries = [
        entry._replace(behind=entry.behind._replace(property=name.decode()))
        for entry, name in zip(two().entries, ACCOUNTS_AT_PROVIDER, strict=True)
    ]
    budget = MemoryBudget(2**20, [NAME, OTHERS])
    under = Proxy(
        Accounts(entries), exchange.Limits(), {"provider": client}, memory=SingleFlightCache(budget=budget), deadline=60.0, **knobs
    )  # fmt: skip
    async with place(handle=under.handle, max_body=2**20) as at, contextlib.AsyncExitStack() as stack:
        assert at.door is not None
        at.door.budget = budget
        try:
            yield at, deaf, stack
        finally:
            deaf.let_go()
            await client.aclose()
            server.close()


def test_lists_bodies_and_pipelined_requests_of_one_account_stop_no_other(world: World) -> None:
    """The account takes what it gets: wide lists that its provider does not answer, bodies that do not end, and requests ahead."""

    async def main() -> None:
        async with before_a_deaf_provider(queue_max=60) as (at, deaf, stack):
            for number in range(20):
                lister = await stack.enter_async_context(at.caller())
                path = f"?PageSize=1000&StartTime=2018-10-{number + 1:02}".encode()
                await lister.say(get().replace(b".json", b".json" + path, 1))
            for _ in range(20):
                await (await stack.enter_async_context(at.caller())).say(body_of(60000))
            for _ in range(10):
                await (await stack.enter_async_context(at.caller())).say(get() * 200)
            await until(lambda: deaf.held >= 4)
            for _ in range(10):
                for whole, status in ((post(), 400), (get(), 200)):
                    assert (await asked(stack, at, other(whole)))[1] == status, "the provider has answered it"
            assert deaf.held == 4, "of five slots"

    world.run(main())
