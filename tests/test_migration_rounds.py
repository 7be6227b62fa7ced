"""The stages of several replicas that share a store: each acts on what it read last, and reads again every few seconds."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection

from conformance.clock import ManualClock
from tests.stores import opened
from tests.twins import spoken
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.effects import Intent, MigrationState, Outcome
from translator.core.migration import (
    Change,
    Choice,
    Guard,
    MigrationRules,
    MigrationStage,
    advanced,
    choose,
    released,
    rolled_back,
    with_percent,
)
from translator.core.model import Fault
from translator.shell.migration import migrations as module
from translator.shell.migration.migrations import EVERY, Migrations, pair_of
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import NullJournal
from translator.shell.store import Store, StoreUnavailable, open_store, stages

NOW: Final = 1_790_000_000
ROOT: Final = Path(__file__).parents[1]


def moving_account(rules: MigrationRules) -> Account:
    """An account with an old provider."""
    back, old = spoken("properties-v2", "back"), spoken("restcomm", "back")
    front = Endpoint(spoken("restcomm"), "AC1", "", "t")
    home = Account(front, ConfiguredProvider("old", old), Endpoint(old, "AC9", "", "t"), shared=False)
    new = Endpoint(back, "A1", "P1", "t")
    return Account(front, ConfiguredProvider("new", back), new, False, home, rules)


class Counting:
    """A store that counts its reads and writes, and fails while `is_down`."""

    def __init__(self, store: Store) -> None:
        self._store, self.shared = store, store.shared
        self.reads = self.writes = 0
        self.is_down = False

    async def read(self, work: Callable[[Connection], Any]) -> Any:
        self.reads += 1
        if self.is_down:
            raise StoreUnavailable("down")
        return await self._store.read(work)

    async def write(self, work: Callable[[Connection], Any]) -> Any:
        self.writes += 1
        if self.is_down:
            raise StoreUnavailable("down")
        return await self._store.write(work)

    write_behind = write


class World:
    """Replicas on one store, by a clock that is turned by hand."""

    def __init__(self, store: Store, rules: MigrationRules) -> None:
        self.clock = ManualClock(NOW)
        self.store: Any = Counting(store)
        self.entry = moving_account(rules)
        self.replicas = [self.replica(name) for name in "ab"]

    def replica(self, name: str) -> Migrations:
        """A process that begins."""
        made = Migrations(self.store, Accounts([self.entry]), Meter(), self.clock)
        made.replica = name
        return made

    async def round(self) -> None:
        """Let each replica do a round."""
        for one in self.replicas:
            await one.round()

    def stages(self) -> list[tuple[str, float, bool]]:
        """The stage that each replica acts on."""
        found = [one.stage(MigrationState(self.entry.name, self.entry.migration)) for one in self.replicas]
        return [(stage.stage, stage.percent, stage.is_latched) for stage in found]

    async def change(self, make: Callable[[MigrationStage, Change], MigrationStage]) -> None:
        """Change the stage as a person does."""
        pair, rules = pair_of(self.entry), self.entry.migration
        there = await self.store.read(partial(stages.present, pairs=[pair], now=self.clock()))
        await self.store.write(
            partial(
                stages.change, pair=pair, rules=rules, seen=there.stages[pair].generation, action="advance",
                make=lambda stage, now: make(stage, Change("ann", "x", now)), now=self.clock(),
            )
        )  # fmt: skip

    async def history(self) -> list[tuple[str, str]]:
        """Return the changes: the action, and the stage after it."""
        rows = await self.store.read(partial(stages.history, account=self.entry.name, most=99))
        return [(row["action"], row["stage"]) for row in rows]

    async def sends(self, replica: int, **outcomes: int) -> None:
        """Sends at the new provider through one replica, with these outcomes."""
        journal = self.replicas[replica].counted(NullJournal())
        for state, number in outcomes.items():
            for _ in range(number):
                intent = Intent(self.entry.name, "", "", "", choice=Choice("new", "share"))
                [recorded] = await journal.record([intent])
                fault = Fault("back-unreachable") if state == "never_left" else None
                await journal.settle([Outcome(recorded.id, state.replace("_", "-"), fault=fault)])  # type: ignore[arg-type]


def world(rules: MigrationRules, work: Callable[[World], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        store = await open_store("memory:", "test", Path())
        result = await work(World(store, rules))
        await store.close()
        return result

    return asyncio.run(main())


# ---- reading again ---------------------------------------------------------------------------------------------------


def test_each_replica_acts_on_a_change_from_its_next_round_on() -> None:
    async def work(one: World) -> None:
        await one.round()
        assert one.stages() == [("canary", 5, False)] * 2
        await one.change(rolled_back)
        await one.replicas[0].round()
        assert one.stages() == [("old", 0, False), ("canary", 5, False)]
        await one.replicas[1].round()
        assert one.stages() == [("old", 0, False)] * 2

    world(MigrationRules(stage="canary", percent=5), work)
    assert EVERY < 5


def test_while_the_store_is_down_the_last_stage_stays() -> None:
    async def work(one: World) -> None:
        await one.round()
        one.store.is_down = True
        await one.sends(0, sent=3)
        for replica in one.replicas:
            one.clock.advance(100)
            try:
                await replica.round()
            except StoreUnavailable:
                continue
            raise AssertionError("a round without a store is no success")
        assert one.stages() == [("new", 0, False)] * 2
        one.store.is_down = False
        await one.round()

    world(MigrationRules(stage="new"), work)


def test_a_restart_and_another_configuration_leave_the_stage_as_it_is() -> None:
    async def work(one: World) -> None:
        await one.round()
        await one.change(advanced)
        one.entry = moving_account(MigrationRules(stage="done", percent=99, salt="other"))
        one.replicas = [one.replica("c")]
        await one.replicas[0].prepare(Accounts([one.entry]))
        stage = one.replicas[0].stage(MigrationState(one.entry.name, one.entry.migration))
        assert (stage.stage, stage.percent, stage.salt) == ("render", 0, "first")

    world(MigrationRules(stage="old", salt="first"), work)


def test_a_round_without_news_is_one_read() -> None:
    async def work(one: World) -> None:
        await one.round()
        one.store.reads = one.store.writes = 0
        for _ in range(3):
            one.clock.advance(4)
            await one.replicas[0].round()
        assert (one.store.reads, one.store.writes) == (3, 0)
        one.clock.advance(20)
        await one.replicas[0].round()
        assert (one.store.reads, one.store.writes) == (4, 1), "the replica says that it lives"

    world(MigrationRules(), work)


def test_accounts_with_one_provider_cost_no_round() -> None:
    async def work(one: World) -> None:
        one.entry = one.entry._replace(old=None)
        replica = one.replica("a")
        await replica.prepare(Accounts([one.entry]))
        await replica.round()
        await replica.aclose()
        journal = NullJournal()
        assert replica.counted(journal) is journal
        assert (one.store.reads, one.store.writes) == (0, 0)

    world(MigrationRules(), work)


# ---- the cut-over ----------------------------------------------------------------------------------------------------


def test_the_cut_over_is_in_force_at_its_date_and_written_once() -> None:
    async def work(one: World) -> None:
        await one.round()
        one.clock.advance(99.9)
        await one.round()
        assert one.stages() == [("render", 0, False)] * 2
        one.clock.advance(0.1)
        assert one.stages() == [("new", 0, False)] * 2, "no round is needed"
        for _ in range(3):
            await one.round()
        assert await one.history() == [("begin", "render"), ("cut-over", "new")]
        await one.change(rolled_back)
        one.clock.advance(1000)
        await one.round()
        assert one.stages() == [("old", 0, False)] * 2
        assert len(await one.history()) == 3

    world(MigrationRules(stage="render", cut_over=NOW + 100), work)


def test_replicas_with_wrong_clocks_cut_over_by_that_of_their_database(postgres_url: str) -> None:
    """One replica is a year late, and the other one a year early. The database decides."""

    async def main() -> None:
        now = time.time()
        async with opened(postgres_url) as first, opened(postgres_url) as second:
            for date, stage in ((now - 1000, "new"), (now + 1000, "render")):
                worlds = [World(store, MigrationRules(stage="render", cut_over=date)) for store in (first, second)]
                for one, clock, name in zip(worlds, (now - 3e7, now + 3e7), "ab", strict=True):
                    one.entry = one.entry._replace(back=one.entry.back._replace(name=stage))
                    one.clock = ManualClock(clock)
                    one.replicas = [one.replica(name)]
                    await one.round()
                assert [one.stages()[0][0] for one in worlds] == [stage, stage]
                [since] = {
                    one.replicas[0].stage(MigrationState(one.entry.name, one.entry.migration)).since for one in worlds
                }
                assert abs(since - (date if stage == "new" else now)) < 60
                await worlds[0].change(rolled_back)
                for one in worlds:
                    await one.round()
                assert [one.stages()[0][0] for one in worlds] == ["old", "old"]

    asyncio.run(main())


def test_a_cut_over_in_the_past_counts_at_the_start() -> None:
    async def work(one: World) -> None:
        await one.replicas[0].prepare(Accounts([one.entry]))
        assert one.stages()[0][0] == "new"

    world(MigrationRules(stage="render", cut_over=NOW - 1e6), work)


# ---- the guard -------------------------------------------------------------------------------------------------------

GUARDED: Final = MigrationRules(stage="canary", percent=50, guard=Guard(900, 50, 0.05, 0.02))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The lines of the log, as event and fields."""
    lines: list[tuple[str, dict[str, Any]]] = []

    class Lines:
        def info(self, event: str, **fields: Any) -> None:
            lines.append((event, fields))

        error = info

    monkeypatch.setattr(module, "logger", Lines)
    return lines


