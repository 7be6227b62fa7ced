"""A store that the release before has written, with work in progress, is served by this one to the end.

`data/store_5` has the tables of version 5 in the words of that release, and its rows. A proxy of that release wrote them before a
simulated provider: sends in progress, unknown and unresolved ones, idempotency keys, deliveries in every state, a lease, and a
destination whose circuit breaker is open. Then it died.
"""

import asyncio
import re
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text

from tests.kept import Kept
from tests.stores import emptied, opened
from tests.test_store_schema import file_url, shape
from translator.core.accounts import Accounts
from translator.core.errors import ConfigError
from translator.shell.operations.store_admin import list_pending
from translator.shell.store import Store, deliveries, migrations, sends
from translator.shell.store.states import SendState

__all__ = ["file_url"]

DATA: Final = Path(__file__).parent / "data" / "store_5"
DIED: Final = 1_790_179_023.0
"""The time at which that process died."""

AT_THE_PROVIDER: Final = {
    "delivered": 1_790_000_000, "dead": 1_790_000_071, "unresolved": 1_790_178_942, "due": 1_790_178_942, "keyed": 1_790_179_013,
    "leased": 1_790_179_013, "waiting": 1_790_179_023, "unknown": 1_790_179_023,
}  # fmt: skip
"""The texts of the messages that the provider has accepted, in order, and their times. The send in progress had not reached it."""


def read(name: str) -> str:
    return (DATA / name).read_text("utf-8")


async def write_version_5(url: str) -> None:
    """Write the store of the release before into an empty database."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript(read("sqlite.sql") + read("rows.sql"))
        connection.close()
        return
    import asyncpg  # type: ignore[import-untyped]

    tables = ("sends", "watches", "events", "destinations", "store", "trials")
    rows = re.sub(r"X'([0-9a-f]*)'", r"'\\x\1'::bytea", read("rows.sql"))
    numbers = "SELECT setval('watches_id_seq', 8); SELECT setval('events_id_seq', 8);"
    first = await asyncpg.connect(url)
    await first.execute("".join(f"DROP TABLE IF EXISTS {table};" for table in tables))
    await first.execute(read("postgresql.sql") + rows + numbers)
    await first.close()


async def upgraded(url: str, work: Any) -> Any:
    if not url.startswith("sqlite"):
        await emptied(url)
    await write_version_5(url)
    try:
        async with opened(url) as store:
            return await work(store)
    finally:
        if not url.startswith("sqlite"):
            await emptied(url)


def begin(store: Store) -> Kept:
    """The proxy of this release, before the provider that has the messages of the one before."""
    world = Kept(store, "restcomm")
    for said, when in AT_THE_PROVIDER.items():
        world.clock.advance(when - world.clock())
        world.provider.another(said)
    world.clock.advance(DIED - world.clock())
    return world


def test_what_was_pending_before_the_upgrade_is_pending_after_it(file_url: str) -> None:
    async def work(store: Store) -> Any:
        return await list_pending(store, Accounts([]), DIED)

    [row] = asyncio.run(upgraded(file_url, work))
    assert {name: row[name] for name in ("waiting", "due", "dead", "intent", "unknown", "unresolved")} == {
        "waiting": 1, "due": 5, "dead": 1, "intent": 1, "unknown": 1, "unresolved": 1,
    }  # fmt: skip
    assert (row["account"], row["provider_account"]) == ("restcomm/AC1/", "provider/A1/P1")
    assert row["oldest_seconds"] == DIED - 1_790_000_082


def test_everything_in_progress_is_served_after_the_upgrade(file_url: str) -> None:
    """Unknown sends are reconciled and their callbacks delivered, deliveries go on in order, and keys replay their outcomes.
    The send in progress becomes unknown. The provider does not have it, so it is still searched for."""

    async def work(store: Store) -> Any:
        world = begin(store)
        await world.recover()
        replays = [
            (await world.send("keyed", hook="", key="k1"))[0],
            (await world.send("refused", hook="", key="k2"))[0],
        ]
        sent = len(world.provider.texts)
        for seconds in (1, 10, 60, 300, 600, 3600, 7200, 86400):
            await world.work_off(seconds)
        told: dict[str, list[str]] = {}
        for one in world.application.told:
            told.setdefault(one["Body"], []).append(one["MessageStatus"])
        rows = await store.read(partial(sends.listed, states=tuple(SendState), most=99))
        paused = await store.read(deliveries.paused)
        [left] = await list_pending(store, Accounts([]), world.clock())
        return replays, sent, told, {row.text: row.state for row in rows}, paused, left

    replays, sent, told, states, paused, left = asyncio.run(upgraded(file_url, work))
    assert replays == [200, 400], "and not another message"
    assert sent == len(AT_THE_PROVIDER)
    both = ["sent", "delivered"]
    assert told == {"dead": ["delivered"], "due": both, "leased": both, "waiting": both, "unknown": both}
    assert states == {
        "delivered": "sent", "dead": "sent", "unresolved": "unresolved", "due": "sent", "keyed": "sent", "refused": "refused",
        "leased": "sent", "waiting": "sent", "unknown": "sent", "intent": "unknown",
    }  # fmt: skip
    assert paused == 0
    assert (left["waiting"], left["due"], left["dead"], left["unknown"], left["intent"]) == (0, 0, 1, 1, 0)


def test_new_rows_of_an_upgraded_store_get_new_ids(file_url: str) -> None:
    async def work(store: Store) -> Any:
        world = begin(store)
        status, _ = await world.send("new")
        ids = "SELECT id FROM callback_subscriptions ORDER BY id"
        found = await store.read(lambda connection: connection.execute(text(ids)).scalars().all())
        return status, list(found)

    assert asyncio.run(upgraded(file_url, work)) == (200, [1, 2, 3, 4, 5, 6, 7, 8, 9])


def test_an_upgraded_store_has_the_tables_of_a_new_one(file_url: str) -> None:
    async def main() -> None:
        found = await upgraded(file_url, lambda store: store.read(shape))
        async with opened(f"{file_url}.new" if file_url.startswith("sqlite") else file_url) as store:
            assert found == await store.read(shape)

    asyncio.run(main())


def test_a_release_before_refuses_the_upgraded_store(file_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at the version before it changes anything."""

    async def main() -> Any:
        async with opened(file_url):
            pass
        monkeypatch.setattr(migrations, "VERSION", migrations.VERSION - 1)
        with pytest.raises(ConfigError, match="was written by a newer release: its version is 7, ours is 6"):
            async with opened(file_url):
                pass

    asyncio.run(main())
