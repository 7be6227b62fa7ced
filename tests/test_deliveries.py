"""Deliveries in the store: their order, their leases, the circuit breaker of a destination, and that each is found by an index."""

import asyncio
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text

from tests.stores import on, opened, plans_of
from tests.test_store import ENTRY, NOW, owing, settle_one, take
from tests.test_store_schema import written_by_the_first
from translator.shell.store import Store, deliveries, delivery_admin
from translator.shell.store.deliveries import Breaker, CallbackDelivery, NewDeliveries, Settled
from translator.shell.store.migrations import migrate
from translator.shell.store.sqlite import database
from translator.shell.store.states import DeliveryState

HERE = (ENTRY, "a.example:80")
OTHER = "restcomm/AC2/"
RULES = Breaker(3, 15.0, 60.0)


def call(name: str, host: str = "a.example") -> CallbackDelivery:
    return CallbackDelivery(name, "POST", f"http://{host}/x", f"MessageStatus={name}", f"{host}:80")


def enqueue(
    store: Store, watch: int, *names: str, first: int = 0, now: float = NOW, entry: str = ENTRY, host: str = "a.example"
) -> Any:
    made = [call(name, host) for name in names]
    return store.write(
        lambda connection: deliveries.enqueue_all(connection, [NewDeliveries(watch, entry, made, first)], now)
    )


async def turn(
    store: Store, *settled: Settled, room: dict[tuple[str, str], int] | None = None, now: float = NOW
) -> deliveries.Turn:
    return await store.write(
        partial(deliveries.turn, settled=settled, room=room or {}, now=now, lease=60.0, breaker=RULES)
    )


def ended(
    row: Any, *, well: bool, begun: float, now: float, due_at: float | None = None, counts: bool = True
) -> Settled:
    state = DeliveryState.DELIVERED if well else DeliveryState.DUE
    return Settled(row, state, "" if well else "answered 500", due_at or now + 5, counts=counts, begun=begun, ended=now)


async def rows(store: Store, table: str, *columns: str) -> list[tuple[Any, ...]]:
    names = ", ".join(columns)
    found = await store.read(
        lambda connection: connection.execute(text(f"SELECT {names} FROM {table} ORDER BY 1, 2")).all()  # noqa: S608
    )
    return [tuple(row) for row in found]