@pytest.mark.parametrize("bad", ["refused", "never_left", "unknown"])
def test_the_guard_stops_once_and_stays(bad: str, said: list[tuple[str, dict[str, Any]]]) -> None:
    async def work(one: World) -> None:
        await one.round()
        await one.sends(0, sent=30)
        await one.sends(1, sent=15, **{bad: 5})
        await one.round()
        assert one.stages()[1] == ("canary", 0, True)
        for _ in range(4):
            one.clock.advance(4)
            await one.round()
            assert one.stages() == [("canary", 0, True)] * 2
        assert await one.history() == [("begin", "canary"), ("guard", "canary")]
        [(event, fields)] = [line for line in said if line[0] == "migration-guard"]
        assert (event, fields["sends"], fields["share"]) == ("migration-guard", 50, 0.1)
        await one.change(released)
        await one.change(partial(lambda stage, by: with_percent(stage, 5, by)))
        await one.round()
        assert one.stages() == [("canary", 5, False)] * 2, "the sends before the release do not count"
        await one.sends(0, sent=46, **{bad: 4})
        one.clock.advance(16)
        await one.sends(0, sent=46, **{bad: 4})
        for _ in range(2):
            await one.round()
        assert one.stages() == [("canary", 0, True)] * 2

    world(GUARDED, work)


