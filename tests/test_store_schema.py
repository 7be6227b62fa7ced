"""The tables: the index that each query uses among many rows, and the migration of a store that an older release has written."""

import asyncio
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import Connection, inspect, text

from tests.stores import emptied, opened, plans_of
from tests.test_store import ENTRY, HOOK, NOW, PLACE, SENT, intent, looked, recorded, sent, settled, take, watched
from translator.core.effects import Outcome
from translator.core.errors import ConfigError
from translator.shell.store import Store, schema_5, sends, subscriptions, unknown_sends
from translator.shell.store.migrations import VERSION, migrate
from translator.shell.store.migrations_to_5 import BEHIND
from translator.shell.store.retention import Keep, Over, Retirement
from translator.shell.store.rows import SendRow
from translator.shell.store.sends import Begun, Times
from translator.shell.store.sqlite import database
from translator.shell.store.states import SendState

FIRST = """
CREATE TABLE sends (
    id VARCHAR(32) NOT NULL, entry TEXT NOT NULL, place TEXT NOT NULL, state VARCHAR(12) NOT NULL, made FLOAT NOT NULL,
    sender TEXT NOT NULL, recipient TEXT NOT NULL, text TEXT NOT NULL, same VARCHAR(64) NOT NULL, key TEXT, content TEXT, sid TEXT,
    message {blob}, fault {blob}, look_at FLOAT, looks INTEGER NOT NULL, doubted FLOAT, settled FLOAT, resent FLOAT,
    leased FLOAT NOT NULL, attempt INTEGER NOT NULL,
    PRIMARY KEY (id), CONSTRAINT sends_key UNIQUE (entry, key), CONSTRAINT sends_sid UNIQUE (place, sid)
);
CREATE INDEX sends_settled ON sends (settled);
CREATE INDEX sends_look ON sends (look_at);
CREATE INDEX sends_same ON sends (same, state);
CREATE TABLE watches (
    id {serial} NOT NULL, send VARCHAR(32) NOT NULL, entry TEXT NOT NULL, address TEXT NOT NULL, method VARCHAR(4) NOT NULL,
    told TEXT NOT NULL, look_at FLOAT, looks INTEGER NOT NULL, over FLOAT, leased FLOAT NOT NULL, attempt INTEGER NOT NULL,
    PRIMARY KEY (id), CONSTRAINT watches_once UNIQUE (send, address, method)
);
CREATE INDEX watches_over ON watches (over);
CREATE INDEX watches_look ON watches (look_at);
CREATE TABLE events (
    id {serial} NOT NULL, watch BIGINT NOT NULL, entry TEXT NOT NULL, position INTEGER NOT NULL, name VARCHAR(16) NOT NULL,
    method VARCHAR(4) NOT NULL, address TEXT NOT NULL, form TEXT NOT NULL, destination TEXT NOT NULL, state VARCHAR(9) NOT NULL,
    made FLOAT NOT NULL, due_at FLOAT NOT NULL, tries INTEGER NOT NULL, why TEXT NOT NULL, finished FLOAT, leased FLOAT NOT NULL,
    attempt INTEGER NOT NULL, PRIMARY KEY (id), CONSTRAINT events_once UNIQUE (watch, name)
);
CREATE INDEX events_due ON events (state, destination, due_at);
CREATE INDEX events_finished ON events (finished);
CREATE TABLE store (version INTEGER NOT NULL);
INSERT INTO store (version) VALUES (1);
INSERT INTO sends (id, entry, place, state, made, sender, recipient, text, same, key, sid, message, look_at, looks, doubted, settled,
    leased, attempt)
VALUES
    ('done', 'restcomm/AC1/', '{place}', 'sent', {now}, '+15550001', '+15550002', 'hello', 'x', 'k', 'M1',
        {message}, NULL, 0, NULL, {now}, 0, 0),
    ('doubtful', 'restcomm/AC1/', '{place}', 'unknown', {now}, '+15550001', '+15550002', 'hello', 'y', NULL, NULL, NULL, {now}, 2,
        {now}, NULL, 0, 3);
INSERT INTO watches (send, entry, address, method, told, look_at, looks, leased, attempt)
VALUES ('done', 'restcomm/AC1/', 'http://a.example/x', 'POST', 'sent', {now}, 1, 0, 1);
INSERT INTO events (watch, entry, position, name, method, address, form, destination, state, made, due_at, tries, why, leased, attempt)
VALUES (1, 'restcomm/AC1/', 0, 'sent', 'POST', 'http://a.example/x', 'a=b', 'a.example:80', 'due', {now}, {now}, 0, '', 0, 0);
"""
"""The tables and rows that the first release wrote."""


