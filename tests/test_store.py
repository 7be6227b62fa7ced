"""The store: the rows that are written, their leases, and their deletion. Every work runs on SQLite, in memory and on PostgreSQL."""

import asyncio
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from tests.stores import on, opened
from translator.core.effects import Intent, Outcome
from translator.core.errors import ConfigError
from translator.core.model import CallbackTarget, Fault, Message
from translator.shell.store import (
    Store,
    StoreUnavailable,
    deliveries,
    delivery_admin,
    open_store,
    sends,
    subscriptions,
    unknown_sends,
)
from translator.shell.store.deliveries import Breaker, CallbackDelivery, Settled
from translator.shell.store.migrations import VERSION
from translator.shell.store.retention import Keep, Retirement
from translator.shell.store.rows import LeasedDelivery, SendRow
from translator.shell.store.sends import Begun, Times
from translator.shell.store.states import DeliveryState, SendState
from translator.shell.store.subscriptions import LeasedSubscription, PollResult

NOW = 1_700_000_000.0
ENTRY = "restcomm/AC1/"
PLACE = "provider/A1/P1"
SENT = Message(
    sid="M1", sender="+15550001", recipient="+15550002", text="hello", status="sending", direction="outbound-api", created=int(NOW)
)  # fmt: skip

HOOK = CallbackTarget("http://a.example/x", "POST")


def intent(text: str = "hello", wish: CallbackTarget | None = None, key: str = "", content: str = "") -> Intent:
    return Intent(ENTRY, "+15550001", "+15550002", text, wish, key, content)


async def recorded(store: Store, id_: str, what: Intent, now: float = NOW) -> Any:
    [found] = await store.record([Begun(id_, PLACE, what)], Times(now, 60.0, 120.0))
    return found


async def settled(store: Store, *outcomes: Outcome, now: float = NOW) -> None:
    await store.settle(outcomes, now)


def like(sid: str) -> Message:
    return msgspec.structs.replace(SENT, sid=sid)


def sent(id_: str, sid: str = "M1") -> Outcome:
    return Outcome(id_, "sent", like(sid))