def test_the_guard_leaves_a_good_canary_and_an_old_window_alone() -> None:
    async def work(one: World) -> None:
        await one.round()
        await one.sends(0, refused=49)
        await one.round()
        one.clock.advance(1000)
        await one.sends(0, sent=95, refused=4, unknown=1)
        await one.round()
        assert one.stages() == [("canary", 50, False)] * 2
        assert len(await one.history()) == 1

    world(GUARDED, work)


def test_counts_that_could_not_be_written_are_written_later() -> None:
    async def work(one: World) -> None:
        await one.round()
        await one.sends(0, sent=40, refused=10)
        one.store.is_down = True
        with pytest.raises(StoreUnavailable):
            await one.replicas[0].round()
        assert one.stages()[0] == ("canary", 50, False)
        one.store.is_down = False
        await one.replicas[0].round()
        assert one.stages()[0] == ("canary", 0, True)

    world(GUARDED, work)


# ---- the log and the metrics -----------------------------------------------------------------------------------------


def test_the_stage_and_the_choices_are_metrics_and_a_line(said: list[tuple[str, dict[str, Any]]]) -> None:
    async def work(one: World) -> str:
        await one.round()
        await one.sends(0, sent=2)
        await one.change(advanced)
        await one.round()
        return one.replicas[0]._meter.page().decode()

    page = world(MigrationRules(stage="canary", percent=5), work)
    for line in (
        'sms_translator_migration_stage{account="restcomm/AC1/",stage="new"} 1.0',
        'sms_translator_migration_stage{account="restcomm/AC1/",stage="canary"} 0.0',
        'sms_translator_migration_percent{account="restcomm/AC1/"} 5.0',
        'sms_translator_migration_latched{account="restcomm/AC1/"} 0.0',
        'sms_translator_migration_sends_total{account="restcomm/AC1/",home="new",reason="share"} 2.0',
    ):
        assert line in page.splitlines()
    lines = [(fields["stage"], fields["by"]) for event, fields in said if event == "migration-stage"]
    assert lines == [("canary", "configuration")] * 2 + [("new", "ann")] * 2
    assert not [fields for _, fields in said if "reason" in fields], (
        "a person writes the reason, so it may hold anything"
    )


# ---- the same on each replica ----------------------------------------------------------------------------------------

_PROGRAM: Final = """
from translator.core.migration import MigrationRules, MigrationStage, choose
stage = MigrationStage("canary", 12.5, "salt")
print("".join(choose(MigrationRules(), stage, "", f"+614{n:08}", 0.0).home[0] for n in range(5000)))
"""


def test_each_process_makes_the_same_choice() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM], cwd=ROOT, check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    stage = MigrationStage("canary", 12.5, "salt")
    here = [choose(MigrationRules(), stage, "", f"+614{number:08}", 0.0).home[0] for number in range(5000)]
    assert said == {"".join(here)}