async def written_by_the_first(url: str, more: str = "") -> None:
    """Write a store of the first release: an answered send with a subscription, an unknown one, and `more`."""
    message, values = msgspec.json.encode(SENT).hex(), {"place": PLACE, "now": NOW}
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript(FIRST.format(blob="BLOB", serial="INTEGER", message=f"X'{message}'", **values) + more)
        connection.close()
        return
    import asyncpg  # type: ignore[import-untyped]

    first = await asyncpg.connect(url)
    await first.execute(
        FIRST.format(blob="BYTEA", serial="BIGSERIAL", message=rf"'\x{message}'::bytea", **values) + more
    )
    await first.close()


TABLES = ("sends", "callback_subscriptions", "callback_deliveries", "destinations")


def shape(connection: Connection) -> Any:
    """The tables as a database shows them: columns and constraints, and the statements of the indexes."""
    look = inspect(connection)
    columns = {
        table: [
            *map(str, look.get_columns(table)),
            look.get_pk_constraint(table)["constrained_columns"],
            *(one["column_names"] for one in look.get_unique_constraints(table)),
        ]
        for table in TABLES
    }
    made = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'index'",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    return columns, sorted(filter(None, connection.execute(text(made[connection.dialect.name])).scalars()))


@pytest.fixture(params=["sqlite", "postgres"])
def file_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that outlives the process, empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'translator.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


def test_store_of_the_first_release_is_migrated_and_keeps_its_rows(file_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        known = await recorded(store, "again", intent(key="k"))
        [doubtful] = await store.write(partial(unknown_sends.take_unknown, most=9, now=NOW, lease=60.0))
        claimed = await store.write(partial(unknown_sends.found, row=doubtful, message=SENT, now=NOW))
        [watch] = await watched(store)
        [call] = await take(store)
        return [known.outcome, doubtful.id, claimed, watch.sid, call.payload, await store.read(shape)]

    async def main() -> None:
        await written_by_the_first(file_url)
        async with opened(file_url) as store:
            *kept, migrated = await work(store)
        assert kept == [sent("done"), "doubtful", False, "M1", "a=b"]
        if file_url.startswith("sqlite"):
            today = f"{file_url}.today"
        else:
            await emptied(file_url)
            today = file_url
        for _ in range(2):
            async with opened(today) as store:
                assert migrated == await store.read(shape)

    asyncio.run(main())


MORE: Final = """
INSERT INTO events (watch, entry, position, name, method, address, form, destination, state, made, due_at, finished, tries, why, leased,
    attempt)
VALUES
    (1, 'restcomm/AC1/', 1, 'delivered', 'POST', 'http://a.example/x', 'a=c', 'a.example:80', 'due', 1, 50, NULL, 0, '', 0, 0),
    (2, 'restcomm/AC1/', 0, 'sent', 'POST', 'http://a.example/x', 'a=d', 'b.example:80', 'dead', 1, 60, 2, 9, '', 0, 9),
    (2, 'restcomm/AC1/', 1, 'delivered', 'POST', 'http://a.example/x', 'a=e', 'b.example:80', 'due', 1, 60, NULL, 0, '', 0, 0),
    (3, 'restcomm/AC2/', 0, 'sent', 'POST', 'http://a.example/x', 'a=f', 'b.example:80', 'due', 1, 60, NULL, 0, '', 90, 1),
    (3, 'restcomm/AC2/', 1, 'delivered', 'POST', 'http://a.example/x', 'a=g', 'b.example:80', 'delivered', 1, 60, 3, 1, '', 0, 1);
"""
"""Deliveries in every state: behind an earlier one that is due, behind one that is dead, and leased."""


def test_what_an_older_release_owed_is_due_in_order_and_once(file_url: str) -> None:
    async def main() -> list[Any]:
        await written_by_the_first(file_url, MORE)
        async with opened(file_url) as store:
            due = "SELECT subscription_id, position, due_at FROM callback_deliveries ORDER BY subscription_id, position"
            where = "SELECT account, destination, due_at FROM destinations ORDER BY account, destination"
            return [await store.read(lambda found, one=one: found.execute(text(one)).all()) for one in (due, where)]  # type: ignore[misc]

    due, where = asyncio.run(main())
    assert due == [(1, 0, NOW), (1, 1, None), (2, 0, None), (2, 1, 60.0), (3, 0, 90.0), (3, 1, None)]
    assert where == [
        ("restcomm/AC1/", "a.example:80", NOW), ("restcomm/AC1/", "b.example:80", 60.0), ("restcomm/AC2/", "b.example:80", 90.0),
    ]  # fmt: skip


def test_only_serve_brings_an_older_store_up_to_date(file_url: str) -> None:
    """The command line runs beside a `serve`, which may be one of the older release."""

    async def main() -> Any:
        await written_by_the_first(file_url)
        with pytest.raises(
            ConfigError, match=f"older release: its version is 1, ours is {VERSION}; serve brings it up to date"
        ):
            async with opened(file_url, alone=False):
                pass
        async with opened(file_url) as store, opened(file_url, alone=False) as beside:
            read = beside.read(lambda connection: connection.execute(text("SELECT version FROM store")).scalar_one())
            return await read, store.shared

    assert asyncio.run(main())[0] == VERSION


def test_who_is_behind_whom_is_found_by_one_reading_of_what_is_owed(postgres_url: str) -> None:
    """The search for an earlier delivery of each one uses any index there is. That may be the index of all that is due."""

    def plan(connection: Connection) -> str:
        schema_5.events.create(connection)
        statement = BEHIND.compile(connection, compile_kwargs={"literal_binds": True})
        said = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}").scalars())
        schema_5.events.drop(connection)
        return said

    async def main() -> str:
        await emptied(postgres_url)
        async with opened(postgres_url) as store:
            return await store.read(plan)

    said = asyncio.run(main())
    assert "GroupAggregate" in said or "HashAggregate" in said
    assert "SubPlan" not in said


