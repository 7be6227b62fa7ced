"""Two replicas of a migrating account: a rollback counts from the next read of each, and no replica sends a text again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from tests.replicas import Replicas
from tests.stores import opened
from translator.core.migration import MigrationRules

NEW: Final = MigrationRules(stage="new")
PAIRS: Final = [(front, old) for front in ("restcomm", "properties-v2") for old in ("restcomm", "properties-v2")]
"""The front and the old provider. The new provider speaks what the front does not, so these are all four pairs of providers."""


def replicas(
    url: str,
    work: Callable[[Replicas], Awaitable[Any]],
    rules: MigrationRules = NEW,
    front: str = "restcomm",
    old: str = "restcomm",
) -> None:
    async def main() -> None:
        async with opened(url) as store:
            world = Replicas(store, rules, front, old)
            await world.begin()
            await work(world)

    asyncio.run(main())


@pytest.mark.parametrize(("front", "old"), PAIRS)
def test_after_a_rollback_and_one_read_no_send_goes_to_the_new_provider(store_url: str, front: str, old: str) -> None:
    async def work(world: Replicas) -> None:
        for number, one in enumerate(world.both):
            assert (await one.post(f"before {number}"))[0] == 200
        await world.one.changed("rollback")
        await world.one.reread()
        await world.one.post("one")
        await world.other.post("late")  # it has not read the stage yet
        assert sorted(world.new.texts) == ["before 0", "before 1", "late"]
        await world.other.reread()
        asked = world.new.asked
        for number in range(10):
            for name, one in zip("ab", world.both, strict=True):
                assert (await one.post(f"after {name}{number}"))[0] == 200
        assert world.new.asked == asked
        assert len(world.old.texts) == 21
        assert set(world.texts.values()) == {1}

    replicas(store_url, work, front=front, old=old)


@pytest.mark.parametrize("key", ["", "k"])
@pytest.mark.parametrize(("front", "old"), PAIRS)
def test_a_replica_with_an_old_stage_sends_no_unknown_send_again(
    store_url: str, front: str, old: str, key: str
) -> None:
    async def work(world: Replicas) -> None:
        world.new.fault = "no answer"
        assert (await world.one.post("x", key=key))[0] == 504
        world.new.fault = ""
        await world.one.changed("rollback")
        await world.one.reread()
        for one in (world.other, world.one, world.other):
            assert (await one.post("x", key=key))[0] == 504
        assert world.texts == {"x": 1}
        await world.other.work_off(1)
        assert world.texts == {"x": 1}
        assert world.old.asked == 0, "it is searched for where it was asked"

    replicas(store_url, work, front=front, old=old)


@pytest.mark.parametrize(("front", "old"), PAIRS)
def test_a_key_that_runs_at_one_provider_is_not_sent_to_the_other(front: str, old: str) -> None:
    async def work(world: Replicas) -> None:
        world.new.holds = True
        held = asyncio.create_task(world.one.post("x", key="k"))
        await world.new.entered.wait()
        await world.one.changed("rollback")
        await world.other.reread()
        assert (await world.other.post("x", key="k"))[0] == 409
        world.new.go.set()
        assert (await held)[0] == 200
        assert (await world.other.post("x", key="k"))[0] == 200
        assert (world.texts, world.old.texts) == ({"x": 1}, [])

    replicas("memory:", work, front=front, old=old)


@pytest.mark.parametrize(("front", "old"), PAIRS)
def test_a_replica_with_an_old_stage_shows_the_sends_of_the_others(store_url: str, front: str, old: str) -> None:
    """One replica is in the canary already. The other one still reads only the old provider, and may not say that it knows no such SID."""

    async def work(world: Replicas) -> None:
        await world.one.changed("advance")
        await world.one.reread()
        status, body = await world.one.post("x")
        assert (status, world.new.texts, world.other.known) == (200, ["x"], "render")
        sid = world.one.sid(body)
        for one in world.both:
            assert await one.get(sid) == (200, "x")
        wrong = sid[:-2] + ("AA" if sid[-2:] != "AA" else "BB")
        assert (await world.other.get(wrong))[0] == 404

    replicas(store_url, work, MigrationRules(stage="render", percent=100.0), front, old)
