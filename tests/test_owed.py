"""The limit on an account's undelivered callbacks: a send that wants one more is refused before anything is written, and no other send
is."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance.clock import ManualClock
from tests.kept import Kept
from tests.stores import on, opened, plans_of
from tests.test_deliveries import OTHER, enqueue
from tests.test_keeping import FRONTS
from tests.test_store import ENTRY
from translator.shell.delivery import owed_limit
from translator.shell.delivery.owed_limit import AGAIN, AGE, Owed
from translator.shell.store import Store, StoreUnavailable, unknown_sends
from translator.shell.store.migrations import migrate
from translator.shell.store.owed_counts import is_known, owed_to
from translator.shell.store.sqlite import database

REFUSALS = 'sms_translator_callbacks_refused_total{account="%s"}'


def kept(store_url: str, work: Callable[[Kept], Coroutine[Any, Any, Any]], front: str = "restcomm") -> Any:
    """Return the result of a test's work on a proxy whose account may have three undelivered callbacks."""

    async def main() -> Any:
        async with opened(store_url) as store:
            world = Kept(store, front)
            passed = world.passed = ManualClock(0)  # type: ignore[attr-defined]
            world.journal.links.owed = Owed(3, passed)
            world.meter.callbacks_refused = world.journal.links.owed.refusals
            return await work(world)

    return asyncio.run(main())


@pytest.mark.parametrize("front", FRONTS)
def test_send_with_a_callback_too_many_is_refused_and_one_without_is_made(store_url: str, front: str) -> None:
    """Nothing of the refused send is written or sent to the provider. After the callbacks are delivered, there is room again."""

    async def work(world: Any) -> Any:
        statuses = [(await world.send(f"{number}"))[0] for number in range(3)]
        refused, body = await world.send("too many")
        plain, _ = await world.send("plain", hook="")
        world.passed.advance(AGE)
        again, _ = await world.send("still too many")
        page = world.meter.page().decode()
        for seconds in (1, 10, 60):
            await world.work_off(seconds)
        world.passed.advance(AGAIN)
        later, _ = await world.send("later")
        return statuses, refused, str(body), plain, again, later, world.provider.texts, page, world.entry.name

    statuses, refused, body, plain, again, later, texts, page, name = kept(store_url, work, front)
    assert (statuses, refused, plain, again, later) == ([200] * 3, 429, 200, 429, 200)
    assert ("StatusCallback" if front == "restcomm" else "DeliveryReceiptWebhookUri") in body
    assert texts == ["0", "1", "2", "plain", "later"]
    assert f"{REFUSALS % name} 2.0" in page


def test_calls_that_fail_are_owed_until_they_are_given_up(store_url: str) -> None:
    """Their messages have ended, so no status is polled. One delivery of each waits for its next attempt, and another waits after it."""

    async def work(world: Any) -> Any:
        world.application.down = True
        for number in range(3):
            await world.send(f"{number}")
        for seconds in (1, 10, 60):
            await world.work_off(seconds)
        left = await world._real.read(partial(owed_to, entry=world.entry.name, most=99))
        world.passed.advance(AGE)
        refused, _ = await world.send("too many")
        world.application.down = False
        await world.work_off(3600)
        world.passed.advance(AGE)
        return left, refused, (await world.send("later"))[0]

    assert kept(store_url, work) == (3, 429, 200)


def test_what_was_made_with_a_key_is_told_whatever_is_owed(store_url: str) -> None:
    async def work(world: Any) -> Any:
        statuses = [(await world.send(f"{number}", key=f"k{number}"))[0] for number in range(4)]
        return [
            *statuses,
            (await world.send("0", key="k0"))[0],
            (await world.send("3", key="k3"))[0],
        ], world.provider.texts

    assert kept(store_url, work) == ([200, 200, 200, 429, 200, 429], ["0", "1", "2"])


def test_what_another_account_is_owed_takes_nothing_from_this_one(store_url: str) -> None:
    async def work(store: Store) -> Any:
        for number in range(5):
            await enqueue(store, number, "sent", "delivered", host=f"h{number}.example")
        counts = Owed(5, ManualClock(0))
        return [await counts.take(store, ENTRY), await counts.take(store, OTHER)]

    assert on(store_url, work) == [False, True]


class Counting:
    """A store that counts its reads, and is down while `is_down` says so."""

    def __init__(self) -> None:
        self.reads, self.is_down, self.owed = 0, False, 0

    async def read(self, work: Any) -> int:
        self.reads += 1
        await asyncio.sleep(0)
        if self.is_down:
            raise StoreUnavailable("OperationalError")
        return self.owed


