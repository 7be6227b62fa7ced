"""Retention: the rows that it deletes, in which steps, and by which plans. No send waits for it, and no due callback is forgotten."""

import asyncio
import os
import re
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from tests.stores import on, opened, plans_of
from tests.test_store import ENTRY, HOOK, NOW, PLACE, intent, owing, recorded, retired, sent, settle_one, settled, take
from translator.shell.delivery.worker import Pace, _count, retiring
from translator.shell.observability.admin import Meter
from translator.shell.store import Store, delivery_admin, pending, sends, subscriptions
from translator.shell.store.checkpoints import LARGEST
from translator.shell.store.retention import AGAIN, Keep, Over, Retirement
from translator.shell.store.states import DeliveryState, SendState

KEEP = Keep(dead=1000.0, done=100.0, poll_end=1000.0)
MANY = 20_000


@pytest.fixture(params=["sqlite", "postgres"])
def file_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that outlives the process, empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'translator.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


def fill(connection: Connection) -> None:
    """Many finished sends. Every other one has a subscription, and every delivery is over. A few are not finished."""
    # ruff: noqa: S608 - numbers and names of ours
    series = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
    for statement in (
        f"""INSERT INTO sends (id, account, provider_account, state, created_at, sender, recipient, text, content_hash, sid, settled_at,
        checks, leased_until, fencing_token)
        {series} SELECT 'f' || (1000000 + i), '{ENTRY}', '{PLACE}', CASE WHEN i % 1000 = 0 THEN 'unresolved' ELSE 'sent' END,
        {NOW} + i * 0.001, '+1', '+2', 'hello', 'x' || i,
        CASE WHEN i % 1000 = 0 THEN NULL ELSE 'M' || i END, {NOW} + i * 0.001, 0, 0, 0 FROM n""",
        f"""INSERT INTO callback_subscriptions (id, send_id, account, url, method, notified, next_check_at, checks, completed_at,
        leased_until, fencing_token)
        {series} SELECT i, 'f' || (1000000 + i * 2), '{ENTRY}', 'http://a.example', 'POST', '',
        CASE WHEN i % 100 = 0 THEN {NOW} + i END, 0, CASE WHEN i % 100 <> 0 THEN {NOW} + i * 0.001 END, 0, 0
        FROM n WHERE i <= {MANY // 2}""",
        f"""INSERT INTO callback_deliveries (id, subscription_id, account, position, event, method, url, payload, destination, state,
        created_at, due_at, attempts, last_error, finished_at, leased_until, fencing_token)
        {series} SELECT i, i, '{ENTRY}', 0, 'sent', 'POST', 'http://a.example', '', 'a.example:80',
        CASE i % 50 WHEN 0 THEN 'due' WHEN 1 THEN 'dead' ELSE 'delivered' END, {NOW}, {NOW} + 9999, 0, '',
        CASE WHEN i % 50 <> 0 THEN {NOW} + i * 0.001 END, 0, 0 FROM n WHERE i <= {MANY // 4}""",
    ):
        connection.execute(text(statement))


def every_statement(connection: Connection, now: float) -> None:
    """All statements of retention and counting, with real ids, and those of the operator's commands."""
    retirement = Retirement(KEEP, lambda _: False)
    for _ in range(2):  # the second time from the marks on
        over = retirement.find(connection, 20, now)
        assert over.deliveries and over.sends
        retirement.delete(connection, over, now)
    retirement.delete(connection, Over((), (1,), (), (100,)), now)
    sends.counted(connection)
    delivery_admin.counted(connection)
    pending.waits(connection)
    pending.oldest_unknown(connection)


def walked_sqlite(connection: Connection) -> set[str]:
    """Steps that go through a table, or through an index from end to end."""
    asked = plans_of(connection, lambda it: every_statement(it, NOW + 2000))
    assert len(asked) > 15
    plans = {step for plan in asked.values() for step in plan}
    assert any("callback_deliveries_finished_at (state=? AND finished_at>" in step for step in plans), (
        "what is over is found by when it was"
    )
    return {step for step in plans if "SCAN" in step and "json_each" not in step}


