"""The commands of `sms-translator migrate`: they show and change the stage of an account beside a running `serve`."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from translator.core.accounts import Account, Accounts, by_shape
from translator.core.errors import ConfigError, FaultRaised
from translator.core.homes import retrieved
from translator.core.migration import (
    Change,
    Facts,
    Guard,
    MigrationStage,
    advanced,
    at_cut_over,
    begins,
    missing,
    next_step,
    reads,
    released,
    rolled_back,
    with_percent,
)
from translator.core.model import Notes
from translator.core.rendering import KINDS
from translator.shell.migration.migrations import pair_of
from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner, RequestContext
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.store import Store, pending, render_findings, sends, stage_counts, stages
from translator.shell.store.render_findings import CHECKED, Line
from translator.shell.wiring import Wiring

MOST: Final = 1000
"""The largest number of changes that are listed."""

_SHORT: Final = 0.2
"""Seconds between two looks at the replicas."""

_NOT_MADE: Final = ("refused", "sender")
_OPEN: Final = ("intent", "unknown")
_OWED: Final = ("waiting", "due")

_CHANGES: Final[Mapping[str, Callable[[MigrationStage, Change], MigrationStage]]] = {
    "advance": advanced,
    "rollback": rolled_back,
    "release-guard": released,
}


class Seen(NamedTuple):
    """A migration as the store has it: the row, the stage with a cut-over whose date has passed, and the time of the store."""

    row: MigrationStage
    stage: MigrationStage
    now: float


def find(accounts: Accounts, name: str, file: str) -> Account:
    """Return the account that is meant: by its name, by its account SID at the front, or the only one that migrates. Raises ConfigError."""
    where = f"{file}, [[accounts]]"
    moving = [entry for entry in accounts.entries if entry.old is not None]
    found = [entry for entry in moving if not name or name in (entry.name, entry.name.rstrip("/"), entry.front.account)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(entry.name for entry in found or moving)
    if not moving:
        raise ConfigError(where, "has no account with an old provider: give the account that moves the key old")
    if not found:
        raise ConfigError(where, f"has no account {name} with an old provider; there are {names}")
    raise ConfigError(where, f"has several accounts with an old provider: name one with --account; there are {names}")


async def see(store: Store, entry: Account) -> Seen:
    """Return the present stage of an account."""
    pair, rules, now = pair_of(entry), entry.migration, time.time()
    there = await store.read(partial(stages.present, pairs=[pair], now=now))
    row = there.stages.get(pair) or begins(rules, pair.salt)
    row = msgspec.structs.replace(row, ahead=there.now - now)
    return Seen(row, at_cut_over(rules, row, there.now), there.now)


async def facts(store: Store, entry: Account, seen: Seen, lines: Sequence[Line]) -> Facts:
    """Return the facts of a migration that the next step depends on. `lines` are the findings of the stage `render`."""
    pair, rules = pair_of(entry), entry.migration
    begun = max(seen.now - (rules.guard or Guard()).window, seen.stage.decided)
    new = await store.read(partial(stage_counts.since, pair=pair, home="new", instant=begun))
    at_old = [
        one
        for one in await store.read(pending.pending)
        if (one.account, one.provider_account) == (pair.account, pair.old)
    ]
    late = await store.read(partial(stage_counts.behind, pair=pair, generation=seen.row.generation, now=seen.now))
    return Facts(
        new,
        sum(one.number for one in at_old if one.state in _OPEN),
        sum(one.number for one in at_old if one.state in _OWED),
        late,
        sum(line.number for line in lines if line.kind == CHECKED),
        sum(line.number for line in lines if line.kind in _NOT_MADE),
    )


async def status(store: Store, entry: Account) -> dict[str, Any]:
    """Return the stage of an account, its next step and the evidence that is missing for it."""
    seen = await see(store, entry)
    pair, stage, rules = pair_of(entry), seen.stage, entry.migration
    lines = await store.read(partial(render_findings.of, pair=pair))
    known = await facts(store, entry, seen, lines)
    return {
        "account": entry.name,
        "old": pair.old,
        "new": pair.new,
        "stage": stage.stage,
        "percent": stage.percent,
        "generation": stage.generation,
        "since": _written(stage.since),
        "by": stage.by,
        "reason": stage.reason,
        "latched": stage.is_latched,
        "reads": reads(rules, stage, seen.now - stage.ahead),
        "cut_over": _written(rules.cut_over or 0.0),
        "sends_at_new": msgspec.structs.asdict(known.new),
        "replicas_behind": list(known.behind),
        "rendered": {line.row: line.number for line in lines if line.kind == CHECKED},
        "findings": [
            {
                "kind": line.kind,
                "row": line.row,
                "number": line.number,
                "means": KINDS[line.kind],
                "first": _written(line.first),
                "last": _written(line.last),
            }
            for line in lines
            if line.kind in KINDS
        ],
        "next": list(next_step(stage)),
        "missing": missing(rules, stage, known, seen.now),
        "notes": _notes(entry, seen),
    }


def _notes(entry: Account, seen: Seen) -> list[str]:
    """Return what a person may not expect."""
    rules, stage, found = entry.migration, seen.stage, []
    if rules.cut_over is not None and stage.stage in ("old", "render", "canary"):
        if stage.is_held:
            found.append("a rollback holds the cut-over: its date has no effect before the next advance")
        elif stage.is_latched:
            found.append("the guard holds the cut-over: its date has no effect")
        elif rules.cut_over <= seen.now:
            found.append(
                "the date of the cut-over has passed, and a person has changed the stage since: it has no effect"
            )
    if rules.salt and rules.salt != stage.salt:
        found.append("the salt of the configuration is not used: the migration began with another one")
    if not seen.row.generation:
        found.append("the store has no stage yet: serve writes the one of the configuration when it starts")
    return found


async def change(
    store: Store, entry: Account, action: str, by: str, reason: str, percent: float | None = None
) -> MigrationStage:
    """Change the stage of an account, and return the new one. Raises NotAllowed, and Overtaken if another change was first."""
    pair, rules = pair_of(entry), entry.migration
    seen = await see(store, entry)

    def make(stage: MigrationStage, now: float) -> MigrationStage:
        made = Change(by, reason, now)
        return with_percent(stage, percent, made) if percent is not None else _CHANGES[action](stage, made)

    changing = partial(
        stages.change, pair=pair, rules=rules, seen=seen.row.generation, action=action, make=make, now=time.time()
    )  # fmt: skip
    after = await store.write(changing)
    return after or seen.stage


async def waited(store: Store, entry: Account, most: float) -> tuple[str, ...]:
    """Wait until all replicas that run act on the present generation, for `most` seconds at most. Return those that do not."""
    pair, end = pair_of(entry), time.monotonic() + most
    while True:
        generation = (await see(store, entry)).row.generation
        late = await store.read(partial(stage_counts.behind, pair=pair, generation=generation, now=time.time()))
        if not late or time.monotonic() >= end:
            return late
        await asyncio.sleep(_SHORT)


async def history(store: Store, entry: Account) -> list[dict[str, Any]]:
    """Return the changes of an account's stage, the oldest first."""
    rows = await store.read(partial(stages.history, account=entry.name, most=MOST))
    return [
        {
            "at": _written(row["made"]),
            "generation": row["generation"],
            "action": row["action"],
            "stage": row["stage"],
            "percent": row["percent"],
            "latched": bool(row["latched"]),
            "by": row["author"],
            "reason": row["reason"],
            "old": row["old"],
            "new": row["new"],
        }
        for row in rows
    ]


