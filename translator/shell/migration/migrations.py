"""The stages of the accounts that migrate, read from the store every few seconds.

round ─▶ write the counts of sends ─▶ read the stages ─┬▶ the first stage, if the store has none
                                                       ├▶ the cut-over, if its date has passed
                                                       └▶ the guard, which may only stop the canary
A change in the store is in force for this process from its next round on. While the store does not answer, the last stages stay.
"""

import os
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from translator.core.accounts import Account, Accounts
from translator.core.effects import MigrationState
from translator.core.migration import (
    STAGES,
    UNREAD,
    Change,
    MigrationRules,
    MigrationStage,
    at_cut_over,
    stopped,
    stopped_by,
)
from translator.shell.migration.counted_journal import CountedJournal, SendCounts
from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger
from translator.shell.runtime.effect_runner import JournalPort
from translator.shell.store import Store, StoreUnavailable, stage_counts, stages
from translator.shell.store.stages import Overtaken, Pair, Present

EVERY: Final = 4.0
"""Seconds between two rounds. With the round itself a change is in force within five seconds."""

_SAYS: Final = 20.0
"""Seconds after which a replica says again which generations it acts on."""


def pairs(accounts: Accounts) -> dict[str, tuple[Pair, MigrationRules]]:
    """Return the migrations of a configuration with their rules, by the name of the account."""
    return {entry.name: (pair_of(entry), entry.migration) for entry in accounts.entries if entry.old is not None}


def pair_of(entry: Account) -> Pair:
    """Return the migration of an account that has an old provider."""
    return Pair(entry.name, (entry.old or entry).place, entry.place)


class Migrations:
    """The migrations of one process. Without an account that has an old provider it does nothing."""

    def __init__(self, store: Store, accounts: Accounts, meter: Meter, clock: Callable[[], float] = time.time) -> None:
        self._store, self._meter, self._clock = store, meter, clock
        self._moving = pairs(accounts)
        self._known: dict[Pair, MigrationStage] = {}
        self._counts = SendCounts(clock)
        self._said: tuple[float, dict[Pair, int]] = (0.0, {})
        self.replica = f"{socket.gethostname()[:20]}:{os.getpid()}"

    def change(self, accounts: Accounts) -> None:
        """Use the accounts of another configuration."""
        self._moving = pairs(accounts)

    def counted(self, journal: JournalPort) -> JournalPort:
        """Return the journal that requests write to. It counts the sends of the accounts that migrate."""
        if not self._moving:
            return journal
        found = {name: pair for name, (pair, _) in self._moving.items()}
        return CountedJournal(journal, found, self._counts, self._meter)

    def stage(self, want: MigrationState) -> MigrationStage:
        """Return the present stage of an account. It is not known before the store was read for the first time."""
        moving = self._moving.get(want.account)
        state = self._known.get(moving[0], UNREAD) if moving is not None else UNREAD
        return at_cut_over(want.rules, state, self._clock() + state.ahead)

    async def prepare(self, accounts: Accounts) -> None:
        """Read the stages of these accounts before the first request. Raises StoreUnavailable."""
        if moving := pairs(accounts):
            await self._begin(moving, await self._read(moving))

    async def round(self) -> bool:
        """Write the counts, read the stages, and do what is due. Raises StoreUnavailable."""
        moving = self._moving
        if not moving:
            return False
        await self._write_counts()
        there = await self._begin(moving, await self._read(moving))
        if sum([await self._is_changed(pair, rules, there) for pair, rules in moving.values()]):
            there = await self._read(moving)
        await self._say(there)
        return False

    async def _read(self, moving: dict[str, tuple[Pair, MigrationRules]]) -> Present:
        now = self._clock()
        there = await self._store.read(partial(stages.present, pairs=[pair for pair, _ in moving.values()], now=now))
        for pair, stage in there.stages.items():
            self._learn(pair, msgspec.structs.replace(stage, ahead=there.now - now))
        return there

    def _learn(self, pair: Pair, stage: MigrationStage) -> None:
        before = self._known.get(pair)
        self._known[pair] = stage
        if before is None or before.generation != stage.generation:
            for name in STAGES:
                self._meter.show("migration_stage", float(name == stage.stage), pair.account, name)
            self._meter.show("migration_percent", stage.percent, pair.account)
            self._meter.show("migration_latched", float(stage.is_latched), pair.account)
            logger().info(
                "migration-stage", account=pair.account, stage=stage.stage, percent=stage.percent,
                latched=stage.is_latched or None, generation=stage.generation, by=stage.by,
            )  # fmt: skip

    async def _begin(self, moving: dict[str, tuple[Pair, MigrationRules]], there: Present) -> Present:
        """Write the first stage of each migration that the store does not have yet."""
        new = [(pair, rules) for pair, rules in moving.values() if pair not in there.stages]
        for pair, rules in new:
            await self._store.write(partial(stages.begin, pair=pair, rules=rules, now=self._clock()))
        return await self._read(moving) if new else there

    async def _is_changed(self, pair: Pair, rules: MigrationRules, there: Present) -> bool:
        """Write the cut-over or the stop of the guard, if one of them is due. True if the store has another stage now."""
        state = there.stages[pair]
        if at_cut_over(rules, state, there.now) is not state:
            return await self._write(pair, rules, state, "cut-over", lambda *_: None)
        guard = rules.guard
        if guard is None or state.is_latched or state.stage != "canary":
            return False
        begun = max(there.now - guard.window, state.decided)
        new = await self._store.read(partial(stage_counts.since, pair=pair, home="new", instant=begun))
        if not (why := stopped_by(guard, new)):
            return False
        logger().error(
            "migration-guard", account=pair.account, outcome=why, share=round(new.share(why), 4), sends=new.all
        )
        reason = f"of {new.all} sends at the new provider {new.share(why):.1%} were {why}"
        return await self._write(
            pair, rules, state, "guard", lambda now_, at: stopped(now_, Change("guard", reason, at))
        )  # fmt: skip

    async def _write(
        self, pair: Pair, rules: MigrationRules, state: MigrationStage, action: str,
        make: Callable[[MigrationStage, float], MigrationStage | None],
    ) -> bool:  # fmt: skip
        change = partial(
            stages.change, pair=pair, rules=rules, seen=state.generation, action=action, make=make, now=self._clock()
        )  # fmt: skip
        try:
            await self._store.write(change)
        except Overtaken:  # another replica, or a person, was first
            return True
        return True

    async def _write_counts(self) -> None:
        taken = self._counts.take()
        if not taken:
            return
        try:
            await self._store.write_behind(partial(stage_counts.add, counts=taken))
        except StoreUnavailable as error:
            if not error.is_unsure:
                self._counts.give_back(taken)
            raise

    async def _say(self, there: Present) -> None:
        """Record the generations that this process acts on, if they have changed, and every `_SAYS` seconds."""
        when, said = self._said
        acting = {pair: self._known[pair].generation for pair in there.stages}
        if acting == said and when <= there.now < when + _SAYS:
            return
        write = partial(stage_counts.say_generations, replica=self.replica, generations=acting, now=there.now)
        await self._store.write_behind(write)
        self._said = there.now, acting

    async def aclose(self) -> None:
        """Write the last counts, and take this replica off the list. Raises StoreUnavailable."""
        if self._moving:
            await self._write_counts()
            await self._store.write_behind(partial(stage_counts.leave, replica=self.replica))
