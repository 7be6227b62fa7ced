"""The reconciler: providers side by side, very many sends, clocks that step, and the time at which a send is unresolved."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.crowd import NOW, Sought
from tests.stores import opened
from translator.core.accounts import Accounts
from translator.core.effects import Outcome
from translator.core.exchange import Limits
from translator.core.http.messages import Failure
from translator.core.model import Message
from translator.core.reconciliation import ASKS
from translator.shell.delivery import journal
from translator.shell.delivery.journal import Patience
from translator.shell.runtime.effect_runner import EffectRunner
from translator.shell.runtime.single_flight_cache import SingleFlightCache
from translator.shell.store import Store, schema, sends, unknown_sends


def on(work: Callable[[Sought], Coroutine[Any, Any, Any]], url: str = "memory:", **settings: Any) -> Any:
    async def main() -> Any:
        async with opened(url) as store:
            return await work(Sought(store, **settings))

    return asyncio.run(main())


# ---- side by side ------------------------------------------------------------------------------------------------------


def test_a_provider_that_stalls_holds_up_no_other() -> None:
    async def work(world: Sought) -> Any:
        stalled, well = world.crowds.values()
        for_ever = asyncio.Event()
        stalled.stall = for_ever.wait  # type: ignore[assignment]
        await world.unknown("first", back=0)
        for number in range(30):
            await world.unknown(f"also {number}", back=0)
        id_ = await world.unknown("hello", back=1)
        message = well.add(NOW + 0.5, "hello")
        world.pass_by(1.0)
        await world.seeker.round()
        for _ in range(200):
            await asyncio.sleep(0.001)
            if await world.sids([id_]) != [None]:
                break
        found = await world.sids([id_]) == [well.sid(message)]
        later = await world.unknown("later", back=1)
        well.add(NOW + 1.5, "later")
        world.pass_by(1.0)
        await world.seeker.round()
        for _ in range(200):
            await asyncio.sleep(0.001)
            if await world.sids([later]) != [None]:
                break
        asked = stalled.asked
        await world.seeker.aclose()
        return found, await world.sids([later]) != [None], asked

    assert on(work, backs=2) == (True, True, 1)


def test_a_provider_that_fails_is_looked_at_again_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    async def work(world: Sought) -> Any:
        id_ = await world.unknown("hello")
        message = world.crowd.add(NOW + 0.5, "hello")
        world.crowd.failure = Failure("timeout", "deadline")
        asks = [await world.look(1.0), await world.look(1.0)]
        world.crowd.failure = None
        await world.look(2.0)
        return asks, await world.sids([id_]) == [world.crowd.sid(message)], world.meter.page().decode()

    asks, found, page = on(work)
    assert asks == [1, 1]
    assert found
    assert 'sms_translator_reconciliation_searches_total{back="provider0",outcome="failed"} 2.0' in page
    assert "search-failed" in capsys.readouterr().out


def test_search_that_has_begun_ends_with_its_own_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The account and its provider leave the configuration while a search for its sends is in progress."""

    async def work(world: Sought) -> Any:
        id_ = await world.unknown("hello")
        message = world.crowd.add(NOW + 0.5, "hello")
        world.pass_by(1.0)
        write = world.store.write

        async def written(work: Any) -> Any:
            if world.seeker._running:
                nothing = Accounts([]), EffectRunner({}, SingleFlightCache(), world.meter), Limits(), Patience(), 10.0
                world.seeker.change(*nothing)
            return await write(work)

        world.store.write = written  # type: ignore[method-assign]
        await world.seeker.round()
        await world.seeker.finished()
        return await world.sids([id_]) == [world.crowd.sid(message)]

    assert on(work)
    assert "defect" not in capsys.readouterr().out


def test_who_waits_hears_at_once_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_GLANCE", 1.0)  # a poll at this interval would be too late

    async def work(world: Sought) -> Any:
        id_ = await world.unknown("hello")
        waiting = asyncio.create_task(world.journal.wait([id_]))
        await asyncio.sleep(0.01)
        world.crowd.add(NOW + 0.5, "hello")
        await world.look(1.0)
        [outcome] = await asyncio.wait_for(waiting, 0.5)
        return outcome.state

    assert on(work, patience=Patience(wait=30.0)) == "sent"


