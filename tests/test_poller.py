"""The status poller with its store before a simulated provider that has very many messages: in time, in few requests, for the right
account."""

import asyncio
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from tests.effort import some
from tests.simulated import NEVER, START, SimulatedProvider, Simulation, drill, simulated
from translator.core.http.messages import Failure, Response
from translator.shell.delivery.polling_results import STEP
from translator.shell.store import subscriptions

FRONTS = ("restcomm", "properties-v2")


async def ends(world: Simulation) -> int:
    """The number of `delivered` callbacks in the store, due or delivered."""
    count = text("SELECT count(*) FROM callback_deliveries WHERE event = 'delivered'")
    return int(await world.store.read(lambda connection: connection.execute(count).scalar_one()))


async def set_look_at(world: Simulation, value: float) -> None:
    await world.store.write(
        lambda connection: connection.execute(
            text("UPDATE callback_subscriptions SET next_check_at = :value, checks = 3"), {"value": value}
        )
    )


@pytest.mark.parametrize("front", FRONTS)
def test_ends_are_told_in_time_at_the_full_rate_with_some_slow_handsets(front: str) -> None:
    """Forty a second with 8 requests are as a hundred with 20. The run is shorter, so the time before the poller has learnt weighs
    more."""
    measured = simulated(partial(drill, seconds=60, slow=90.0, a_second=40), front, asks=8)
    assert measured.untold == 0 and len(measured.delays) == 2400
    assert measured.share(15) >= 0.96, measured.share(15)
    assert measured.share(60) == 1
    assert max(measured.asks) <= 8


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("a_second", some([1, 2, 5, 10, 20, 35], 1, 10, 35))
def test_a_little_traffic_is_told_of_in_time_too(front: str, a_second: int) -> None:
    """One request reads a time window that one request can read, also if the provider counts in pages."""

    async def work(world: Simulation) -> Any:
        await world.traffic(20, a_second, lambda _: 3.0)
        await world.traffic(20, 0, lambda _: 3.0)
        return world.count_untold(), len(world.measured.delays), world.measured.share(15)

    assert simulated(work, front) == (0, 20 * a_second, 1.0)


