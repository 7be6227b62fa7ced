"""The stages in the store: one change at a time, a history that nothing changes, and the counts of the sends."""

import asyncio
from functools import partial
from typing import Any, Final

import pytest

from tests.stores import on
from tests.test_store_schema import file_url
from tests.test_store_upgrade import upgraded
from translator.core.migration import (
    Change,
    Counts,
    MigrationRules,
    MigrationStage,
    NotAllowed,
    advanced,
    begins,
    rolled_back,
    with_percent,
)
from translator.shell.store import Store, stage_counts, stages
from translator.shell.store.stage_counts import Counted
from translator.shell.store.stages import Overtaken, Pair

__all__ = ["file_url"]

NOW: Final = 1_790_000_000.0
PAIR: Final = Pair("restcomm/AC1/", "old/AC9/", "new/A1/P1")
RULES: Final = MigrationRules(stage="render", percent=2.5)


async def changed(
    store: Store, seen: int, make: Any = advanced, now: float = NOW, rules: MigrationRules = RULES
) -> Any:
    """Change the stage from the generation that was seen."""

    def work(stage: MigrationStage, at: float) -> MigrationStage:
        stage_: MigrationStage = make(stage, Change("ann", "because", at))
        return stage_

    return await store.write(
        partial(stages.change, pair=PAIR, rules=rules, seen=seen, action="advance", make=work, now=now)
    )


async def present(store: Store, *pairs: Pair) -> dict[Pair, MigrationStage]:
    """The stages that the store has."""
    return (await store.read(partial(stages.present, pairs=pairs or [PAIR], now=NOW))).stages


async def begun(store: Store, rules: MigrationRules = RULES) -> bool:
    return await store.write(partial(stages.begin, pair=PAIR, rules=rules, now=NOW))


def test_the_first_stage_is_that_of_the_configuration_and_written_once(store_url: str) -> None:
    async def work(store: Store) -> None:
        assert await present(store) == {}
        assert await begun(store)
        assert not await begun(store, MigrationRules(stage="new"))
        [stage] = (await present(store)).values()
        assert (stage.stage, stage.percent, stage.generation, stage.by) == ("render", 2.5, 1, "configuration")
        assert (stage.decided, stage.salt) == (0.0, "restcomm/AC1/ old/AC9/ new/A1/P1")

    on(store_url, work)


def test_a_stage_is_read_as_it_was_written(store_url: str) -> None:
    async def work(store: Store) -> None:
        await begun(store)
        after = await changed(store, 1)
        assert (await present(store))[PAIR] == after
        back = await changed(store, 2, rolled_back)
        assert (await present(store))[PAIR] == back
        assert (back.is_held, back.is_crossed, back.generation) == (True, True, 3)
        rows = await store.read(partial(stages.history, account=PAIR.account, most=9))
        assert [(row["generation"], row["stage"], row["author"]) for row in rows] == [
            (1, "render", "configuration"),
            (2, "canary", "ann"),
            (3, "old", "ann"),
        ]
        assert await store.read(partial(stages.history, account="other", most=9)) == []

    on(store_url, work)


def test_of_two_changes_from_one_generation_one_is_made(store_url: str) -> None:
    async def work(store: Store) -> None:
        await begun(store)
        done = await asyncio.gather(*(changed(store, 1) for _ in range(5)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["MigrationStage", *["Overtaken"] * 4]
        assert (await present(store))[PAIR].stage == "canary"
        with pytest.raises(Overtaken, match="by ann"):
            await changed(store, 1)

    on(store_url, work)


def test_a_change_that_is_not_allowed_writes_nothing(store_url: str) -> None:
    async def work(store: Store) -> None:
        await begun(store)
        with pytest.raises(NotAllowed):
            await changed(store, 1, lambda stage, by: with_percent(stage, 5, by))
        assert (await present(store))[PAIR].generation == 1

    on(store_url, work)


def test_a_change_after_the_date_of_the_cut_over_comes_after_it(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        rules = MigrationRules(stage="render", cut_over=NOW - 60 if store.shared is False else 1.0)
        await begun(store, rules)
        await changed(store, 1, rolled_back, rules=rules)
        rows = await store.read(partial(stages.history, account=PAIR.account, most=9))
        return [(row["action"], row["stage"]) for row in rows]

    assert on(store_url, work) == [("begin", "render"), ("cut-over", "new"), ("advance", "old")]


def test_another_pair_of_providers_is_another_migration(store_url: str) -> None:
    async def work(store: Store) -> None:
        await begun(store)
        await changed(store, 1)
        next_pair = Pair(PAIR.account, PAIR.new, "third/A2/P1")
        assert set(await present(store, PAIR, next_pair)) == {PAIR}
        assert begins(RULES, next_pair.salt).salt != begins(RULES, PAIR.salt).salt

    on(store_url, work)


def test_the_clock_of_a_shared_store_decides(store_url: str) -> None:
    async def work(store: Store) -> None:
        there = await store.read(partial(stages.present, pairs=[PAIR], now=5.0))
        assert (there.now > 1_600_000_000) if store.shared else (there.now == 5.0)

    on(store_url, work)


def test_the_counts_of_several_replicas_add_up(store_url: str) -> None:
    async def work(store: Store) -> None:
        first, second = (Counted(PAIR, "new", stage_counts.bucket_of(NOW + later)) for later in (0, 30))
        other = Counted(PAIR, "old", first.bucket)
        for _ in range(3):
            await store.write(partial(stage_counts.add, counts={first: {"sent": 2, "unknown": 1}, other: {"sent": 9}}))
        await store.write(partial(stage_counts.add, counts={first: {"refused": 4}, second: {"sent": 1}}))
        since = partial(stage_counts.since, pair=PAIR, home="new")
        assert await store.read(partial(since, instant=0.0)) == Counts(7, 4, 3)
        assert await store.read(partial(since, instant=first.bucket + 0.5)) == Counts(1, 0, 0)
        assert await store.read(partial(since, instant=second.bucket + 1.0)) == Counts()

    on(store_url, work)


def test_living_replicas_that_act_on_an_older_generation_are_found(store_url: str) -> None:
    async def work(store: Store) -> None:
        for replica, generation, seen in (("a", 3, 0), ("b", 2, 1), ("c", 2, -100)):
            say = partial(stage_counts.say_generations, replica=replica, generations={PAIR: generation}, now=NOW + seen)
            await store.write(say)
        late = partial(stage_counts.behind, pair=PAIR, generation=3, now=NOW + 2)
        assert await store.read(late) == ("b",)
        await store.write(partial(stage_counts.leave, replica="b"))
        assert await store.read(late) == ()

    on(store_url, work)


def test_a_store_of_the_last_release_gets_the_tables(file_url: str) -> None:
    """That release had version 5."""
    assert asyncio.run(upgraded(file_url, begun))