def test_store_is_read_seldom_for_many_sends_and_the_cap_is_kept_closely() -> None:
    """A hundred sends at once need one count. An account at the cap is counted once a second."""
    store: Any = Counting()
    clock = ManualClock(0)
    counts = Owed(1000, clock)

    async def main() -> None:
        assert sum(await asyncio.gather(*[counts.take(store, "a") for _ in range(1500)])) == 1000
        assert store.reads == 1
        for _ in range(1000):
            counts.recorded("a")
        clock.advance(AGAIN)
        store.owed = 1000
        assert sum(await asyncio.gather(*[counts.take(store, "a") for _ in range(1500)])) == 0
        assert store.reads == 2
        clock.advance(AGAIN)
        store.owed = 10
        assert sum(await asyncio.gather(*[counts.take(store, "a") for _ in range(500)])) == 500
        clock.advance(AGE - AGAIN)
        await counts.take(store, "a")
        assert store.reads == 3
        clock.advance(AGAIN)
        await counts.take(store, "a")
        assert store.reads == 4

    asyncio.run(main())


def test_parallel_sends_do_not_pass_the_limit_together() -> None:
    """Each of them waits to be recorded. A count of the store meanwhile finds none of them, and they count all the same."""
    store: Any = Counting()
    clock = ManualClock(0)
    counts = Owed(10, clock)

    async def main() -> list[int]:
        taken = []
        for _ in range(5):
            taken.append(sum(await asyncio.gather(*[counts.take(store, "a") for _ in range(8)])))
            clock.advance(AGE)
        for _ in range(4):
            counts.recorded("a")
        store.owed = 3  # one of the four was not recorded
        taken.append(sum(await asyncio.gather(*[counts.take(store, "a") for _ in range(8)])))
        return taken

    assert asyncio.run(main()) == [8, 2, 0, 0, 0, 1]


def test_sends_that_wait_for_the_provider_are_owed_their_callbacks(store_url: str) -> None:
    """Ten counts pass while the provider is silent. The callback of an unknown send counts too, and that of an unresolved one does not."""

    async def work(world: Any) -> Any:
        world.provider.fault = "no answer"
        statuses = []
        for number in range(6):
            statuses.append((await world.send(f"{number}"))[0])
            world.passed.advance(AGE)
        rows = await world._real.write(partial(unknown_sends.take_unknown, most=9, now=world.clock(), lease=60.0))
        missed = [(row, None) for row in rows]
        await world._real.write(partial(unknown_sends.judge, found=[], missed=missed, now=world.clock()))
        world.provider.fault = ""
        later, _ = await world.send("later")
        return statuses, len(rows), later

    assert kept(store_url, work) == ([504] * 3 + [429] * 3, 3, 200)


def test_a_store_that_is_down_is_no_cap() -> None:
    store: Any = Counting()
    store.is_down = True
    assert asyncio.run(Owed(1, ManualClock(0)).take(store, "a"))


def test_no_more_is_counted_than_the_cap_and_by_index(tmp_path: Path) -> None:
    with database(tmp_path / "translator.db").connect() as connection, connection.begin():
        migrate(connection, "")
        plans = plans_of(connection, lambda one: (owed_to(one, ENTRY, 10), is_known(one, ENTRY, "k")))
    steps = {step for plan in plans.values() for step in plan if step.startswith(("SEARCH", "SCAN"))}
    assert steps - {"SCAN anon_1"} == {
        "SEARCH callback_subscriptions USING INDEX callback_subscriptions_waiting (account=?)",
        "SEARCH callback_subscriptions USING INDEX callback_subscriptions_unsent (account=?)",
        "SEARCH sends USING INDEX sqlite_autoindex_sends_1 (id=?)",
        "SEARCH callback_deliveries USING COVERING INDEX callback_deliveries_due (account=?)",
        "SEARCH sends USING INDEX sends_idempotency_key (account=? AND idempotency_key=?)",
    }


def test_a_count_ends_at_the_cap(store_url: str) -> None:
    async def work(store: Store) -> Any:
        for number in range(5):
            await enqueue(store, number, "sent", host=f"h{number}.example")
        return [await store.read(partial(owed_to, entry=ENTRY, most=most)) for most in (3, 5, 9)]

    assert on(store_url, work) == [3, 5, 5]
    assert owed_limit.MOST >= 100_000
