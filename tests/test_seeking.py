"""Reconciliation among very many messages: the sends that are found, the cost, and the messages that are never taken for one."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crowd import NOW, Sought
from tests.stores import opened
from translator.core.reconciliation import ASKS
from translator.core.reconciliation.intervals import Interval, covers, joined, without
from translator.shell.delivery.journal import Patience

BACKS = ("properties-v2", "restcomm")
BUSY = 196
"""Messages a second: 200,000 in the window of a send."""


def on(work: Callable[[Sought], Coroutine[Any, Any, Any]], dialect: str = "properties-v2", **settings: Any) -> Any:
    async def main() -> Any:
        async with opened("memory:") as store:
            return await work(Sought(store, dialect, **settings))

    return asyncio.run(main())


# ---- among very many ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", BACKS)
@pytest.mark.parametrize("arrive", [False, True], ids=["calm", "messages-arrive-between-asks"])
@pytest.mark.parametrize(
    ("failed_after", "created_after"), [(0.1, 0.05), (10.0, 0.3), (10.0, 9.9)], ids=["reset", "slow", "stalled"]
)
def test_a_send_is_found_among_200_000_in_one_look(
    dialect: str, failed_after: float, created_after: float, arrive: bool
) -> None:
    async def work(world: Sought) -> Any:
        world.crowd.takes = 0.013 * arrive
        message = world.crowd.add(NOW + created_after, "hello")
        world.pass_by(failed_after)
        id_ = await world.unknown("hello", made=NOW)
        asks = await world.look()
        return asks, await world.sids([id_]) == [world.crowd.sid(message)]

    asks, found = on(work, dialect, rate=BUSY)
    print(f"{dialect}, failed after {failed_after} s: {asks} asks")
    assert found
    assert asks <= 30


@pytest.mark.parametrize("dialect", BACKS)
def test_a_send_is_found_in_few_asks_when_the_whole_window_has_passed(dialect: str) -> None:
    async def work(world: Sought) -> Any:
        world.pass_by(1000.0)
        message = world.crowd.add(NOW + 9.0, "hello")
        id_ = await world.unknown("hello", made=NOW)
        asks = await world.look()
        return asks, await world.sids([id_]) == [world.crowd.sid(message)]

    asks, found = on(work, dialect, rate=BUSY)
    print(f"{dialect}: {asks} asks")
    assert found
    assert asks <= 30


@pytest.mark.parametrize("dialect", BACKS)
def test_message_that_is_shown_late_is_found_after_its_second_was_read(dialect: str) -> None:
    async def work(world: Sought) -> Any:
        message = world.crowd.add(NOW + 1.0, "hello", shown=NOW + 500.0)
        world.pass_by(10.0)
        id_ = await world.unknown("hello", made=NOW)
        early = [await world.look(seconds) for seconds in (0.0, 10.0, 60.0, 120.0, 250.0)]
        before = await world.sids([id_])
        asks = await world.look(300.0)
        return early, before, asks, await world.sids([id_]) == [world.crowd.sid(message)]

    early, before, asks, found = on(work, dialect, rate=BUSY)
    assert before == [None]
    assert found
    assert max(*early, asks) <= ASKS


@pytest.mark.parametrize("dialect", BACKS)
def test_search_for_a_lost_send_keeps_its_budget_and_reads_all_its_window(
    dialect: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(world: Sought) -> Any:
        world.pass_by(10.0)
        id_ = await world.unknown("hello", made=NOW)
        asks = [await world.look(seconds) for seconds in (0, 2, 4, 8, 15, 30, 60, 120, *[300] * 14)]
        [place] = world.seeker._places.values()
        return asks, place.watched[id_].search.was_whole, world.meter.page().decode()

    asks, was_whole, page = on(work, dialect, rate=60)
    print(f"{dialect}: {asks} asks")
    assert max(asks) <= ASKS
    assert was_whole
    assert max(asks[-4:]) <= 12, "all of it was read: only what stands next to the send is read again"
    assert 'sms_translator_reconciliation_searches_total{back="provider0",outcome="cut"}' in page
    assert "search-cut" in capsys.readouterr().out


@pytest.mark.parametrize("dialect", BACKS)
def test_where_there_are_few_messages_a_look_takes_few_asks(dialect: str) -> None:
    async def work(world: Sought) -> list[int]:
        for number in range(100):
            world.crowd.add(NOW - 100 + number * 10, "something else")
        world.pass_by(10.0)
        await world.unknown("hello", made=NOW)
        return [await world.look(seconds) for seconds in (0, 1, 1, 2, 4, 8, 15, 30, 60, 120, 300, 300, 300)]

    asks = on(work, dialect)
    assert asks[0] <= 6
    assert set(asks[1:]) == {2}


def test_one_reading_serves_all_sends_of_a_place() -> None:
    async def work(world: Sought) -> Any:
        ids, messages = [], []
        for number in range(200):
            world.pass_by(0.05)
            messages.append(world.crowd.add(world.clock() + 0.02, f"text {number}"))
            ids += await world.all_unknown([f"text {number}"])
        world.pass_by(10.0)
        asks = await world.look()
        return asks, await world.sids(ids) == [world.crowd.sid(one) for one in messages]

    asks, found = on(work, rate=BUSY)
    print(f"200 sends: {asks} asks")
    assert found
    assert asks <= 40


def test_provider_with_too_many_messages_is_read_in_several_searches() -> None:
    async def work(world: Sought) -> Any:
        message = world.crowd.add(NOW + 0.5, "hello")
        world.pass_by(10.0)
        id_ = await world.unknown("hello", made=NOW)
        asks: list[int] = []
        while await world.sids([id_]) == [None] and len(asks) < 10:
            asks.append(await world.look(4.0))
        return asks, await world.sids([id_]) == [world.crowd.sid(message)]

    asks, found = on(work, rate=1500)
    print(f"1,500 a second: {asks} asks")
    assert found
    assert max(asks) <= ASKS
    assert len(asks) <= 6


def test_a_provider_whose_bounds_are_days_is_read_by_days() -> None:
    async def work(world: Sought) -> Any:
        for number in range(9000):
            world.crowd.add(NOW - 4500 * 4 + number * 4, f"something else {number}")
        message = world.crowd.add(NOW + 0.5, "hello")
        ids = await world.all_unknown(["hello", "never made"])
        asks = await world.look(10.0)
        return asks, await world.sids(ids) == [world.crowd.sid(message), None]

    asks, found = on(work, "restcomm", profile="open-source", zone="utc")
    assert found
    assert asks <= 9000 // 200 + 10


# ---- messages that are never taken for a send -------------------------------------------------------------------------


def test_two_messages_next_to_a_send_are_none() -> None:
    async def work(world: Sought) -> Any:
        world.crowd.add(NOW + 0.5, "hello")
        world.crowd.add(NOW + 3.0, "hello")
        world.pass_by(10.0)
        id_ = await world.unknown("hello", made=NOW)
        await world.look()
        return await world.sids([id_])

    assert on(work, rate=BUSY) == [None]


def test_message_far_from_a_send_is_taken_only_after_the_whole_window() -> None:
    async def work(world: Sought) -> Any:
        message = world.crowd.add(NOW + 60.0, "hello")
        world.pass_by(1100.0)
        id_ = await world.unknown("hello", made=NOW)
        looks, search = 0, None
        while await world.sids([id_]) == [None] and looks < 90:
            await world.look(300.0)
            looks += 1
            watched = world.seeker._places["provider0/A1/P1"].watched.get(id_)
            search = watched.search if watched is not None else search
        assert search is not None
        return looks, search.is_whole, await world.sids([id_]) == [world.crowd.sid(message)]

    looks, was_whole, found = on(work, rate=60)
    assert looks > 5, "it was seen long before"
    assert was_whole
    assert found


def test_two_messages_far_from_a_send_are_ambiguous_also_across_searches() -> None:
    async def work(world: Sought) -> Any:
        world.crowd.add(NOW + 60.0, "hello")
        world.crowd.add(NOW + 800.0, "hello")
        world.pass_by(1100.0)
        id_ = await world.unknown("hello", made=NOW)
        for _ in range(60):
            await world.look(300.0)
        return await world.sids([id_])

    assert on(work, rate=60) == [None]


def test_equal_sends_are_told_apart_where_there_is_a_message_for_each() -> None:
    async def work(world: Sought) -> Any:
        messages, ids = [], []
        for number in range(3):
            ids += await world.all_unknown(["hello"])
            messages.append(world.crowd.add(NOW + number + 0.5, "hello"))
            world.pass_by(1.0)
        world.pass_by(10.0)
        await world.look()
        return await world.sids(ids) == [world.crowd.sid(one) for one in messages]

    assert on(work, rate=BUSY)


@pytest.mark.parametrize("messages", [1, 2, 4])
def test_equal_sends_match_no_message_if_there_are_fewer_or_more(messages: int) -> None:
    async def work(world: Sought) -> Any:
        for number in range(messages):
            world.crowd.add(NOW + number + 0.5, "hello")
        ids = await world.all_unknown(["hello"] * 3)
        world.pass_by(10.0)
        await world.look()
        return await world.sids(ids)

    assert on(work, rate=BUSY) == [None] * 3


def test_one_of_two_equal_sends_is_found_by_the_time_of_the_message() -> None:
    async def work(world: Sought) -> Any:
        ids = await world.all_unknown(["hello"])
        world.pass_by(60.0)
        ids += await world.all_unknown(["hello"])
        message = world.crowd.add(NOW + 60.5, "hello")
        world.pass_by(10.0)
        await world.look()
        return await world.sids(ids) == [None, world.crowd.sid(message)]

    assert on(work)


@pytest.mark.parametrize("state", ["under way", "unknown"])
def test_a_send_of_another_sender_may_be_the_message_too(state: str) -> None:
    async def work(world: Sought) -> Any:
        first = await world.unknown("hello")
        if state == "unknown":
            other = await world.unknown("hello", sender="+15550100009")
        else:
            [other] = await world.under_way(["hello"], world.entries[0], NOW, sender="+15550100009")
        world.crowd.add(NOW + 0.5, "hello", sender="15550100009")
        world.pass_by(5.0)
        await world.look()
        return await world.sids([first, other])

    assert on(work) == [None, None]


def test_message_known_as_another_send_is_skipped_in_a_busy_place() -> None:
    async def work(world: Sought) -> Any:
        theirs, ours = world.crowd.add(NOW + 0.5, "hello"), world.crowd.add(NOW + 1.5, "hello")
        first = await world.unknown("hello")
        world.pass_by(1.0)
        await world.look()
        second = await world.unknown("hello")
        world.pass_by(5.0)
        await world.look()
        return await world.sids([first, second]) == [world.crowd.sid(theirs), world.crowd.sid(ours)]

    assert on(work, rate=BUSY)


def test_the_message_with_our_id_is_it_wherever_it_stands() -> None:
    async def work(world: Sought) -> Any:
        id_ = await world.unknown("hello", made=NOW)
        for number in range(5):
            world.crowd.add(NOW + number, "hello", external_id=f"another {number}")
        message = world.crowd.add(NOW + 30.0, "hello", external_id=id_)
        world.pass_by(40.0)
        asks = await world.look()
        return asks, await world.sids([id_]) == [world.crowd.sid(message)]

    asks, found = on(work, rate=10, external_id=True)
    assert found
    assert asks <= ASKS


# ---- resends ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [False, True], ids=["it was never made", "it was made late"])
def test_resend_waits_until_the_whole_window_was_read_without_the_send(there: bool) -> None:
    async def work(world: Sought) -> Any:
        if there:
            world.crowd.add(NOW + 700.0, "hello")
        id_ = await world.unknown("hello", made=NOW)
        early, looks = [], 0
        while not world.crowd.sends and looks < 60 and await world.sids([id_]) == [None]:
            await world.look(300.0)
            looks += 1
            watched = world.seeker._places["provider0/A1/P1"].watched.get(id_)
            if watched is not None and not watched.search.is_whole:
                early.append(len(world.crowd.sends))
        return early, looks, len(world.crowd.sends)

    early, looks, sent = on(work, rate=60, patience=Patience(resend=600.0))
    assert len(early) > 5
    assert set(early) == {0}
    assert looks < 60
    assert sent == (0 if there else 1)


# ---- time windows -----------------------------------------------------------------------------------------------------

_intervals = st.lists(st.builds(Interval, st.integers(0, 30), st.integers(0, 30)), max_size=8)


def seconds(intervals: list[Interval]) -> set[int]:
    return {second for one in intervals for second in range(one.since, one.until)}


@given(_intervals, st.builds(Interval, st.integers(0, 30), st.integers(0, 30)))
def test_intervals_are_sets_of_seconds(intervals: list[Interval], interval: Interval) -> None:
    together = joined(intervals)
    assert seconds(together) == seconds(intervals)
    assert all(one.until < two.since for one, two in pairwise(together))
    left = without(interval, together)
    assert seconds(left) == seconds([interval]) - seconds(intervals)
    assert covers(together, interval) == (seconds([interval]) <= seconds(intervals))