@pytest.mark.parametrize("front", FRONTS)
def test_where_no_sense_can_be_made_of_a_search_everybody_is_retrieved(
    front: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(world: Simulation) -> Any:
        world.provider.search = Response(200, (), b"<html>")
        await world.traffic(1, 60, lambda _: 2.0)
        await world.traffic(59, 0, lambda _: 2.0)
        return await ends(world), world.provider.lists, max(world.measured.asks)

    told, lists, asks = simulated(work, front)
    assert (told, asks) == (60, 20)
    assert lists <= 2, "a search that failed is not tried again each round"
    assert "poll-search-failed" in capsys.readouterr().out


def test_a_message_that_the_provider_cannot_show_keeps_no_other_waiting() -> None:
    async def work(world: Simulation) -> Any:
        world.provider.search = Response(500)
        rows = [world.provider.create(2.0) for _ in range(5)]
        await world.send(rows)
        world.provider._by_sid[rows[0].sid] = None  # type: ignore[assignment]
        real = world.provider._written
        world.provider._written = lambda row: "nonsense" if row is rows[1] else real(row)  # type: ignore[method-assign]
        await world.traffic(30, 0, lambda _: 2.0)
        return await ends(world)

    assert simulated(work) == 3


def test_a_back_that_serves_less_at_once_shows_everybody_all_the_same() -> None:
    async def work(world: Simulation) -> Any:
        world.provider.serves = 20
        await world.traffic(20, 20, lambda _: 2.0)
        await world.traffic(60, 0, lambda _: 2.0)
        return world.count_untold(), len(world.measured.delays)

    assert simulated(work) == (0, 400)


@pytest.mark.parametrize("ahead", [-3600, -90, 90, 3600])
def test_provider_with_another_clock_has_its_callbacks_in_time_too(ahead: int) -> None:
    """By its own clock a message of such a provider is an hour old when it is new, or not created yet."""

    async def work(world: Simulation) -> Any:
        world.provider.ahead = ahead
        await world.traffic(30, 20, lambda _: 3.0)
        await world.traffic(15, 0, lambda _: 3.0)
        return world.count_untold(), len(world.measured.delays), world.measured.share(15)

    assert simulated(work) == (0, 600, 1.0)


@pytest.mark.parametrize("front", FRONTS)
def test_more_messages_of_one_second_than_a_round_reads_are_all_seen(front: str) -> None:
    async def work(world: Simulation) -> Any:
        await world.traffic(1, 1500, lambda _: 2.0)
        await world.traffic(60, 0, lambda _: 2.0)
        return world.count_untold(), len(world.measured.delays)

    assert simulated(work, front, asks=3) == (0, 1500)


def test_no_transaction_of_a_round_changes_more_rows_than_a_step() -> None:
    """Two thousand messages of one second. Each subscription may get two deliveries, and their destination is one row."""

    async def work(world: Simulation) -> Any:
        await world.send([world.provider.create(2.0) for _ in range(2000)])
        world.clock.advance(10)
        real, changed = world.store.write, []

        def counted(connection: Any, done: Any) -> Any:
            before = connection.connection.driver_connection.total_changes
            result = done(connection)
            changed.append(connection.connection.driver_connection.total_changes - before)
            return result

        world.store.write = lambda done: real(lambda connection: counted(connection, done))
        await world.round()
        return changed, len(world.measured.delays)

    changed, told = simulated(work)
    assert told == 2000
    assert len(changed) == 2 * 2000 / STEP, "leases, and results"
    assert max(changed) <= 3 * STEP + 1


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_process_that_ends_between_two_steps_loses_nothing(step: int) -> None:
    """The results of the steps before it are delivered once. The other messages are polled again when their leases have expired."""

    async def work(world: Simulation) -> Any:
        await world.send([world.provider.create(2.0) for _ in range(4 * STEP)])
        world.clock.advance(10)
        world.store.fails = world.store.writes + 4 + step  # the first four are the leases
        await world.round()
        at_once = await ends(world)
        world.store.fails = None
        world.restart({"provider": world.provider}, [world.entry])
        await world.traffic(120, 0, lambda _: 2.0)
        return at_once, await ends(world), world.count_untold()

    assert simulated(work) == ((step - 1) * STEP, 4 * STEP, 0)


def test_a_row_that_somebody_else_has_taken_spoils_no_other() -> None:
    async def work(world: Simulation) -> Any:
        rows = [world.provider.create(2.0) for _ in range(100)]
        await world.send(rows)
        world.clock.advance(10)
        taken = "UPDATE callback_subscriptions SET leased_until = :until, fencing_token = fencing_token + 1 WHERE id % 4 = 0"
        others = {"until": world.clock() + 60}
        await world.store.write(lambda connection: connection.execute(text(taken), others))
        await world.round()
        told = await ends(world)
        world.clock.advance(61)
        await world.round()
        return told, await ends(world)

    assert simulated(work) == (75, 100)


# ---- the store stays bounded ---------------------------------------------------------------------------------------


def test_what_a_round_reads_of_the_store_does_not_grow_with_who_waits() -> None:
    """Statements and rows, with 12,000 subscriptions: ten times as many take ten times as many rounds until all are held."""

    async def work(world: Simulation) -> Any:
        await world.traffic(60, 200, lambda _: NEVER, looked=False)
        seen = []
        for _ in range(6):
            world.store.reads.clear()
            await world.round()
            world.clock.advance(5)
            seen.append((len(world.store.reads), max(world.store.reads)))
        return seen, max(world.measured.asks)

    seen, asks = simulated(work)
    assert asks <= 20
    assert max(statements for statements, _ in seen) <= 6 + 5, (
        "the leased rows are read in steps, of which 20 asks fill five"
    )
    assert max(rows for _, rows in seen) <= 10_000


# ---- receipts ------------------------------------------------------------------------------------------------------


def test_a_receipt_moves_its_message_to_the_front_between_two_rounds() -> None:
    async def work(world: Simulation) -> Any:
        ids = await world.send([world.provider.create(NEVER) for _ in range(3_000)])
        late = [world.provider.create(12.0)]
        ids += await world.send(late)
        for _ in range(3):
            world.clock.advance(5)
            await world.round()
        world.clock.advance(1)
        hurried: list[bool] = []
        world.tracker.hurry = lambda: hurried.append(True)
        before, asked = await ends(world), world.provider.asked - world.measured.asks[-1]
        found = await world.store.write(partial(subscriptions.check_now, send=ids[-1], now=world.clock()))
        await world.tracker.hasten(found)
        await world.round()
        told = await ends(world)
        for id_ in ids[:500]:  # a flood
            await world.tracker.hasten(
                await world.store.write(partial(subscriptions.check_now, send=id_, now=world.clock()))
            )
        await world.round()
        await asyncio.sleep(0)
        await world.tracker.aclose()
        return before, told, world.provider.asked - asked

    before, told, asked = simulated(work)
    assert (before, told) in ((0, 1), (1, 1))
    assert asked <= 24, "a second allows a fifth of what five allow"


def test_many_receipts_want_one_early_round() -> None:
    async def work(world: Simulation) -> Any:
        [id_] = await world.send([world.provider.create(NEVER)])
        wanted: list[float] = []
        world.tracker.hurry = lambda: wanted.append(1)
        for _ in range(50):
            await world.tracker.hasten(
                await world.store.write(partial(subscriptions.check_now, send=id_, now=world.clock()))
            )
        await asyncio.sleep(0.15)
        return wanted

    assert simulated(work, poll=0.5) == [1]


# ---- places --------------------------------------------------------------------------------------------------------


def test_a_back_that_stalls_holds_up_no_other() -> None:
    async def work(world: Simulation) -> Any:
        goes_on = asyncio.Event()
        stalled = SimulatedProvider(world.provider.dialect, world.clock)
        stalled.stall = goes_on.wait  # type: ignore[assignment]
        other = world.entry_at("stalled", "AC2")
        world.restart({"provider": world.provider, "stalled": stalled}, [world.entry, other])
        await world.send([stalled.create(1.0)], other)
        told = []
        for _ in range(3):
            await world.send([world.provider.create(1.0)])
            world.clock.advance(5)
            await world.tracker.begin()
            for _ in range(200):
                await asyncio.sleep(0)
            told.append(await ends(world))
        waits = stalled.asked
        goes_on.set()
        await world.tracker.round()
        return told, waits, await ends(world)

    assert simulated(work) == ([1, 2, 3], 1, 4)


def test_a_watch_is_looked_for_where_its_message_was_sent_and_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    async def work(world: Simulation) -> Any:
        await world.send([world.provider.create(2.0)])
        elsewhere = SimulatedProvider(world.provider.dialect, world.clock)
        moved = world.entry_at("elsewhere")
        world.restart({"provider": world.provider, "elsewhere": elsewhere}, [moved])
        for _ in range(3):
            world.clock.advance(5)
            await world.tracker.round()
        alone = (world.provider.asked, elsewhere.asked, world.meter.page().decode())
        other = world.entry_at("provider", "AC9")
        world.restart({"provider": world.provider, "elsewhere": elsewhere}, [moved, other])
        world.clock.advance(5)
        await world.tracker.round()
        [form] = await world.store.read(
            lambda connection: (
                connection.execute(text("SELECT payload FROM callback_deliveries WHERE event = 'delivered'"))
                .scalars()
                .all()
            )
        )
        return alone, elsewhere.asked, world.provider.asked, form

    (asked, elsewhere, page), never, once, form = simulated(work)
    assert (asked, elsewhere, never, once) == (0, 0, 0, 1)
    assert 'sms_translator_poll_stranded{back="provider"} 1.0' in page
    assert "AccountSid=AC1" in form, "it is told by the front of the account that accepted it"
    said = capsys.readouterr().out
    assert said.count("poll-stranded") == 1


def test_subscription_of_a_removed_account_is_not_polled_and_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    async def work(world: Simulation) -> Any:
        await world.send([world.provider.create(2.0)])
        world.restart({"provider": world.provider}, [world.entry_at("provider", "AC9")])
        for _ in range(3):
            world.clock.advance(5)
            await world.tracker.round()
        counts = await world.store.read(partial(subscriptions.waiting_counts, now=world.clock()))
        return world.provider.asked, counts

    asked, [waiting] = simulated(work)
    assert asked == 0
    assert waiting == subscriptions.WaitingCount("restcomm/AC1/", "provider/A1/P1", 1, 15.0, 15.0)
    assert "poll-stranded" in capsys.readouterr().out


# ---- clocks, failures, log lines -----------------------------------------------------------------------------------


def test_a_clock_that_was_set_back_puts_nobody_off() -> None:
    async def work(world: Simulation) -> Any:
        await world.send([world.provider.create(20.0)])
        await set_look_at(world, START + 172_800.0)  # written by a process whose clock was two days ahead
        world.restart({"provider": world.provider}, [world.entry])
        await world.traffic(30, 0, lambda _: 1.0)
        return await ends(world)

    assert simulated(work) == 1


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("was_right", [True, False])
@pytest.mark.parametrize("step", some([-3600, -40, 40, 3600], -40, 3600))
def test_what_is_sent_after_the_wall_clock_was_set_is_told_of_in_time(front: str, step: int, was_right: bool) -> None:
    """Sends carry the time of the wall clock, polls that of the steady one, which follows the wall slowly.

    Either the clock was right before it was set, or it is right since.
    """

    async def work(world: Simulation) -> Any:
        world.provider.ahead = 0 if was_right else step
        await world.traffic(10, 20, lambda _: 3.0)
        world.set_by = step
        await world.traffic(30, 20, lambda _: 3.0)
        await world.traffic(15, 0, lambda _: 3.0)
        return world.count_untold(), len(world.measured.delays), world.measured.share(15)

    assert simulated(work, front) == (0, 800, 1.0)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("steps", [(3600, 0), (-3600, 0), (3600, -3600)])
def test_send_just_before_another_clock_step_has_its_callbacks_in_time(front: str, steps: tuple[int, int]) -> None:
    """The steady clock has not followed the wall yet when the wall is set again. The rows since the last round have the time of neither
    clock."""

    async def work(world: Simulation) -> Any:
        await world.traffic(10, 20, lambda _: 3.0)
        for step in steps:
            world.set_by = step
            await world.traffic(13, 20, lambda _: 3.0)
        await world.traffic(15, 0, lambda _: 3.0)
        return world.count_untold(), len(world.measured.delays), world.measured.share(15)

    assert simulated(work, front) == (0, 720, 1.0)


def test_what_a_round_could_not_do_is_counted_and_said_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    async def work(world: Simulation) -> Any:
        world.provider.search = Response(500)
        await world.traffic(1, 400, lambda _: NEVER)
        await world.traffic(59, 0, lambda _: NEVER)
        return world.meter.page().decode()

    page = simulated(work)
    said = capsys.readouterr().out
    assert said.count("poll-behind") == 1
    assert "due=" in said and "oldest=" in said and "hello" not in said and "1555" not in said
    counted = {
        line.split("}")[0].partition("{")[2]: float(line.split()[-1])
        for line in page.splitlines()
        if "polls_total{" in line
    }
    assert counted['back="provider",outcome="put-off"'] > 1000
    assert counted['back="provider",outcome="seen"'] > 100
    assert 'sms_translator_poll_backlog{back="provider"}' in page


def test_unreachable_provider_is_polled_little_and_all_are_told_on_return() -> None:
    async def work(world: Simulation) -> Any:
        await world.traffic(20, 20, lambda _: 2.0)
        world.provider.failure = Failure("never-left", "ConnectError")
        before = world.provider.asked
        await world.traffic(60, 20, lambda _: 2.0)
        away = world.provider.asked - before
        world.provider.failure = None
        await world.traffic(30, 0, lambda _: 2.0)
        return away, world.count_untold()

    away, untold = simulated(work)
    assert away <= 12 * 4, "a sweep and one batch a round"
    assert untold == 0


def test_a_store_that_goes_away_under_a_round_loses_nobody() -> None:
    async def work(world: Simulation) -> Any:
        await world.send([world.provider.create(2.0) for _ in range(50)])
        world.store.fails = world.store.writes + 2  # the write of the statuses that the poll found
        world.clock.advance(5)
        await world.round()
        told = await ends(world)
        await world.traffic(90, 0, lambda _: 2.0)
        return told, await ends(world)

    assert simulated(work) == (0, 50)