def test_an_index_holds_only_what_is_looked_for_wherever_the_store_is(file_url: str) -> None:
    async def main() -> list[str]:
        if not file_url.startswith("sqlite"):
            await emptied(file_url)
        async with opened(file_url) as store:
            _, made = await store.read(shape)
        return [words.split()[words.split().index("INDEX") + 1] for words in made if " WHERE " in words]

    assert sorted(asyncio.run(main())) == [
        "callback_deliveries_due", "callback_deliveries_finished_at", "callback_deliveries_open",
        "callback_subscriptions_completed_at", "callback_subscriptions_next_check_at", "callback_subscriptions_provider_account",
        "callback_subscriptions_unsent", "callback_subscriptions_waiting", "sends_idempotency_key", "sends_sid", "sends_unfinished",
        "sends_unknown",
    ]  # fmt: skip


def everything(connection: Connection) -> None:
    """All statements on sends and subscriptions, of requests and of the background workers."""
    row = SendRow(
        "1", ENTRY, PLACE, SendState.UNKNOWN, NOW, "+1", "+2", "hello", "x", None, None, None, None, None, NOW, 0, NOW, None, None, 0.0, 1
    )  # fmt: skip
    unknown_sends.due(connection, {"busy"}, NOW - 5.0, 10, NOW, 60.0)
    unknown_sends.take_unknown(connection, 10, NOW, 60.0, ["1", "2"])
    unknown_sends.difference(connection, PLACE, NOW)
    unknown_sends.open_at(connection, PLACE, {("+15550002", "hello")})
    unknown_sends.judge(connection, [(row, SENT)], [(row._replace(id="2"), NOW), (row._replace(id="3"), None)], NOW)
    unknown_sends.begin_resend(connection, row, NOW, 60.0)
    unknown_sends.claimed(connection, PLACE, ["M1", "M2"])
    sends.is_any_unknown(connection)
    sends.counted(connection)
    sends.listed(connection, (SendState.UNKNOWN, SendState.UNRESOLVED), 10)
    for key in ("", "k"):
        sends.record(connection, [Begun(f"1{key}", PLACE, intent(wish=HOOK, key=key))], Times(NOW, 60.0, 120.0))
    sends.settle(connection, [sent("1"), Outcome("1k", "unknown"), Outcome("2", "never-left")], NOW)
    sends.record(connection, [Begun("3", PLACE, intent())], Times(NOW, 60.0, 120.0))
    subscriptions.open_places(connection)
    subscriptions.held_from(connection, PLACE, (0.0, 0), 10)
    subscriptions.new_between(connection, PLACE, NOW - 5, NOW, 10)
    subscriptions.held_by_ids(connection, [1, 2])
    subscriptions.take(connection, [1, 2], NOW, 60.0)
    for one in subscriptions.taken(connection, [1, 2]):
        subscriptions.record_results(connection, [looked(one, [], NOW + 5)], NOW)
        subscriptions.release(connection, {one.id: one.fencing_token})
    subscriptions.check_now(connection, "1", NOW)
    retirement = Retirement(Keep(1.0, 1.0), lambda _: False)
    retirement.find(connection, 10, NOW + 2)
    retirement.find(connection, 10, NOW + 2)  # from the marks on
    retirement.delete(connection, Over([1, 2], [1, 2], ["1", "2"], [1]), NOW + 2)