def test_only_the_first_delivery_of_a_message_is_in_the_index_of_due_rows(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await enqueue(store, 1, "sent", "delivered")
        await enqueue(store, 2, "sent")
        await enqueue(store, 2, "delivered", first=1, now=NOW + 1)
        before = await rows(store, "callback_deliveries", "subscription_id", "position", "due_at")
        taken = (await turn(store, room={HERE: 8})).rows
        both = [ended(row, well=True, begun=NOW, now=NOW + 1) for row in taken]
        next_ones = (await turn(store, *both, room={HERE: 8}, now=NOW + 2)).rows
        return before, [row.event for row in taken], [row.event for row in next_ones]

    assert on(store_url, work) == (
        [(1, 0, NOW), (1, 1, None), (2, 0, NOW), (2, 1, None)],
        ["sent", "sent"],
        ["delivered", "delivered"],
    )


def test_a_lease_that_ends_is_due_again_and_who_had_it_changes_nothing(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await enqueue(store, 1, "sent")
        [slept] = (await turn(store, room={HERE: 8})).rows
        early = [(await turn(store, room={HERE: 8}, now=NOW + 59)).rows, await _due(store, NOW + 59)]
        due = await _due(store, NOW + 61)
        [awake] = (await turn(store, room={HERE: 8}, now=NOW + 61)).rows
        late = await turn(store, ended(slept, well=True, begun=NOW, now=NOW + 62), now=NOW + 62)
        good = await turn(store, ended(awake, well=True, begun=NOW + 61, now=NOW + 63), now=NOW + 63)
        return early, due, late.held, good.held

    assert on(store_url, work) == ([[], []], [HERE], [False], [True])


async def _due(store: Store, now: float) -> list[Any]:
    return await store.read(
        lambda connection: [
            one for standing in deliveries.STANDINGS for one in deliveries.due(connection, standing, now, 9)
        ]
    )


def test_breaker_opens_on_successive_failures_and_then_lets_one_through(store_url: str) -> None:
    async def work(store: Store) -> Any:
        for watch in range(1, 9):
            await enqueue(store, watch, "sent")
        taken = (await turn(store, room={HERE: 5})).rows
        together = [ended(row, well=False, begun=NOW, now=NOW + 1 + n / 100) for n, row in enumerate(taken[:3])]
        await turn(store, *together, now=NOW + 2)
        once = await rows(store, "destinations", "failures", "paused_until")
        for number, row in enumerate(taken[3:], 3):
            await turn(store, ended(row, well=False, begun=NOW + number, now=NOW + number + 0.5), now=NOW + 5)
        opened_ = await rows(store, "destinations", "failures", "paused_until", "due_at", "standing")
        await enqueue(store, 20, "sent", now=NOW + 6)
        paused = [await _due(store, NOW + 19), (await turn(store, room={HERE: 8}, now=NOW + 19)).rows]
        [probe] = (await turn(store, room={HERE: 8}, now=NOW + 20)).rows
        nobody_else = (await turn(store, room={HERE: 8}, now=NOW + 21)).rows
        well = await turn(store, ended(probe, well=True, begun=NOW + 20, now=NOW + 22), room={HERE: 8}, now=NOW + 22)
        return once, opened_, paused, nobody_else, len(well.rows)

    once, opened_, paused, nobody_else, then = on(store_url, work)
    assert once == [(1, 0.0)], "three that were begun together are one failure"
    assert opened_ == [(3, NOW + 19.5, NOW + 19.5, deliveries.PAUSED)]
    assert (paused, nobody_else) == ([[], []], [])
    assert then == 8, "a success lets all go at once"


def test_a_probe_that_was_not_made_leaves_its_place_to_another(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await enqueue(store, 1, "sent")
        now = NOW
        for _ in range(3):
            [row] = (await turn(store, room={HERE: 8}, now=now)).rows
            await turn(store, ended(row, well=False, begun=now, now=now + 1, due_at=now + 1), now=now + 1)
            now += 2
        [probe] = (await turn(store, room={HERE: 8}, now=NOW + 30)).rows
        await turn(
            store, ended(probe, well=False, begun=NOW + 30, now=NOW + 31, due_at=NOW + 31, counts=False), now=NOW + 31
        )
        again = (await turn(store, room={HERE: 8}, now=NOW + 32)).rows
        return [row.attempts for row in again]

    assert on(store_url, work) == [3]


def test_a_destination_that_is_owed_nothing_is_forgotten_after_a_while(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await enqueue(store, 1, "sent")
        [row] = (await turn(store, room={HERE: 8})).rows
        await turn(store, ended(row, well=True, begun=NOW, now=NOW + 1), now=NOW + 1)
        kept = await rows(store, "destinations", "standing", "due_at")
        await turn(store, room={HERE: 8}, now=NOW + 3700)
        return kept, await rows(store, "destinations", "standing", "due_at")

    assert on(store_url, work) == ([(deliveries.PROVEN, NOW + 3601)], [])


def test_who_was_served_is_behind_those_that_wait(store_url: str) -> None:
    async def work(store: Store) -> Any:
        for watch in range(1, 4):
            await enqueue(store, watch, "sent")
        await enqueue(store, 9, "sent", host="b.example", now=NOW + 1)
        first = await _due(store, NOW + 2)
        await turn(store, room={HERE: 1}, now=NOW + 2)
        return first, await _due(store, NOW + 3)

    a, b = HERE, (ENTRY, "b.example:80")
    assert on(store_url, work) == ([a, b], [b, a])


def test_each_account_has_its_turn_where_one_is_owed_thousands(store_url: str) -> None:
    async def work(store: Store) -> Any:
        for number in range(40):
            await enqueue(store, number + 1, "sent", host=f"h{number}.example")
        await enqueue(store, 99, "sent", host="b.example", entry=OTHER, now=NOW + 1)
        await enqueue(store, 100, "sent", host="z.example", now=NOW + 2)
        return await store.read(lambda c: deliveries.find_due(c, deliveries.NEW, NOW + 3, 10, ""))

    found, after = on(store_url, work)
    assert (OTHER, "b.example:80") in found
    assert (ENTRY, "z.example:80") in found[:6], "the newest does not wait behind all that are older"
    assert len(found) <= 20 and after == ""


def test_a_delivery_that_is_made_anew_comes_before_those_behind_it(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await owing(store)
        [first] = await take(store)
        await settle_one(store, first, DeliveryState.DEAD, NOW, why="answered 500")
        [second] = await take(store, NOW + 1)
        await store.write(partial(delivery_admin.replay, id_=first.id, now=NOW + 2))
        await settle_one(store, second, DeliveryState.DUE, NOW + 3, why="answered 500", due_at=NOW + 3)
        [again] = await take(store, NOW + 4)
        await settle_one(store, again, DeliveryState.DELIVERED, NOW + 5)
        [then] = await take(store, NOW + 6)
        return first.event, second.event, again.event, again.attempts, then.event

    assert on(store_url, work) == ("sent", "delivered", "sent", 0, "delivered")


def test_a_person_who_wants_a_call_now_ends_the_pause_of_its_destination(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await enqueue(store, 1, "sent")
        now = NOW
        for _ in range(3):
            [row] = (await turn(store, room={HERE: 8}, now=now)).rows
            await turn(store, ended(row, well=False, begun=now, now=now + 1, due_at=now + 1), now=now + 1)
            now += 2
        before = await _due(store, NOW + 7)
        await store.write(lambda connection: delivery_admin.replay(connection, row.id, NOW + 7))
        return before, await _due(store, NOW + 7), len((await turn(store, room={HERE: 8}, now=NOW + 8)).rows)

    assert on(store_url, work) == ([], [HERE], 1)


def test_two_replicas_do_not_wait_for_one_another_and_take_nothing_twice(postgres_url: str) -> None:
    async def main() -> Any:
        async with opened(postgres_url) as one, opened(postgres_url) as other:
            for watch in range(1, 21):
                await enqueue(one, watch, "sent", host=f"h{watch % 4}.example")
            room = {(ENTRY, f"h{number}.example:80"): 8 for number in range(4)}
            taken = await asyncio.gather(*(turn(store, room=room) for store in (one, other) for _ in range(4)))
            ids = [row.id for found in taken for row in found.rows]
            assert len(ids) == len(set(ids)) == 20
            settled = [ended(row, well=True, begun=NOW, now=NOW + 1) for found in taken for row in found.rows]
            done = await asyncio.gather(turn(one, *settled[:10], now=NOW + 1), turn(other, *settled[10:], now=NOW + 1))
            return [all(found.held) for found in done], await one.read(deliveries.database_time)

    done, now = asyncio.run(main())
    assert done == [True, True]
    assert now > NOW


def test_what_the_first_release_owed_is_due_where_it_was_and_in_order(tmp_path: Path) -> None:
    """Two destinations, a message with two deliveries, a lease that is not over, and finished rows."""
    more = """
        INSERT INTO events (watch, entry, position, name, method, address, form, destination, state, made, due_at, tries, why,
            leased, attempt)
        VALUES
            (1, 'restcomm/AC1/', 1, 'delivered', 'POST', 'http://a/x', 'c=d', 'a.example:80', 'due', {now}, {now}, 0, '', 0, 0),
            (2, 'restcomm/AC1/', 0, 'sent', 'POST', 'http://b/x', 'c=d', 'b.example:80', 'due', {now}, {now}, 2, '', {now}+50, 3),
            (3, 'restcomm/AC1/', 0, 'sent', 'POST', 'http://b/x', 'c=d', 'b.example:80', 'delivered', {now}, {now}, 1, '', 0, 1),
            (4, 'restcomm/AC1/', 0, 'sent', 'POST', 'http://c/x', 'c=d', 'c.example:80', 'dead', {now}, {now}, 10, '', 0, 1);
    """
    path = tmp_path / "translator.db"

    async def main() -> Any:
        await written_by_the_first(f"sqlite:///{path}")
        connection = sqlite3.connect(path)
        connection.executescript(more.format(now=NOW))
        connection.close()
        async with opened(f"sqlite:///{path}") as store:
            owed = await rows(store, "callback_deliveries", "subscription_id", "position", "due_at")
            hosts = await rows(store, "destinations", "destination", "due_at", "standing", "failures")
            taken = await take(store, NOW + 1)
            return owed, hosts, [row.destination for row in taken]

    owed, hosts, taken = asyncio.run(main())
    assert owed == [(1, 0, NOW), (1, 1, None), (2, 0, NOW + 50), (3, 0, None), (4, 0, None)]
    assert hosts == [("a.example:80", NOW, deliveries.NEW, 0), ("b.example:80", NOW + 50, deliveries.NEW, 0)]
    assert taken == ["a.example:80"]


# ---- each statement goes by an index ------------------------------------------------------------------------------


def everything(connection: Connection) -> None:
    """Run every statement of the dispatcher and of the code that queues deliveries."""
    for watch in (1, 2):
        new = NewDeliveries(watch, ENTRY, [call("sent"), call("delivered")], 0)
        deliveries.enqueue_all(connection, [new], NOW)
    deliveries.enqueue_all(connection, [NewDeliveries(1, ENTRY, [call("failed")], 2)], NOW)
    for standing in deliveries.STANDINGS:
        deliveries.find_due(connection, standing, NOW, 1, "")
        deliveries.find_due(connection, standing, NOW, 0, "")
    first, second = deliveries.turn(connection, [], {HERE: 8}, NOW, 60.0, RULES).rows
    failed = ended(second, well=False, begun=NOW, now=NOW + 1)
    deliveries.turn(
        connection, [ended(first, well=True, begun=NOW, now=NOW + 1), failed], {HERE: 8}, NOW + 1, 60.0, RULES
    )
    deliveries.turn(connection, [], {(ENTRY, "nowhere:80"): 8}, NOW, 60.0, RULES)
    deliveries.hasten(connection, deliveries.too_late(connection, NOW, -100.0), NOW, -100.0)
    deliveries.release(connection, deliveries.leased(connection), NOW)
    deliveries.lag(connection, NOW)
    deliveries.paused(connection)
    delivery_admin.listed(connection, (DeliveryState.DUE, DeliveryState.DEAD), 100)
    delivery_admin.shown(connection, first.id)
    delivery_admin.replay(connection, first.id, NOW)
    delivery_admin.drop(connection, first.id, NOW)
    delivery_admin.counted(connection)


WHOLE = {
    "SCAN destinations USING COVERING INDEX destinations_due_by_account",
    "SCAN callback_deliveries USING COVERING INDEX callback_deliveries_open",
    "SCAN callback_deliveries USING INDEX callback_deliveries_open",
    "SCAN callback_deliveries USING INDEX callback_deliveries_due",
}
"""The plans that go through an index from its one end.

They find the next account, list or count the rows that are not over, and find the leased rows at the start of a process.
"""


def test_no_statement_of_the_dispatcher_goes_through_a_table_on_sqlite(tmp_path: Path) -> None:
    with database(tmp_path / "translator.db").connect() as connection, connection.begin():
        migrate(connection, "")
        plans = plans_of(connection, everything)
    steps = {step for plan in plans.values() for step in plan}
    assert len(plans) > 25
    assert {step for step in steps if step.startswith("SCAN")} - {"SCAN free"} <= WHOLE
    due = "(account=? AND destination=? AND due_at>? AND due_at<?)"
    assert f"SEARCH callback_deliveries USING COVERING INDEX callback_deliveries_due {due}" in steps
    assert "SEARCH destinations USING INDEX destinations_due (standing=? AND due_at<?)" in steps


def test_no_statement_of_the_dispatcher_goes_through_a_table_on_postgresql(postgres_url: str) -> None:
    said: list[tuple[str, Any]] = []

    def explained(connection: Connection) -> list[str]:
        def heard(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            said.append((statement, parameters))

        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_sort = off"))
        event.listen(connection, "before_cursor_execute", heard)
        everything(connection)
        event.remove(connection, "before_cursor_execute", heard)
        plans = []
        for statement, parameters in said:
            if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                plans += [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
        return plans

    plans = on(postgres_url, lambda store: store.write(explained))
    assert len(said) > 40
    assert [line for line in plans if "Seq Scan" in line] == []