# ---- very many ---------------------------------------------------------------------------------------------------------


async def statements(world: Sought, engine: Any, work: Coroutine[Any, Any, Any]) -> int:
    """The number of statements and transactions that a work has made."""
    said: list[Any] = []

    def note(*what: Any) -> None:
        said.append(what)

    event.listen(engine, "before_cursor_execute", note)
    try:
        await work
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(said)


def test_ten_thousand_unknown_sends_are_reconciled_newest_first_in_rounds() -> None:
    async def work(world: Sought) -> Any:
        ids: list[str] = []
        for second in range(100):
            ids += await world.all_unknown([f"text {second} {number}" for number in range(100)])
            for number in range(100):
                world.crowd.add(world.clock() + number / 200, f"text {second} {number}")
            world.pass_by(1.0)
        engine = world.store._engine  # type: ignore[attr-defined]
        rounds: list[int] = []
        asks, said = [], []
        while (left := (await world.store.read(sends.counted)).get("unknown", 0)) and len(rounds) < 60:
            before = world.crowd.asked
            said.append(await statements(world, engine, world.look(1.0)))
            asks.append(world.crowd.asked - before)
            rounds.append(left)
            if len(rounds) == 1:
                newest = await world.sids(ids[-300:])
        found = await world.sids(ids) == [world.crowd.sid(one) for one in world.crowd.specials]
        return found, None in newest, max(asks), max(said), len(rounds)

    found, is_newest_missing, asks, said, rounds = on(work)
    print(f"{rounds} rounds, at most {asks} asks and {said} statements each")
    assert found
    assert not is_newest_missing
    assert asks <= ASKS
    assert said <= 200, "500 sends a round take a few statements"
    assert rounds <= 45


def test_waiting_clients_come_first_and_then_the_sends_that_are_due(store_url: str) -> None:
    async def work(store: Store) -> Any:
        world = Sought(store)
        old = [await world.unknown(f"old {number}") for number in range(3)]
        world.pass_by(100.0)
        new = [await world.unknown("new 0")]
        world.pass_by(1.0)
        new.append(await world.unknown("new 1"))
        now = world.clock()
        found = partial(unknown_sends.due, busy=(), fresh=now - 5.0, now=now, lease=60.0)
        all_due = await store.read(partial(found, most=9))
        first = await store.read(partial(found, most=3))
        busy = await store.read(
            partial(unknown_sends.due, busy={"provider0/A1/P1"}, fresh=0.0, most=9, now=now, lease=60.0)
        )
        return old, new, all_due, first, busy

    async def main() -> Any:
        async with opened(store_url) as store:
            return await work(store)

    old, new, all_due, first, busy = asyncio.run(main())
    assert all_due == {"provider0/A1/P1": [*new[::-1], *old]}
    assert first == {"provider0/A1/P1": [*new[::-1], old[0]]}
    assert busy == {}


def test_a_place_that_costs_much_is_left_alone_between_looks() -> None:
    async def work(world: Sought) -> Any:
        asks = []
        for number in range(40):
            await world.unknown(f"text {number}")
            asks.append(await world.look(0.25))
        return asks

    asks = on(work, rate=196)
    assert sum(asks) <= 2 * ASKS + 20 * 10, "two looks, and twenty asks a second"


# ---- clocks ------------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_put_forward_loses_nothing_to_sight() -> None:
    async def work(world: Sought) -> Any:
        id_ = await world.unknown("hello")
        message = world.crowd.add(NOW + 0.5, "hello", shown=NOW + 200_000.0 + 1900.0)
        await world.look(1.0)
        world.clock.advance(200_000.0)  # our clock alone: two days, more than give_up
        states = []
        for _ in range(6):
            await world.look(300.0)
            states.append((await world.row(id_)).state)
        await world.look(300.0)
        return states, await world.sids([id_]) == [world.crowd.sid(message)]

    states, found = on(work)
    assert states == ["unknown"] * 6
    assert found


def test_send_is_unresolved_after_the_stated_time_and_number_of_searches() -> None:
    async def work(world: Sought) -> Any:
        id_ = await world.unknown("hello")
        world.clock.advance(200_000.0)
        looks = 0
        while (await world.row(id_)).state == "unknown" and looks < 40:
            await world.look(300.0)
            looks += 1
        return looks, world.steady(), world.meter.page().decode()

    looks, passed, page = on(work)
    assert 12 <= looks <= 15
    assert passed >= 3600
    assert 'sms_translator_sends_total{outcome="unresolved"} 1.0' in page
    assert 'outcome="unread"' not in page