async def where(store: Store, assembly: Wiring, entry: Account, shown: str) -> dict[str, Any] | None:
    """Return the home of a message by its SID in front form, and how it was found. That is by shape, else by the journal, else by asking.
    None if no provider has it, or if that is no SID. Raises FaultRaised and MalformedProviderResponse if a provider fails."""
    try:
        sid = entry.front.dialect.front.read_sid(shown)
    except FaultRaised:
        return None
    home, found = by_shape(entry.homes, sid), "shape"
    if home is None:
        home, found = await _recorded(store, entry, sid), "journal"
    if home is None:
        home, found = await _asked(assembly, entry, sid), "ask"
    if home is None:
        return None
    return {"sid": shown, "home": "new" if home is entry else "old", "place": home.place, "found": found}


async def _recorded(store: Store, entry: Account, sid: str) -> Account | None:
    for home in entry.homes:
        if await store.read(partial(sends.messages_of, place=home.place, sids=[sid])):
            return home
    return None


async def _asked(assembly: Wiring, entry: Account, sid: str) -> Account | None:
    """Return the home that shows a message. It costs a read request at each provider at most."""
    backs = {home.back.name: assembly.reaches[home.back.name].upstream() for home in entry.homes}
    runner = EffectRunner(backs, SingleFlightCache(), Meter())
    try:
        steps = retrieved(entry, entry.homes, sid, assembly.limits, time.time(), Notes())
        found = await runner.run(RequestContext("where"), steps)
    finally:
        await runner.aclose()
    return None if found is None else found[0]


def is_refused(error: FaultRaised) -> bool:
    """True if a provider does not accept the configured credentials."""
    return error.fault.name == "back-refused-us"


def _written(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds") if instant else ""