def test_no_query_of_every_day_goes_through_all_sends_or_all_who_wait(tmp_path: Path) -> None:
    with database(tmp_path / "translator.db").connect() as connection, connection.begin():
        migrate(connection, "")
        plans = plans_of(connection, everything)
    steps = {step: statement for statement, plan in plans.items() for step in plan}
    assert len(plans) > 20
    walked = {
        step: one for step, one in steps.items() if step.startswith(("SCAN sends", "SCAN callback_subscriptions"))
    }
    assert set(walked) == {
        "SCAN sends USING INDEX sends_unknown",  # the query needs one row, and ends at the first
        "SCAN sends USING COVERING INDEX sends_unfinished",  # the counts
    }
    assert "SEARCH sends USING INDEX sends_unfinished (state=? AND content_hash=?)" in steps, (
        "an equal one that is unknown"
    )
    index = "INDEX callback_subscriptions_provider_account (provider_account"
    due = f"SEARCH callback_subscriptions USING {index}=? AND next_check_at"
    assert any(step.startswith(due) for step in steps), steps.keys()
    assert any(step.startswith(f"SEARCH s USING COVERING {index}>?)") for step in steps), steps.keys()
    assert "SEARCH sends USING INDEX sends_unknown (next_check_at<?)" in steps, "what is looked for now"
    near = "SEARCH sends USING INDEX sends_created_at (created_at>? AND created_at<?)"
    assert near in steps, "what was answered about that time"


def test_no_statement_of_a_send_is_planned_anew_for_other_values(tmp_path: Path) -> None:
    planned: list[Any] = []

    def asked(*what: Any) -> int:
        """SQLite asks for permission of each step whenever it makes a plan."""
        planned.append(what)
        return sqlite3.SQLITE_OK

    with database(tmp_path / "translator.db").connect() as connection, connection.begin():
        migrate(connection, "")
        raw: Any = connection.connection.driver_connection
        raw.set_authorizer(asked)
        for id_ in ("1", "2", "3"):
            planned.clear()
            sends.record(connection, [Begun(id_, PLACE, intent(id_, wish=HOOK))], Times(NOW, 60.0, 120.0))
            sends.mark_sent(connection, id_, msgspec.structs.replace(SENT, sid=id_), NOW)
        assert planned == []


def test_well_answered_send_is_in_no_index_of_unfinished_work(tmp_path: Path) -> None:
    async def main() -> list[Any]:
        async with opened(f"sqlite:///{tmp_path / 'translator.db'}") as store:
            await recorded(store, "1", intent())
            await settled(store, sent("1"))
            await store.write(lambda connection: connection.execute(text("ANALYZE")))
            rows = await store.read(
                lambda connection: connection.execute(text("SELECT idx, stat FROM sqlite_stat1")).all()
            )
            return sorted(name for name, stat in rows if name and stat.startswith("1 "))

    assert asyncio.run(main()) == ["sends_created_at", "sends_sid", "sqlite_autoindex_sends_1"]