def test_send_with_a_window_never_read_to_its_end_is_unresolved_and_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def work(world: Sought) -> Any:
        id_ = await world.unknown("hello")
        looks = 0
        while (await world.row(id_)).state == "unknown" and looks < 40:
            await world.look(300.0)
            looks += 1
        return world.meter.page().decode()

    page = on(work, rate=1000, patience=Patience(give_up=3600.0))
    assert 'sms_translator_sends_total{outcome="unread"} 1.0' in page
    [line] = [line for line in capsys.readouterr().out.splitlines() if "send-unresolved" in line]
    assert "read=part" in line


def test_clock_set_back_delays_no_search_for_longer_than_its_pause(store_url: str) -> None:
    async def work(store: Store) -> Any:
        world = Sought(store)
        now = world.clock()
        id_ = await world.unknown("hello", made=now + 200_000.0)
        await store.write(partial(unknown_sends.take_unknown, most=9, now=now, lease=60.0))
        await store.write(lambda connection: sends.mark_unknown(connection, schema.sends.c.id == id_, now + 200_000.0))
        far = await store.write(
            lambda c: c.execute(schema.sends.update().values(leased_until=now + 200_060.0)).rowcount
        )
        found = await store.read(
            partial(unknown_sends.due, busy=(), fresh=now, most=9, now=now, lease=60.0)
        )  # fmt: skip
        taken = await store.write(partial(unknown_sends.take_unknown, most=9, now=now, lease=60.0, ids=[id_]))
        soon = await store.write(
            lambda c: c.execute(schema.sends.update().values(next_check_at=now + 300.0, leased_until=0.0)).rowcount
        )
        not_yet = await store.read(partial(unknown_sends.due, busy=(), fresh=now, most=9, now=now, lease=60.0))
        return far, found, [row.id for row in taken], soon, not_yet, id_

    async def main() -> Any:
        async with opened(store_url) as store:
            return await work(store)

    far, found, taken, soon, not_yet, id_ = asyncio.run(main())
    assert (far, soon) == (1, 1)
    assert found == {"provider0/A1/P1": [id_]}
    assert taken == [id_]
    assert not_yet == {}


@pytest.mark.parametrize("ahead", [0.0, 60.0, -1500.0, 200_000.0])
def test_send_is_found_at_a_provider_whose_clock_others_have_shown(ahead: float, tmp_path: Path) -> None:
    async def work(world: Sought) -> Any:
        world.crowd.ahead = ahead
        for number in range(4):
            [answered] = await world.under_way([f"text {number}"], world.entries[0], world.clock())
            message = world.crowd.add(world.clock() + 0.2, f"text {number}")
            shown = Message(
                sid=world.crowd.sid(message), sender="+15550100001", recipient="+15550100005", text=message.text,
                status="sent", direction="outbound-api", created=int(message.created),
            )  # fmt: skip
            await world.store.settle([Outcome(answered, "sent", shown)], world.clock())
            world.pass_by(2.0)
        message = world.crowd.add(world.clock() + 0.5, "hello")
        id_ = await world.unknown("hello")
        asks = await world.look(10.0)
        return asks, await world.sids([id_]) == [world.crowd.sid(message)]

    asks, found = on(work, f"sqlite:///{tmp_path / 'translator.db'}", rate=196)
    assert found
    assert asks <= 40


def test_sends_that_a_look_has_no_asks_for_come_first_in_the_next_one() -> None:
    async def work(world: Sought) -> Any:
        world.pass_by(4000.0)
        ids = [await world.unknown(f"text {number}", made=NOW + 40.0 * number) for number in range(90)]
        rounds, looks = 0, [0]
        while rounds < 60 and not min(looks):
            await world.look(15.0)
            rounds += 1
            looks = [(await world.row(id_)).checks for id_ in ids]
        return rounds, looks

    rounds, looks = on(work, rate=98)
    assert rounds <= 30, "ninety near stretches of nine asks each, and sixty asks a look"
    assert max(looks) <= 2, "nobody is looked for again and again while another waits"