def walked_postgres(connection: Connection) -> set[str]:
    """The same on PostgreSQL."""
    asked: list[tuple[str, Any]] = []
    listening = lambda c, cursor, statement, parameters, context, many: asked.append((statement, parameters))  # noqa: E731
    event.listen(connection, "before_cursor_execute", listening)
    every_statement(connection, NOW + 2000)
    event.remove(connection, "before_cursor_execute", listening)
    assert len(asked) > 15
    found: set[str] = set()
    for statement, parameters in asked:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
            scans, by = plan.count(" Scan"), plan.count("Index Cond") + plan.count("Bitmap Heap Scan")
            if "Seq Scan" in plan or (
                scans > by and not re.search("(sends_unfinished|callback_subscriptions_waiting|sends_unknown)", plan)
            ):
                found.add(plan)
    return found


@pytest.mark.parametrize("analyzed", [False, True])
def test_no_statement_of_retention_goes_through_a_table(file_url: str, analyzed: bool) -> None:
    async def work(store: Store) -> set[str]:
        await store.write(fill)
        if analyzed:
            await store.write(lambda connection: connection.execute(text("ANALYZE")))
        walked: Callable[[Connection], set[str]] = walked_sqlite if file_url.startswith("sqlite") else walked_postgres
        return await store.write(walked)

    # These plans count the rows of an index that holds only unfinished rows.
    counted = {
        "SCAN sends USING COVERING INDEX sends_unfinished", "SCAN sends USING INDEX sends_unfinished",
        "SCAN callback_subscriptions USING COVERING INDEX callback_subscriptions_waiting",
        "SCAN callback_subscriptions USING INDEX callback_subscriptions_waiting",
    }  # fmt: skip
    assert on(file_url, work) <= counted


def test_finished_row_is_examined_once_and_a_staying_one_not_each_time(tmp_path: Path) -> None:
    rows: list[int] = []

    async def work(store: Store) -> list[list[int]]:
        await store.write(fill)
        retirement = Retirement(
            Keep(dead=1e9, done=100.0, poll_end=1e9)
        )  # every other send has a subscription or a dead delivery

        def counting(connection: Connection, now: float) -> bool:
            found = retirement.find(connection, 500, now)
            rows.append(len(found.sends))
            return found.is_last

        pages = []
        for now in (NOW + 2000, NOW + 2010, NOW + 2000 + AGAIN):
            rows.clear()
            while not await store.read(partial(counting, now=now)):
                pass
            pages.append(list(rows))
        return pages

    first, second, later = on(f"sqlite:///{tmp_path / 'translator.db'}", work)
    assert len(first) >= MANY / 500, "a page at a time"
    assert second == [0], "and what was looked at is not looked at again"
    assert len(later) == len(first), "after an hour everything is looked at again"


def test_retried_delivery_stays_with_its_rows_between_finding_and_deleting(
    store_url: str,
) -> None:
    async def work(store: Store) -> Any:
        await owing(store)
        for state in (DeliveryState.DELIVERED, DeliveryState.DEAD):
            [row] = await take(store)
            await settle_one(store, row, state, NOW)
        retirement = Retirement(KEEP)
        over = await store.read(partial(retirement.find, most=10, now=NOW + 1001))
        assert len(over.deliveries) == 2
        assert await store.write(partial(delivery_admin.replay, id_=over.deliveries[1], now=NOW + 1001))
        gone = await store.write_behind(partial(retirement.delete, over=over, now=NOW + 1001))
        left = await store.read(partial(delivery_admin.listed, states=tuple(DeliveryState), most=10))
        return (
            gone,
            [row.state for row in left],
            len(await store.read(partial(sends.listed, states=tuple(SendState), most=9))),
        )

    assert on(store_url, work) == (1, ["due"], 1)