def test_a_send_is_new_and_then_known_by_its_key(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        first = await recorded(store, "1", intent(key="k", content="c"))
        running = await recorded(store, "2", intent(key="k", content="c"))
        reused = await recorded(store, "3", intent(key="k", content="other"))
        await settled(store, sent("1"))
        known = await recorded(store, "4", intent(key="k", content="c"))
        another = await recorded(store, "5", intent(key="l", content="c"))
        day_after = await recorded(store, "6", intent(key="k", content="other"), NOW + 86401)
        return [first, running, reused, known, another, day_after]

    first, running, reused, known, another, day_after = on(store_url, work)
    assert [one.state for one in (first, running, reused, known, another, day_after)] == [
        "new", "running", "reused", "known", "new", "new",
    ]  # fmt: skip
    assert known.outcome == sent("1")


def test_a_refusal_is_kept_for_its_key_and_what_never_left_frees_it(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        refused, busy = Fault("refused-message", log="400"), Fault("back-busy")
        await recorded(store, "1", intent(key="k"))
        await settled(store, Outcome("1", "refused", fault=refused))
        kept = await recorded(store, "2", intent(key="k"))
        await recorded(store, "3", intent(key="l"))
        await settled(store, Outcome("3", "never-left", fault=Fault("back-unreachable")))
        await recorded(store, "4", intent(key="m"))
        await settled(store, Outcome("4", "refused", fault=busy))
        left = await store.read(partial(sends.listed, states=tuple(SendState), most=10))
        again = [await recorded(store, "5", intent(key="l")), await recorded(store, "6", intent(key="m"))]
        return [kept, [row.id for row in left], again]

    kept, left, again = on(store_url, work)
    assert kept.outcome == Outcome("1", "refused", fault=Fault("refused-message", log="400"))
    assert left == ["1"]
    assert [one.state for one in again] == ["new", "new"]


def test_an_equal_send_joins_an_unknown_one_and_no_other(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        await recorded(store, "1", intent())
        under_way = await recorded(store, "2", intent())
        await settled(store, Outcome("1", "unknown"), sent("2", "M2"))
        joined = await recorded(store, "3", intent(wish=HOOK))
        other = await recorded(store, "4", intent("another text"))
        late = await recorded(store, "5", intent(), NOW + 121)
        await settled(store, sent("1"))
        after = await recorded(store, "6", intent())
        waiting = [
            (one.account, one.provider_account, one.many)
            for one in await store.read(partial(subscriptions.waiting_counts, now=NOW))
        ]
        return [under_way, joined, other, late, after, waiting]

    under_way, joined, other, late, after, waiting = on(store_url, work)
    assert [one.state for one in (under_way, other, late, after)] == ["new"] * 4
    assert (joined.state, joined.id) == ("joined", "1")
    assert waiting == [(ENTRY, PLACE, 1)], "who joined waits to be told as well"


async def unknown(store: Store, *ids: str) -> list[SendRow]:
    for id_ in ids:
        await recorded(store, id_, intent(id_))
    await settled(store, *(Outcome(id_, "unknown") for id_ in ids))
    return await store.write(partial(unknown_sends.take_unknown, most=10, now=NOW, lease=60.0))


def test_lease_owns_a_row_until_it_ends_and_then_the_next_lease_does(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        [first] = await unknown(store, "1")
        meanwhile = await store.write(partial(unknown_sends.take_unknown, most=10, now=NOW + 59, lease=60.0))
        [second] = await store.write(partial(unknown_sends.take_unknown, most=10, now=NOW + 61, lease=60.0))
        late = await store.write(partial(unknown_sends.found, row=first, message=SENT, now=NOW + 61))
        await store.write(partial(unknown_sends.not_found, row=first, look_at=None, now=NOW + 61))
        mine = await store.write(partial(unknown_sends.found, row=second, message=SENT, now=NOW + 61))
        return [meanwhile, late, mine]

    assert on(store_url, work) == [[], False, True]


def test_a_message_is_one_send_and_an_equal_one_under_way_may_be_it(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        first, second = sorted(await unknown(store, "1", "2"), key=lambda row: row.id)
        taken = await store.write(partial(unknown_sends.found, row=first, message=SENT, now=NOW))
        twice = await store.write(partial(unknown_sends.found, row=second, message=SENT, now=NOW))
        [third] = await unknown(store, "3")
        await recorded(store, "4", intent("3"), NOW + 121)
        equal = await store.write(partial(unknown_sends.found, row=third, message=like("M3"), now=NOW))
        return [taken, twice, equal]

    assert on(store_url, work) == [True, False, False]


def test_answered_send_keeps_its_message_though_another_was_matched_to_it(store_url: str) -> None:
    async def work(store: Store) -> Any:
        [first] = await unknown(store, "1")
        await recorded(store, "2", intent("other"))
        await store.write(partial(unknown_sends.found, row=first, message=SENT, now=NOW))
        await settled(store, sent("2"))
        return await store.read(partial(sends.outcomes, ids=["1", "2", "nobody"]))

    assert [outcome.state for outcome in on(store_url, work)] == ["unknown", "sent", "unknown"]


def test_of_two_sends_that_are_answered_with_one_message_the_last_is_it(store_url: str) -> None:
    async def work(store: Store) -> Any:
        for id_ in ("1", "2", "3"):
            await recorded(store, id_, intent(id_, HOOK))
        await settled(store, sent("1"), sent("3", "M3"), sent("2"))
        await settled(store, sent("3", "M3"))
        return await store.read(partial(sends.outcomes, ids=["1", "2", "3"]))

    assert on(store_url, work) == [Outcome("1", "unknown"), sent("2"), sent("3", "M3")]


def test_an_answer_that_comes_late_settles_what_was_taken_for_unknown(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await recorded(store, "1", intent(wish=HOOK))
        early = await store.write(partial(unknown_sends.take_unknown, most=10, now=NOW + 59, lease=60.0))
        [late] = await store.write(partial(unknown_sends.take_unknown, most=10, now=NOW + 61, lease=60.0))
        await settled(store, sent("1"), now=NOW + 62)
        again = await store.write(partial(unknown_sends.found, row=late, message=SENT, now=NOW + 63))
        return [early, again, await store.read(partial(sends.outcomes, ids=["1"]))]

    early, again, [outcome] = on(store_url, work)
    assert (early, again, outcome.state) == ([], False, "sent")


async def watched(store: Store, now: float = NOW) -> list[LeasedSubscription]:
    """Lease the waiting subscriptions that no worker has leased, and return them."""
    found, _ = await store.read(partial(subscriptions.held_from, place=PLACE, after=(-1.0, 0), most=10_000))
    mine = await store.write(partial(subscriptions.take, ids=[one.id for one in found], now=now, lease=60.0))
    return await store.read(partial(subscriptions.taken, ids=sorted(mine)))


def looked(row: LeasedSubscription, made: list[CallbackDelivery], next_check_at: float | None) -> PollResult:
    notified = ",".join([*filter(None, row.notified.split(",")), *(delivery.event for delivery in made)])
    return PollResult(row.id, row.fencing_token, row.account, notified, made, next_check_at)


async def owing(store: Store, id_: str = "1", address: str = HOOK.address, destination: str = "a.example:80") -> None:
    """Record a message whose `sent` and `delivered` are due."""
    await recorded(store, id_, intent(id_, CallbackTarget(address, "POST")))
    await settled(store, sent(id_, f"M{id_}"))
    [row] = await watched(store)
    made = [
        CallbackDelivery(name, "POST", address, f"MessageStatus={name}", destination) for name in ("sent", "delivered")
    ]
    assert await store.write(partial(subscriptions.record_results, results=[looked(row, made, None)], now=NOW)) == {
        row.id
    }


async def take(store: Store, now: float = NOW, most: int = 10, room: Any = lambda host: 8) -> list[LeasedDelivery]:
    """Deliveries that are due, at each destination no more than there is room for, with their leases."""

    def work(connection: Any) -> list[LeasedDelivery]:
        found = [one for standing in deliveries.STANDINGS for one in deliveries.due(connection, standing, now, 100)]
        left, wanted = most, {}
        for entry, host in found:
            wanted[entry, host] = min(left, room(host))
            left -= wanted[entry, host]
        return deliveries.turn(connection, [], wanted, now, 60.0, Breaker()).rows

    return await store.write(work)


async def settle_one(
    store: Store, row: LeasedDelivery, state: DeliveryState, now: float, *, why: str = "", due_at: float | None = None
) -> bool:
    """Write the result of an attempt. Returns True if the lease was still ours."""
    one = Settled(row, state, why, due_at, counts=True, begun=now, ended=now)
    turn = partial(deliveries.turn, settled=[one], room={}, now=now, lease=60.0, breaker=Breaker())
    return (await store.write(turn)).held[0]


def test_calls_of_one_message_are_taken_in_order_and_one_at_a_time(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        await owing(store)
        [first] = await take(store)
        meanwhile = await take(store)
        await settle_one(store, first, DeliveryState.DUE, NOW, why="answered 500", due_at=NOW + 5)
        before = await take(store, NOW + 4)
        [again] = await take(store, NOW + 5)
        await settle_one(store, again, DeliveryState.DEAD, NOW + 5, why="answered 500")
        [second] = await take(store, NOW + 6)
        return [first.event, meanwhile, before, (again.event, again.attempts), second.event]

    assert on(store_url, work) == ["sent", [], [], ("sent", 1), "delivered"]


def test_who_slept_through_the_lease_of_a_call_changes_nothing(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        await owing(store)
        [slept] = await take(store)
        [awake] = await take(store, NOW + 61)
        said = [
            await settle_one(store, slept, DeliveryState.DELIVERED, NOW + 62),
            await settle_one(store, slept, DeliveryState.DUE, NOW + 62, due_at=NOW),
        ]
        return [said, await settle_one(store, awake, DeliveryState.DELIVERED, NOW + 62)]

    assert on(store_url, work) == [[False, False], True]


def test_an_event_is_made_once(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        await recorded(store, "1", intent(wish=HOOK))
        await settled(store, sent("1"))
        [slept] = await watched(store)
        [awake] = await watched(store, NOW + 61)
        call = CallbackDelivery("sent", "POST", HOOK.address, "", "a.example:80")
        first = await store.write(
            partial(subscriptions.record_results, results=[looked(awake, [call], NOW + 70)], now=NOW + 61)
        )
        second = await store.write(
            partial(subscriptions.record_results, results=[looked(slept, [call], NOW + 70)], now=NOW + 62)
        )
        return [len(first), len(second), len(await take(store, NOW + 62))]

    assert on(store_url, work) == [1, 0, 1]


def test_of_many_polled_rows_only_those_still_leased_are_written(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        for number in range(30):
            await recorded(store, f"{number}", intent(f"{number}", HOOK))
        await settled(store, *(sent(f"{number}", f"M{number}") for number in range(30)))
        rows = await watched(store)
        meanwhile = await watched(store, NOW + 59)
        lost = [row for row in await watched(store, NOW + 61) if row.id % 3 == 0]
        call = CallbackDelivery("sent", "POST", HOOK.address, "", "a.example:80")
        late = [looked(row, [call], NOW + 70) for row in rows]
        ours = [look._replace(fencing_token=look.fencing_token + (look.id % 3 > 0)) for look in late]
        written = await store.write(partial(subscriptions.record_results, results=ours, now=NOW + 62))
        again = await watched(store, NOW + 63)
        told = await store.read(partial(delivery_admin.listed, states=(DeliveryState.DUE,), most=100))
        return [
            len(rows),
            meanwhile,
            len(lost),
            len(written),
            len(told),
            sorted({row.notified for row in again}),
            len(again),
        ]

    assert on(store_url, work) == [30, [], 10, 20, 20, ["sent"], 20]


def test_destination_gets_only_its_free_places_and_delays_no_other(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        for number in range(6):
            await owing(store, f"a{number}", destination="a.example:80")
            await owing(store, f"b{number}", destination="b.example:80")
        taken = await take(store, room=lambda host: {"a.example:80": 2}.get(host, 8))
        nothing = await take(store, room=lambda host: 0)
        rest = await take(store, most=3)
        return [[row.destination[0] for row in taken], nothing, len(rest)]

    destinations, nothing, rest = on(store_url, work)
    assert (destinations.count("a"), destinations.count("b")) == (2, 6)
    assert (nothing, rest) == ([], 3)


def test_a_call_can_be_replayed_and_dropped(store_url: str) -> None:
    async def work(store: Store) -> list[Any]:
        await owing(store)
        [row] = await take(store)
        early = await store.write(partial(delivery_admin.replay, id_=row.id, now=NOW))
        under_way = await take(store)
        await settle_one(store, row, DeliveryState.DEAD, NOW, why="answered 500")
        counted = await store.read(delivery_admin.counted)
        replayed = await store.write(partial(delivery_admin.replay, id_=row.id, now=NOW + 1))
        [again] = await take(store, NOW + 1)
        behind = await take(store, NOW + 1)
        dropped = await store.write(partial(delivery_admin.drop, id_=row.id, now=NOW + 2))
        gone = await store.read(partial(delivery_admin.shown, id_=row.id))
        following = await take(store, NOW + 2)
        return [
            early,
            under_way,
            counted,
            replayed,
            again.attempts,
            behind,
            dropped,
            gone,
            [one.event for one in following],
        ]

    assert on(store_url, work) == [True, [], {"dead": 1, "due": 1}, True, 0, [], True, None, ["delivered"]]


async def retired(store: Store, retirement: Retirement, now: float, most: int = 100) -> int:
    """Delete all that is over. Returns the number of rows."""
    gone, is_last = 0, False
    while not is_last:
        over = await store.read(partial(retirement.find, most=most, now=now))
        is_last = over.is_last and not over.is_full
        gone += await store.write_behind(partial(retirement.delete, over=over, now=now))
    return gone


def test_what_is_finished_is_deleted_after_its_time_and_nothing_else(store_url: str) -> None:
    keep = Keep(dead=1000.0, done=100.0, poll_end=1000.0)
    nobody_looks = Retirement(keep, lambda _: False)  # "waits" is of an account that is no longer configured

    async def work(store: Store) -> list[Any]:
        await owing(store)
        for state in (DeliveryState.DELIVERED, DeliveryState.DEAD):
            [row] = await take(store)
            await settle_one(store, row, state, NOW)
        await recorded(store, "waits", intent("waits", HOOK))
        await settled(store, sent("waits", "Mw"))
        [unknown_one] = await unknown(store, "lost")
        await store.write(partial(unknown_sends.not_found, row=unknown_one, look_at=None, now=NOW))
        left = []
        for later in (99.0, 101.0, 999.0, 1001.0, 1102.0):
            nobody_looks.start_again()
            await retired(store, nobody_looks, NOW + later)
            texts = await store.read(partial(sends.listed, states=tuple(SendState), most=10))
            events = await store.read(partial(delivery_admin.listed, states=tuple(DeliveryState), most=10))
            left.append((sorted(row.id for row in texts), [row.state for row in events]))
        return left

    assert on(store_url, work) == [
        (["1", "lost", "waits"], ["delivered", "dead"]),
        (["1", "lost", "waits"], ["dead"]),
        (["1", "lost", "waits"], ["dead"]),
        (["waits"], []),  # it is given up, and kept as long as any other that is over
        ([], []),
    ]


def test_a_work_that_fails_takes_back_what_it_did_and_no_other(store_url: str) -> None:
    def broken(connection: Any) -> None:
        sends.record(connection, [Begun("bad", PLACE, intent())], Times(NOW, 60.0, 120.0))
        raise LookupError

    async def work(store: Store) -> list[Any]:
        done = await asyncio.gather(
            recorded(store, "1", intent()), store.write(broken), recorded(store, "2", intent()), return_exceptions=True
        )
        for _ in range(2):  # what memory has in hand it puts down when it is asked again
            rows = await store.read(partial(sends.listed, states=tuple(SendState), most=10))
        return [type(done[1]), sorted(row.id for row in rows)]

    assert on(store_url, work) == [LookupError, ["1", "2"]]


def test_a_store_of_a_newer_release_is_refused(store_url: str) -> None:
    if store_url == "memory:":
        return  # it holds nothing that a newer release could have written

    async def main() -> None:
        async with opened(store_url) as store:
            await store.write(lambda connection: connection.execute(text("UPDATE store SET version = 99")))
        with pytest.raises(ConfigError, match="was written by a newer release: its version is 99"):
            await open_store(store_url, "[store] url", Path("/"))
        if store_url.startswith("postgresql"):
            import asyncpg  # type: ignore[import-untyped]

            connection = await asyncpg.connect(store_url)
            await connection.execute(f"UPDATE store SET version = {VERSION}")  # noqa: S608 - it is a number of ours
            await connection.close()

    asyncio.run(main())


# ---- SQLite alone ------------------------------------------------------------------------------------------


def test_a_file_is_served_by_one_process_and_the_command_line_goes_beside(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'translator.db'}"

    async def main() -> Any:
        async with opened(url) as store:
            with pytest.raises(
                ConfigError, match="is in use by another serve; give each its own file, or use PostgreSQL"
            ):
                await open_store(url, "[store] url", Path("/"))
            async with opened(url, alone=False) as beside:
                await recorded(beside, "1", intent())
            return await store.read(partial(sends.listed, states=tuple(SendState), most=10))

    assert [row.id for row in asyncio.run(main())] == ["1"]


def test_a_path_is_relative_to_the_folder_of_the_configuration(tmp_path: Path) -> None:
    async def main() -> None:
        store = await open_store("sqlite:///kept.db", "[store] url", tmp_path)
        await store.close()

    asyncio.run(main())
    assert (tmp_path / "kept.db").stat().st_mode & 0o777 == 0o600, "it holds numbers and texts"


@pytest.mark.parametrize("name", ["x y.db", "p%20q.db", "h#i.db", "q?r.db", "ü&=.db"])
def test_a_path_may_hold_any_character(tmp_path: Path, name: str) -> None:
    async def main() -> None:
        for alone in (True, False):
            store = await open_store(f"sqlite:///{name}", "[store] url", tmp_path, alone=alone)
            await store.close()

    asyncio.run(main())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"{name}.lock"])


def test_a_file_survives_a_power_cut_and_readers_change_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'translator.db'}"

    def modes(connection: Any) -> list[Any]:
        names = ("journal_mode", "synchronous", "query_only")
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in names]

    async def main() -> list[Any]:
        async with opened(url) as store:
            found = [await store.write(modes), await store.read(modes)]
            with pytest.raises(StoreUnavailable):
                await store.read(lambda connection: connection.execute(text("DELETE FROM sends")))
            return found

    assert asyncio.run(main()) == [["wal", 2, 0], ["wal", 2, 1]]


def test_what_waits_is_committed_together(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'translator.db'}"

    async def main() -> int:
        async with opened(url) as store:
            await asyncio.gather(*(recorded(store, str(number), intent(str(number))) for number in range(500)))
            return len(await store.read(partial(sends.listed, states=tuple(SendState), most=1000)))

    assert asyncio.run(main()) == 500


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "translator.db"
    path.write_bytes(b"this is no database, and long enough to be sure of that" * 20)
    with pytest.raises(ConfigError, match="cannot be used"):
        asyncio.run(open_store(f"sqlite:///{path}", "[store] url", Path("/")))
    with pytest.raises(ConfigError, match="cannot be opened"):
        asyncio.run(open_store(f"sqlite:///{tmp_path}/nowhere/x.db", "[store] url", Path("/")))


def test_a_disk_that_is_full_is_said_and_nothing_is_half_done(tmp_path: Path) -> None:
    path = tmp_path / "translator.db"
    url = f"sqlite:///{path}"

    async def main() -> None:
        async with opened(url) as store:
            pages = await store.write(lambda connection: connection.execute(text("PRAGMA page_count")).scalar())
            await store.write(lambda connection: connection.execute(text(f"PRAGMA max_page_count={pages}")))
            with pytest.raises(StoreUnavailable):
                await recorded(store, "1", intent("x" * 100_000))

    asyncio.run(main())
    rows = sqlite3.connect(path)
    assert rows.execute("SELECT count(*) FROM sends").fetchone() == (0,)
    rows.close()


def test_what_came_of_a_look_is_written_down_at_once_each_by_itself(store_url: str) -> None:
    async def work(store: Store) -> Any:
        taken = {row.id: row for row in await unknown(store, *"123456")}
        await recorded(store, "7", intent("5"), NOW + 121)  # an equal one is under way
        await store.write(partial(unknown_sends.found, row=taken["1"], message=like("M1"), now=NOW))
        found = [(taken["1"], like("M9")), (taken["2"], like("M2")), (taken["3"], like("M1")), (taken["5"], like("M5"))]
        stale = taken["6"]._replace(fencing_token=0)
        missed = [*((row, NOW + 8) for row, _ in found), (taken["4"], None), (stale, None)]
        known = await store.write(partial(unknown_sends.judge, found=found, missed=missed, now=NOW))
        rows = {id_: await store.read(partial(sends.shown, id_=id_)) for id_ in "123456"}
        return known, {id_: (row.state, row.sid, row.checks) for id_, row in rows.items() if row is not None}

    known, rows = on(store_url, work)
    assert known == {"2"}
    assert rows == {
        "1": ("sent", "M1", 0), "2": ("sent", "M2", 0), "3": ("unknown", None, 1), "4": ("unresolved", None, 1),
        "5": ("unknown", None, 1), "6": ("unknown", None, 0),
    }  # fmt: skip
