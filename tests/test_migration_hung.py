"""A new provider that hangs, or may not be asked at all: the old one and other accounts do not notice it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.replicas import Replica, Replicas
from tests.stores import opened
from translator.core.accounts import Accounts
from translator.core.effects import Render
from translator.core.exchange import Limits
from translator.core.migration import MigrationRules
from translator.shell.client.provider_client import ProviderClient
from translator.shell.migration.renderer import Renderer
from translator.shell.runtime.effect_runner import EffectRunner
from translator.shell.runtime.single_flight_cache import SingleFlightCache

MANY: Final = 200
"""More than the requests that one provider client makes at once."""


def replica(rules: MigrationRules, work: Callable[[Replica, Any], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened("memory:") as store:
            world = Replicas(store, rules)
            await world.one.begin()
            await work(world.one, store)

    asyncio.run(main())


async def listening(opened_: list[int]) -> asyncio.Server:
    """A server that notes each connection, and never answers."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened_.append(1)
        try:
            await reader.read()
        finally:
            writer.close()

    return await asyncio.start_server(accept, "127.0.0.1", 0)


def client(server: asyncio.Server) -> ProviderClient:
    port = server.sockets[0].getsockname()[1]
    return ProviderClient(f"http://127.0.0.1:{port}", timeout=60.0, concurrency=8)


def runner(one: Replica, new: ProviderClient, render: Callable[[Render], None] = lambda _: None) -> EffectRunner:
    backs: Any = {"provider": new, "old": one.old}
    counted = one.migrations.counted(one.journal)
    return EffectRunner(backs, SingleFlightCache(), one.meter, counted, one.migrations.stage, render)


def test_in_the_stage_render_no_connection_to_the_new_provider_is_opened() -> None:
    async def work(one: Replica, store: Any) -> None:
        connections: list[int] = []
        server = await listening(connections)
        new = client(server)
        renderer = Renderer(store, Accounts([one.entry]), Limits(), one.meter, one.clock)
        one.driver = runner(one, new, renderer.offer)
        for number in range(20):
            status, body = await one.post(f"text {number}")
            assert status == 200
            assert await one.get(one.sid(body)) == (200, f"text {number}")
            assert (await one.get(f"SM{number:032x}"))[0] == 404
            assert await one.listed() == (200, number + 1)
        await renderer.round()
        assert len(one.old.texts) == 20
        assert connections == []
        await new.aclose()
        server.close()

    replica(MigrationRules(stage="render"), work)


def test_a_canary_whose_new_provider_hangs_stops_nothing_at_the_old_one() -> None:
    async def work(one: Replica, _: Any) -> None:
        connections: list[int] = []
        server = await listening(connections)
        new = client(server)
        one.driver = runner(one, new)
        hung = [asyncio.create_task(one.post(f"new {number}", to="15550100005")) for number in range(MANY)]
        while not connections:  # noqa: ASYNC110 - the first connection is waited for
            await asyncio.sleep(0.01)
        for number in range(20):
            status, body = await one.post(f"old {number}", to="17770100011")
            assert status == 200
            assert await one.get(one.sid(body)) == (200, f"old {number}")
        alone = one.entry.old
        assert alone is not None
        one._accounts = Accounts([alone])  # an account that has only the old provider
        status, body = await one.post("alone")
        assert (status, await one.get(one.sid(body))) == (200, (200, "alone"))
        assert await one.listed() == (200, 21)
        assert not any(task.done() for task in hung)
        for task in hung:
            task.cancel()
        await asyncio.gather(*hung, return_exceptions=True)
        await new.aclose()
        server.close()

    replica(MigrationRules(stage="canary", allow=("+1555",)), work)