def test_subscription_of_a_configured_account_is_not_given_up_for_its_age(store_url: str) -> None:
    """A process that stood still for longer than `keep` polls its due rows when it runs again. Retention must not be first."""

    async def work(store: Store) -> Any:
        await recorded(store, "1", intent(wish=HOOK))
        await settled(store, sent("1"))
        known = Retirement(KEEP, lambda place: place == PLACE)
        unknown = Retirement(KEEP, lambda place: place != PLACE)
        kept = await retired(store, known, NOW + 5000)
        waiting = len(await store.read(partial(subscriptions.waiting_counts, now=NOW + 5000)))
        early = await retired(store, unknown, NOW + 999)
        given_up = await retired(store, unknown, NOW + 1001)
        return (
            kept,
            waiting,
            early,
            given_up,
            len(await store.read(partial(subscriptions.waiting_counts, now=NOW + 5000))),
        )

    assert on(store_url, work) == (0, 1, 0, 1, 0)


def test_the_loop_says_how_many_it_gave_up(tmp_path: Path) -> None:
    meter = Meter()

    async def work(store: Store) -> None:
        await recorded(store, "1", intent(wish=HOOK))
        await settled(store, sent("1"))
        loop = retiring(store, lambda: KEEP, meter, lambda _: False)
        assert await loop._round() is False
        assert await loop._round() is False

    on(f"sqlite:///{tmp_path / 'translator.db'}", work)
    page = meter.page().decode()
    assert 'callbacks_total{outcome="unheard"} 1.0' in page
    assert re.search(r'backlog_rows[{].*"waiting".*[}] 1.0', page)


def test_the_age_of_the_oldest_that_waits_is_counted(tmp_path: Path) -> None:
    meter = Meter()

    async def work(store: Store) -> None:
        for number, id_ in enumerate(("a1", "a2", "a3")):
            await recorded(store, id_, intent(id_, wish=HOOK), NOW + number)
            await settled(store, sent(id_, f"M{id_}"), now=NOW + number)
        await recorded(store, "a0", intent("a0"), NOW + 7)
        await store.settle([type(sent("a0"))("a0", "unknown")], NOW + 7)
        await _count(store, meter, NOW + 60)

    on(f"sqlite:///{tmp_path / 'translator.db'}", work)
    page = meter.page().decode()
    found = dict(re.findall(r'oldest_seconds[{].*state="(\w+)".*[}] (.*)', page))
    assert found == {"waiting": "60.0", "unknown": "53.0"}


def test_waiting_sends_are_written_before_background_work_and_without_it(tmp_path: Path) -> None:
    done: list[str] = []
    commits: list[str] = []

    async def work(store: Store) -> None:
        def trace(connection: Any) -> None:
            connection.connection.driver_connection.set_trace_callback(
                lambda said: commits.append(said) if said in ("COMMIT", "behind", "send") else None
            )

        async def noted(name: str, job: Any) -> None:
            await job
            done.append(name)

        await store.write(trace)
        commits.clear()
        held = asyncio.create_task(noted("first", store.write(lambda c: c.execute(text("SELECT 1")) and None)))
        await asyncio.sleep(0)
        jobs = [asyncio.create_task(noted("behind", store.write_behind(lambda _: None)))]
        jobs += [asyncio.create_task(noted("send", recorded(store, str(n), intent(str(n))))) for n in range(3)]
        await asyncio.gather(held, *jobs)

    on(f"sqlite:///{tmp_path / 'translator.db'}", work)
    assert done == ["first", "send", "send", "send", "behind"]
    assert commits.count("COMMIT") == 3, "what nobody waits for is a transaction of its own"


def test_a_deletion_lets_a_few_commits_go_before_it_and_no_more(tmp_path: Path) -> None:
    """Commits are counted. On a slow disk a writer is never idle, and a limit in seconds left a deletion two turns a second."""

    async def work(store: Store) -> int:
        committed = 0

        async def steadily(name: str) -> None:
            nonlocal committed
            for number in range(100):
                await recorded(store, f"{name}{number}", intent(f"{name}{number}"))
                if behind.done():
                    return
                committed += 1

        streams = []
        for name in "ab":  # the second one waits while the first one is committed, and so on: the writer is never idle
            streams.append(asyncio.create_task(steadily(name)))
            for _ in range(3):
                await asyncio.sleep(0)
        behind = asyncio.ensure_future(store.write_behind(lambda _: 1))
        await asyncio.gather(behind, *streams)
        return committed

    assert on(f"sqlite:///{tmp_path / 'translator.db'}", work) <= 12


def test_a_pause_is_twice_as_long_as_the_step_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that waited for its turn has left the store to others already: the wait does not count once more."""
    steps, pauses = list[float](), list[float]()
    original = Pace.took

    def noted(self: Pace, seconds: float) -> None:
        steps.append(seconds)
        original(self, seconds)

    monkeypatch.setattr(Pace, "took", noted)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def work(store: Store) -> None:
        await store.write(fill)
        loop = retiring(store, lambda: Keep(1.0, 1.0, 1.0), Meter(), sleep=pause)
        while await loop._round():
            pass

    on(f"sqlite:///{tmp_path / 'translator.db'}", work)
    assert len(pauses) > 10
    assert pauses == [2 * step for step in steps]


def statements(connection: Connection, over: Over) -> tuple[int, int]:
    """Delete all rows that are over. Returns the number of rows, and of statements."""
    said: list[str] = []

    def delete() -> int:
        return Retirement(KEEP).delete(connection, over, NOW + 2000)

    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.driver_connection
        raw.set_trace_callback(said.append)
        gone = delete()
        raw.set_trace_callback(None)
        return gone, len(said)
    listening = lambda c, cursor, statement, parameters, context, many: said.append(statement)  # noqa: E731
    event.listen(connection, "before_cursor_execute", listening)
    gone = delete()
    event.remove(connection, "before_cursor_execute", listening)
    return gone, len(said)


def test_a_step_says_as_many_statements_for_a_thousand_rows_as_for_ten(file_url: str) -> None:
    async def work(store: Store) -> list[tuple[int, int]]:
        await store.write(fill)
        found = []
        for most in (10, 1000):
            over = await store.read(partial(Retirement(KEEP).find, most=most, now=NOW + 2000))
            found.append(await store.write_behind(partial(statements, over=over)))
        return found

    (few, first), (many, second) = on(file_url, work)
    assert many > 50 * few
    assert first == second <= 14


def test_a_batch_grows_while_it_is_fast_and_shrinks_when_it_is_slow() -> None:
    pace = Pace(0.01)
    first = pace.rows
    for _ in range(40):
        pace.took(0.0001)
    most = pace.rows
    for _ in range(40):
        pace.took(1.0)
    assert (first, most, pace.rows) == (20, 1000, 20)


def test_a_store_that_goes_down_in_between_loses_nothing_from_sight(tmp_path: Path) -> None:
    async def work(store: Store) -> Any:
        await recorded(store, "1", intent())
        await settled(store, sent("1"))
        retirement = Retirement(KEEP)
        first = await store.read(partial(retirement.find, most=10, now=NOW + 200))
        second = await store.read(partial(retirement.find, most=10, now=NOW + 200))
        retirement.start_again()
        third = await store.read(partial(retirement.find, most=10, now=NOW + 200))
        return first.sends, second.sends, third.sends

    assert on(f"sqlite:///{tmp_path / 'translator.db'}", work) == (["1"], [], ["1"])


def test_the_log_of_the_file_is_bounded_while_rows_are_deleted(tmp_path: Path) -> None:
    path = tmp_path / "translator.db"

    async def main() -> int:
        async with opened(f"sqlite:///{path}") as store:
            await store.write(fill)
            loop = retiring(store, lambda: Keep(1.0, 1.0, 1.0), Meter())
            while await loop._round():
                pass
            return os.stat(f"{path}-wal").st_size

    assert asyncio.run(main()) < 2 * LARGEST * 4120
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sends").fetchone()[0] < MANY // 2
    connection.close()
